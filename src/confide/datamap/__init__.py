"""What each stored field is: one declaration from which the rest derives."""
