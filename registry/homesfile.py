"""Homes as a table that people keep in a spreadsheet: read row by row, every mistake named, all or nothing."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

from domain.errors import ConfigurationError, KehaiError
from domain.ids import BadIdError, GatewayId, HomeId, check_id
from domain.localtime import LocalTime, UnknownZoneError
from registry.homes import Contact, Home

COLUMNS = ("home", "gateway", "alias", "area", "zone", "resident_name", "resident_kana", "phone", "address", "note")
CONTACT_COLUMNS = ("name", "relation", "phone", "has_key")
CONTACTS = 3
_LENGTHS = {"alias": 80, "area": 80, "resident_name": 120, "resident_kana": 120, "phone": 40, "address": 200}
_YES = {"1", "yes", "true", "y", "はい", "有", "あり"}
_NAMED = 20

HomeRow = tuple[Home, list[GatewayId]]


class HomesFileError(KehaiError):
    """A file of homes with rows that cannot be used; the first ones are named, and nothing was written."""

    def __init__(self, file: Path, problems: list[str]) -> None:
        shown = "\n".join(f"  {problem}" for problem in problems[:_NAMED])
        more = f"\n  ... and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
        super().__init__(f"{file} has {len(problems)} mistakes and none of it was used; mend these:\n{shown}{more}")


def read_homes(file: Path, zone: str) -> list[HomeRow]:
    """The homes of a CSV file (UTF-8, also with a byte order mark) with the columns of COLUMNS; only ``home`` is needed.

    ``gateway`` may name several, parted by spaces. ``contact1_name``, ``contact1_relation``, ``contact1_phone``,
    ``contact1_has_key`` (to ``contact3_...``) are the people to call, in that order. ``zone`` is the time zone of rows
    without one. Raises ConfigurationError for a file that cannot be read, HomesFileError for one with mistakes.
    """
    allowed = {*COLUMNS, *(f"contact{n}_{name}" for n in range(1, CONTACTS + 1) for name in CONTACT_COLUMNS)}
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            rows = csv.DictReader(lines, strict=True)
            header = [name.strip() for name in rows.fieldnames or ()]
            rows.fieldnames = header
            unknown = [name for name in header if name not in allowed]
            if unknown or "home" not in header:
                wrong = f"the column {unknown[0]!r} is not known" if unknown else "there is no column 'home'"
                raise ConfigurationError(f"{file}: {wrong}: the first line may name {', '.join(sorted(allowed))}.")
            return _checked(file, [(rows.line_num, row) for row in rows], zone)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{file} cannot be read ({error}): save it as CSV in UTF-8, readable by this user."
        ) from error
    except csv.Error as error:
        raise ConfigurationError(f"{file} is not CSV ({error}): save it again as CSV in UTF-8.") from error


def _checked(file: Path, rows: list[tuple[int, dict[str, str]]], zone: str) -> list[HomeRow]:
    problems: list[str] = []
    read: list[HomeRow] = []
    seen: dict[str, int] = {}
    for line, row in rows:
        mistakes = list(_mistakes(row, zone))
        for name in [row["home"], *_gateways(row)]:
            if name in seen:
                mistakes.append(f"{name!r} stands in line {seen[name]} already")
            seen.setdefault(name, line)
        problems += [f"line {line}: {mistake}" for mistake in mistakes]
        if not mistakes:
            read.append((_home(row, zone), [GatewayId(name) for name in _gateways(row)]))
    if problems:
        raise HomesFileError(file, problems)
    return read


def _cell(row: Mapping[str, str | None], name: str) -> str:
    return (row.get(name) or "").strip()


def _gateways(row: Mapping[str, str | None]) -> list[str]:
    return _cell(row, "gateway").split()


def _mistakes(row: Mapping[str, str | None], zone: str) -> Iterator[str]:
    if None in row:  # what csv calls the cells beyond the last column
        yield "there are more cells than columns"
    for what, names in (("home", [_cell(row, "home")]), ("gateway", _gateways(row))):
        for name in names:
            try:
                check_id(name, what)
            except BadIdError as error:
                yield str(error).rstrip(".")
    try:
        LocalTime(_cell(row, "zone") or zone)
    except UnknownZoneError as error:
        yield str(error).rstrip(".")
    for column, longest in _LENGTHS.items():
        if len(_cell(row, column)) > longest:
            yield f"{column} is longer than {longest} characters"
    for number in range(1, CONTACTS + 1):
        cells = [_cell(row, f"contact{number}_{name}") for name in CONTACT_COLUMNS]
        if any(cells) and not (cells[0] and cells[2]):
            yield f"contact {number} needs a name and a phone number"


def _home(row: Mapping[str, str | None], zone: str) -> Home:
    contacts = tuple(
        Contact(
            _cell(row, f"contact{n}_name"),
            _cell(row, f"contact{n}_relation"),
            _cell(row, f"contact{n}_phone"),
            _cell(row, f"contact{n}_has_key").lower() in _YES,
        )
        for n in range(1, CONTACTS + 1)
        if _cell(row, f"contact{n}_name")
    )
    texts = {name: _cell(row, name) for name in ("area", "resident_name", "resident_kana", "phone", "address", "note")}
    home = _cell(row, "home")
    return Home(HomeId(home), _cell(row, "alias") or home, _cell(row, "zone") or zone, contacts=contacts, **texts)
