"""File systems made for a test: one whose power can be cut, and one that is small enough to be filled.

The power cut. The data lie on an ext4 in an image file; that file lies on a second ext4, in an image file too, and
that one on a third. What a program wrote and did not fsync is in the first one's cache; what the first one wrote and
did not flush is in the second one's. So the second one's image holds what was flushed, and of the rest only what a
drive may have written by itself: a drive's volatile cache is modelled, not assumed away. The third file system is
frozen while that image is copied: no call that would change it can return meanwhile, so the copy is the state of one
moment.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
_TOOLS = ("mount", "umount", "mkfs.ext4", "fsfreeze", "losetup")


def why_not() -> str:
    """Why no file system can be made here, in words; empty when it can."""
    missing = [tool for tool in _TOOLS if shutil.which(tool, path=_PATH) is None]
    if missing:
        return f"making a file system needs {', '.join(missing)}"
    if os.geteuid() != 0:
        return "making a file system needs root"
    if not Path("/dev/loop-control").exists():
        return "making a file system needs loop devices, and there are none here"
    return ""


def _do(*command: object) -> None:
    done = subprocess.run(
        [*map(str, command)], check=False, capture_output=True, text=True, env=os.environ | {"PATH": _PATH}
    )
    if done.returncode:
        raise OSError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")


def _ext4(image: Path, megabytes: int, *options: str) -> None:
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    _do("mkfs.ext4", "-q", "-F", *options, image)


@contextmanager
def mounted(what: Path | str, where: Path, *options: str) -> Iterator[Path]:
    """``what`` mounted on ``where``; unmounted at the end, whatever happened, and its loop device with it."""
    where.mkdir(parents=True, exist_ok=True)
    _do("mount", *options, what, where)
    try:
        yield where
    finally:
        try:
            _do("umount", where)
        except OSError:  # somebody still holds a file of it: it goes when they go
            _do("umount", "-l", where)


@contextmanager
def small(where: Path, megabytes: int = 8) -> Iterator[Path]:
    """A file system in memory that is full after ``megabytes``."""
    with mounted("tmpfs", where, "-t", "tmpfs", "-o", f"size={megabytes}m") as root:
        yield root


class PowerCut:
    """A disk whose power is cut: ``with PowerCut(folder) as disk: ... disk.root ...; with disk.after_a_cut() as root:``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self.root = folder / "disk"

    def __enter__(self) -> Self:
        """Make and mount it."""
        folder, enter = self._folder, self._stack.enter_context
        try:
            memory = enter(small(folder / "memory", 400))
            _ext4(memory / "third.img", 160, "-O", "^has_journal")
            third = enter(mounted(memory / "third.img", folder / "third", "-o", "loop"))
            self._image = third / "second.img"
            _ext4(self._image, 100, "-J", "size=4")
            second = enter(mounted(self._image, folder / "second", "-o", "loop"))
            with (second / "first.img").open("wb") as file:  # its blocks are given now, so that a flush is data only
                file.write(bytes(48 << 20))
            _ext4_inside(second / "first.img")
            enter(mounted(second / "first.img", self.root, "-o", "loop"))
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Unmount and detach everything."""
        self._stack.close()

    @contextmanager
    def after_a_cut(self, notebook: Path | None = None, kept: Path | None = None) -> Iterator[Path]:
        """The disk as a power cut at this moment leaves it, journal recovered; the original goes on.

        ``notebook`` is copied to ``kept`` within the same moment.
        """
        copy = self._folder / "memory" / "copy.img"
        _do("fsfreeze", "-f", self._folder / "third")
        try:
            if notebook is not None and kept is not None:
                shutil.copy(notebook, kept)
            _do("cp", "--sparse=always", self._image, copy)
        finally:
            _do("fsfreeze", "-u", self._folder / "third")
        with (
            mounted(copy, self._folder / "second after", "-o", "loop") as second,
            mounted(second / "first.img", self._folder / "disk after", "-o", "loop") as root,
        ):
            yield root
        copy.unlink()


def _ext4_inside(image: Path) -> None:
    _do("sync", "-f", image)
    _do("mkfs.ext4", "-q", "-F", "-J", "size=4", "-E", "nodiscard", image)
