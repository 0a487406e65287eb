"""How sensors are read; the catalogue names every driver."""
