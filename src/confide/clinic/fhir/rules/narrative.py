"""later"""
from confide.clinic.fhir.errors import Issue
def check(resource): return []
