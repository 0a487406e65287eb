"""Ways to reach somebody; each is a folder, and a line in the catalogue."""
