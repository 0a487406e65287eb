"""The detector ``night_wandering``."""
