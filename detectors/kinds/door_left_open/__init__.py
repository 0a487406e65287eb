"""The detector ``door_left_open``."""
