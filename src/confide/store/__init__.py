"""Databases: engines, units of work, group commit, migrations."""
