"""Versioned, sealed FHIR documents and their blind index."""
