"""The demo: synthetic patients, demo accounts, a server in the background."""
