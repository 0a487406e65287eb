"""What the end of a SQLite write-ahead log says: cut short by a death, as it should be, or damaged later.

Recovery takes frames up to the first that does not fit and says nothing of what lies behind it. Behind a commit that a power
cut or a kill interrupted lies nothing. Behind a damaged page lie commits that were on the disk once: they are lost, and
somebody has to say so. The layout is that of https://www.sqlite.org/fileformat2.html#the_write_ahead_log.
"""

from __future__ import annotations

import struct

_HEADER = 32
_FRAME = 24
_MAGIC = (0x377F0682, 0x377F0683)


def is_cut_short(wal: bytes, recovered: int) -> bool:
    """True when a commit lies behind the ``recovered`` frames (as ``PRAGMA wal_checkpoint`` counts them) and more after it.

    The very last transaction is not looked at: damaged, it looks the same as one that a death cut short.
    """
    if len(wal) < _HEADER + _FRAME:
        return False
    magic, _, page, _, *salts, first, second = struct.unpack_from(">8I", wal)
    if magic not in _MAGIC or _sum(wal[:24], magic) != (first, second):
        return any(wal[_HEADER : _HEADER + _FRAME])
    ended = False
    for at in range(_HEADER + max(0, recovered) * (_FRAME + page), len(wal) - _FRAME - page + 1, _FRAME + page):
        _, commit, *own = struct.unpack_from(">4I", wal, at)
        if own != salts:  # what an earlier round of the log left; or this is the damage, and more of this round follows
            continue
        if ended:
            return True
        ended = commit != 0
    return False


def _sum(data: bytes, magic: int) -> tuple[int, int]:
    """The log's own checksum over ``data``."""
    first = second = 0
    words = struct.unpack(f"{'>' if magic & 1 else '<'}{len(data) // 4}I", data)
    for one, other in zip(words[::2], words[1::2], strict=True):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + other + first) & 0xFFFFFFFF
    return first, second
