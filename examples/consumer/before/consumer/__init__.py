"""An application for consumers, and what its support team sees."""
