"""The detector ``heat``."""
