"""Measurements, printed; never a pass or a fail."""
