"""Who may do what: policy, decision, and the one source of rows."""
