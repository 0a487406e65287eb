"""The roof: the command line, the settings, and the one place that wires the rooms together."""

__version__ = "0.1.0"
