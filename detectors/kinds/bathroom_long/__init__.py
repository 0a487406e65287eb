"""The detector ``bathroom_long``."""
