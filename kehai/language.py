"""In which language a command speaks."""

from __future__ import annotations

import os

from dashboard.language import LANGUAGES
from domain.errors import ConfigurationError


def language_of(wanted: str | None) -> str:
    """What ``--language`` says, else what the terminal asks for: English unless that is Japanese."""
    if wanted is None:
        asked = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "")
        return "ja" if asked.startswith("ja") else "en"
    if wanted not in LANGUAGES:
        raise ConfigurationError(f"Nothing is told in {wanted!r}: say --language ja or --language en.")
    return wanted
