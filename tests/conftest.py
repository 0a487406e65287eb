"""What the whole suite can be told on the command line."""

from __future__ import annotations

import random
import secrets

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Long campaigns: ``python -m pytest tests/faults --rounds 100 --seed 7``."""
    group = parser.getgroup("campaigns")
    group.addoption("--rounds", type=int, default=None, help="how many rounds each fault test runs; by default a few")
    group.addoption("--seed", type=int, default=None, help="repeats a run whose seed was printed; by default a new one")


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int | None:
    """The wanted number of rounds; None where the command line names none and the test's own small count is to do."""
    wanted = request.config.getoption("--rounds")
    return None if wanted is None else int(wanted)


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Seeded chance; the seed stands in the output of a test that fails, ready for ``--seed``."""
    wanted = request.config.getoption("--seed")
    seed = secrets.randbelow(1_000_000) if wanted is None else int(wanted)
    print(f"{request.node.nodeid}: --seed {seed}")  # noqa: T201 (shown when the test fails)
    return random.Random(seed)
