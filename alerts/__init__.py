"""Findings -> one open alert for each matter -> people."""
