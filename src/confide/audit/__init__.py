"""The audit trail: one event for every answer."""
