"""What is observed: logs now, detectors later."""
