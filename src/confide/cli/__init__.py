"""The `confide` command."""
