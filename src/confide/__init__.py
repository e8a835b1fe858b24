"""Confide keeps sensitive personal data: sealed, searchable, accountable, erasable."""
