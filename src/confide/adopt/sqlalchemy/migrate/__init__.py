"""Seal an existing table in place: online, resumable, counted, and with a way back until it is finished."""
