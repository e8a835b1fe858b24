"""One file for each FHIR interaction: the only places that know the order of things."""
