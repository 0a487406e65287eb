"""One folder for each kind of finding; kinds do not know each other."""
