"""Whole ways through the house: a real server, a real client."""
