"""Shows: programs that measure a promise and print the figures."""
