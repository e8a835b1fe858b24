"""Where the root key lives: one file for each kind of provider."""
