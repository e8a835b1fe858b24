"""The same vault on Django models."""
