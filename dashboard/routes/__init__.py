"""One module for each kind of page: what is asked of the rooms below, and what is answered."""
