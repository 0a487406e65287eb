"""The detector ``clock_wrong``."""
