"""A recorded or simulated home, played by the clock."""
