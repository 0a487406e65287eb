"""The detector ``inactivity``."""
