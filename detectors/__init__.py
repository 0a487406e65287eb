"""Readings and passing time -> findings. Synchronous and pure."""
