"""The detector ``cold``."""
