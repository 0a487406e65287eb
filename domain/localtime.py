"""The home's wall clock: used for rules that people live by, converted back to instants at once.

UTC offsets change only on quarter hours of UTC, so the offset is looked up once per quarter hour and remembered, by all homes
of a zone together: thirty thousand homes that remember the same quarter hours each for themselves would fill a machine.
"""

from __future__ import annotations

import datetime as dt
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.clock import DAY, HOUR, MINUTE, Instant, Span, from_datetime, to_datetime

_QUARTER = 15 * MINUTE
_EPOCH_DAY = dt.date(1970, 1, 1)
_REMEMBERED = 50_000
_known_offsets: dict[str, dict[int, Span]] = {}


class UnknownZoneError(ValueError):
    """A time zone name that the tz database does not know."""


class LocalTime:
    """Wall time in one IANA zone. Raises UnknownZoneError for a name that does not exist."""

    __slots__ = ("_offsets", "name", "zone")

    def __init__(self, name: str) -> None:
        try:
            self.zone = ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise UnknownZoneError(f"There is no time zone {name!r}: use an IANA name such as Asia/Tokyo.") from error
        self.name = name
        self._offsets = _known_offsets.setdefault(name, {})

    def offset(self, at: Instant) -> Span:
        """The UTC offset in force at ``at``, in microseconds, east positive."""
        quarter = at // _QUARTER
        known = self._offsets.get(quarter)
        if known is None:
            delta = to_datetime(at).astimezone(self.zone).utcoffset()
            known = int((delta or timedelta()) / timedelta(microseconds=1))
            if len(self._offsets) > _REMEMBERED:
                self._offsets.clear()
            self._offsets[quarter] = known
        return known

    def wall(self, at: Instant) -> int:
        """Microseconds that the wall clock shows since its own 1970-01-01T00:00; two instants may share one value."""
        return at + self.offset(at)

    def hour(self, at: Instant) -> int:
        """The hour that the wall clock shows, 0 to 23."""
        return self.wall(at) // HOUR % 24

    def day(self, at: Instant) -> int:
        """The wall clock's day as a number: days since 1970-01-01."""
        return self.wall(at) // DAY

    def date(self, at: Instant) -> dt.date:
        """The wall clock's date."""
        return _EPOCH_DAY + timedelta(days=self.day(at))

    def at(self, day: dt.date, clock: time) -> Instant:
        """The instant at which the wall clock first shows ``clock`` on ``day``.

        In the hour that a spring change skips, the instant as far past the change as the wanted time lies past its
        beginning; in the hour that an autumn change repeats, the first of the two.
        """
        return from_datetime(datetime.combine(day, clock, tzinfo=self.zone).replace(fold=0).astimezone(UTC))

    def midnight(self, day: int) -> Instant:
        """The instant at which day number ``day`` (see ``day``) begins; days last 23, 24 or 25 hours."""
        return self.at(_EPOCH_DAY + timedelta(days=day), time())

    def iso(self, at: Instant) -> str:
        """ISO 8601 wall time with offset, as ``2026-11-23T10:02:03+09:00``; microseconds only when there are any."""
        return to_datetime(at).astimezone(self.zone).isoformat()

    def hhmm(self, at: Instant) -> str:
        """The wall clock as ``HH:MM``."""
        minutes = self.wall(at) // MINUTE % 1440
        return f"{minutes // 60:02d}:{minutes % 60:02d}"
