"""The detector ``door_at_night``."""
