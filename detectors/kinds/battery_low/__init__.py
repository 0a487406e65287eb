"""The detector ``battery_low``."""
