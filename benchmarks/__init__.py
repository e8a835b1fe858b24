"""What docs/performance.md quotes; each runs with one command and prints its figures last."""
