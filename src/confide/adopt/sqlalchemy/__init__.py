"""Personal columns on plain SQLAlchemy 2 models."""
