"""The vault in a FastAPI or Starlette application."""
