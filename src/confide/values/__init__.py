"""Frozen, typed, I/O-free values that every floor may use."""
