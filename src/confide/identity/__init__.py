"""Accounts, sign-in, bearer tokens."""
