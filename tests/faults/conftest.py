"""Every test of faults bears the mark ``faults``: `scripts/test --fast` leaves them out."""

from __future__ import annotations

from pathlib import Path

import pytest

_HERE = Path(__file__).resolve().parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Before anything is chosen by its marks."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.faults)
