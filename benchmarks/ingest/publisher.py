"""A publisher in a process of its own, for runs in which the stream comes while it is read."""

from __future__ import annotations

import pickle
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from benchmarks.ingest.child import Child, say, wait_for_word
from benchmarks.ingest.traffic import pour


class Publisher:
    """Holds the frames ready; ``go`` starts it."""

    def __init__(self, port: int, frames: Sequence[bytes]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="kehai-bench-")
        file = Path(self._folder.name) / "frames"
        file.write_bytes(pickle.dumps(list(frames)))
        self._child = Child("benchmarks.ingest.publisher", Path(self._folder.name) / "log", port, file)

    def __enter__(self) -> Self:
        """Start it; returns once it is ready."""
        self._child.__enter__()
        self._child.expect("ready", 60)
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._child.__exit__()
        self._folder.cleanup()

    def go(self) -> None:
        """Publish from now on."""
        self._child.tell("go")


def main() -> None:
    """A port and a file of frames."""
    frames = pickle.loads(Path(sys.argv[2]).read_bytes())  # noqa: S301 (written by the process above, a moment ago)
    say("ready")
    if wait_for_word():
        pour(int(sys.argv[1]), frames)
        say("done")


if __name__ == "__main__":
    main()
