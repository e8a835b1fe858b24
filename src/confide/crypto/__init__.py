"""Bytes in, bytes out: envelopes, key derivation, blind tokens, certificates."""
