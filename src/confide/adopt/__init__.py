"""What an adopting backend starts from: a vault for its own models, whatever its framework."""
