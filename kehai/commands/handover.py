"""``kehai handover``: the sheet for a change of shift, one fact a line, with tabs between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from sqlalchemy import select

from alerts.handover import Handover, sheet
from dashboard import words
from dashboard.language import Speech
from domain.alerts import Alert
from domain.clock import HOUR, Instant
from domain.errors import ConfigurationError
from domain.ids import HomeId
from domain.localtime import LocalTime
from kehai.commands.admin import registry_of
from kehai.language import language_of
from registry.tables import homes


def handover(config: Path, hours: int, area: str | None, language: str | None) -> None:
    """Print the sheet of a shift that began ``hours`` ago: in English by the words of the code, for programs too."""
    spoken = language_of(language)
    with registry_of(config) as (settings, engine), engine.connect() as connection:
        now, local = settings.make_clock().now(), LocalTime(settings.installation.zone)
        rows = connection.execute(select(homes.c.id, homes.c.alias, homes.c.area)).all()
        wanted = None if area is None else frozenset(HomeId(row.id) for row in rows if row.area == area)
        if wanted is not None and not wanted:
            raise ConfigurationError(f"No home lies in {area!r}: mend the name, or leave --area out.")
        found = sheet(connection, now - hours * HOUR, now, wanted)
    terms: _Terms = _Japanese(Speech(spoken, now, local)) if spoken == "ja" else _Terms(local)
    for line in _lines(found, {row.id: row.alias for row in rows}, terms):
        typer.echo(line)


class _Terms:
    """What the sheet's parts are called."""

    open, silent, away, raised, closed = (
        "Open",
        "Not fully seen",
        "Away",
        "Raised since the shift began",
        "Closed since then",
    )
    nobody, unreached, undated = "nobody", "nobody reached", "no date"

    def __init__(self, local: LocalTime) -> None:
        self._local = local

    def word(self, _words: Mapping[Any, str], value: str) -> str:
        """A word of the code."""
        return value

    def at(self, at: Instant) -> str:
        """An instant."""
        return self._local.iso(at)

    def until(self, at: Instant) -> str:
        """The end of an absence."""
        return f"until {self.at(at)}"


class _Japanese(_Terms):
    """The same in the words of the page *Handover*."""

    def __init__(self, speech: Speech) -> None:
        super().__init__(speech.zone)
        self._speech, say = speech, speech.gettext
        self.open, self.silent, self.away = say("Open alerts"), say("Silent equipment"), say("Away")
        self.raised, self.closed = say("Raised"), say("Closed since the shift began")
        self.nobody, self.unreached, self.undated = say("nobody"), say("Nobody was reached"), say("without a date")

    def word(self, words_: Mapping[Any, str], value: str) -> str:
        return self._speech.gettext(words_.get(value, value))

    def at(self, at: Instant) -> str:
        return self._speech.moment(at)

    def until(self, at: Instant) -> str:
        return self._speech.gettext("until %(time)s") % {"time": self.at(at)}


def _lines(found: Handover, alias: Mapping[str, str], terms: _Terms) -> Iterator[str]:
    def named(home: str) -> str:
        return f"{home} {alias[home]}" if alias.get(home) else home

    def told(alert: Alert, *more: str) -> str:
        level, kind = terms.word(words.LEVEL, alert.level.value), terms.word(words.KIND, alert.kind)
        return "\t".join((f"#{alert.id}", level, named(alert.home), kind, terms.at(alert.raised_at), *more))

    yield f"{terms.open}: {len(found.open)}"
    for alert in found.open:
        state = terms.word(words.STATE, alert.state.value)
        reached = terms.unreached if alert.id in found.unreached else ""
        yield told(alert, state, alert.owner or terms.nobody, reached).rstrip("\t")
    yield f"{terms.silent}: {len(found.silent)}"
    for silent in found.silent:
        how = terms.word(words.OBSERVABILITY, silent.how.value)
        yield "\t".join((named(silent.home), how, " ".join(silent.devices))).rstrip("\t")
    yield f"{terms.away}: {len(found.away)}"
    for away in found.away:
        until = terms.until(away.until) if away.until else terms.undated
        yield "\t".join((named(away.home), terms.word(words.MODE, away.kind.value), until))
    yield f"{terms.raised}: {found.raised}"
    yield f"{terms.closed}: {len(found.closed)}"
    for alert in found.closed:
        yield told(alert, terms.word(words.OUTCOME, alert.outcome.value) if alert.outcome else "")
