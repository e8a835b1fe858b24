"""What `make show-vault` does to a running instance, part by part."""
