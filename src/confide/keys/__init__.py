"""The key hierarchy and its own database."""
