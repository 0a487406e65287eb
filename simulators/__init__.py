"""Recorded and simulated homes, and how they are played."""
