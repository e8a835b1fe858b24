"""FHIR R4 as facts, and the Structs made from them."""
