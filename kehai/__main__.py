"""``python -m kehai`` is ``kehai``."""

from kehai.cli import main

main()
