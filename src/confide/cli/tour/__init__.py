"""The tour: each claim shown on the running demo, and checked."""
