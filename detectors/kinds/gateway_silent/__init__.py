"""The detector ``gateway_silent``."""
