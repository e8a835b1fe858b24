"""What a browser or a program meets outside FHIR: signing in, accounts, the first administrator's page."""
