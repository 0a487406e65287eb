"""Languages, and how times and spans are said in each."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from babel.core import negotiate_locale
from babel.dates import format_date
from babel.support import NullTranslations, Translations

from detectors.words import span_en, span_ja
from domain.clock import MINUTE, SECOND, Instant, Span, to_datetime
from domain.localtime import LocalTime

LANGUAGES = ("ja", "en")
DEFAULT = "ja"
_LOCALE = Path(__file__).resolve().parent / "locale"


def choose(cookie: str | None, accept: str) -> str:
    """The language of a request: what the person chose, else what the browser asks for, else Japanese."""
    if cookie in LANGUAGES:
        return cookie
    wanted = [part.partition(";")[0].strip().replace("-", "_") for part in accept.split(",") if part.strip()]
    return negotiate_locale(wanted, LANGUAGES) or DEFAULT


@lru_cache
def translations(language: str) -> NullTranslations:
    """The catalogue of a language; English is the language of the messages themselves."""
    return Translations.load(_LOCALE, [language]) if language != "en" else NullTranslations()


class Speech:
    """One language and one moment: everything a page says about times."""

    def __init__(self, language: str, now: Instant, zone: LocalTime) -> None:
        self.language, self.now, self.zone = language, now, zone
        catalogue = translations(language)
        self.gettext, self.ngettext = catalogue.ugettext, catalogue.ungettext

    def span(self, span: Span) -> str:
        """A duration in words; under a minute, in seconds."""
        if 0 <= span < MINUTE:
            return self.ngettext("%(num)s s", "%(num)s s", span // SECOND) % {"num": span // SECOND}
        return span_ja(span) if self.language == "ja" else span_en(span)

    def ago(self, at: Instant) -> str:
        """How long ago an instant was."""
        if self.now - at < MINUTE:
            return self.gettext("just now")
        return self.gettext("%(span)s ago") % {"span": self.span(max(0, self.now - at))}

    def moment(self, at: Instant, zone: LocalTime | None = None) -> str:
        """The wall clock's time, with the day where it is not today's."""
        local = zone or self.zone
        if local.day(at) == local.day(self.now):
            return local.hhmm(at)
        date = local.date(at)
        day = f"{date.month}月{date.day}日" if self.language == "ja" else format_date(date, "d MMM", locale="en")
        return f"{day} {local.hhmm(at)}"

    def day(self, at: Instant, zone: LocalTime | None = None) -> str:
        """The date in full."""
        date = (zone or self.zone).date(at)
        pattern = "y年M月d日(E)" if self.language == "ja" else "EEEE, d MMMM y"
        return format_date(date, pattern, locale=self.language)

    def stamp(self, at: Instant, zone: LocalTime | None = None) -> str:
        """The time to the second."""
        return to_datetime(at).astimezone((zone or self.zone).zone).strftime("%H:%M:%S")

    def exact(self, at: Instant, zone: LocalTime | None = None) -> str:
        """ISO 8601 for machines (``<time datetime>``)."""
        return (zone or self.zone).iso(at)

    def listed(self, names: Iterable[str]) -> str:
        """Several names in a row."""
        return ("、" if self.language == "ja" else ", ").join(names)

    def text(self, japanese: str, english: str) -> str:
        """The one of two stored sentences that fits."""
        return japanese if self.language == "ja" else english
