"""The detector ``device_silent``."""
