"""The detector ``routine_drift``."""
