"""The health-record server that stands on the toolkit."""
