"""What people may ask for about their data: one file for each right."""
