"""The detector ``not_returned``."""
