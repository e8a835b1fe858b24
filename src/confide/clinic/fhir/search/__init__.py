"""Search: what is indexed, what a query asks, and what truly matches. Pure."""
