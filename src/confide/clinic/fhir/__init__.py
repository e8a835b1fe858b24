"""The FHIR R4 surface."""
