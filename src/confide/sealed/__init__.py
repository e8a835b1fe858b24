"""Values bound to their row: documents, columns, blind index."""
