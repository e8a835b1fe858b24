"""People who use the application."""
