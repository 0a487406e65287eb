"""The detector ``device_stuck``."""
