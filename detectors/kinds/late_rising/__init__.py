"""The detector ``late_rising``."""
