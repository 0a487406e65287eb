"""The alert log: every finding as one JSON line, in event time, equal to the byte in every run over the same facts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from alerts.book import FindingRow
from domain.ids import HomeId
from domain.localtime import LocalTime


def finding_line(row: FindingRow, local: LocalTime) -> str:
    """One finding as a JSON line without its newline; times are the home's wall clock with offset.

    The moment at which it was noticed stays out: it differs from run to run, the finding does not.
    """
    finding = row.finding
    body: dict[str, object] = {
        "home": finding.home,
        "kind": finding.kind,
        "detector": finding.detector,
        "subject": finding.subject.value,
        "level": finding.level.value,
        "onset": local.iso(finding.onset),
        "raised_at": local.iso(finding.raised_at),
        "ended_at": None if row.ended_at is None else local.iso(row.ended_at),
        "room": finding.room,
        "evidence": dict(sorted(finding.evidence.items())),
        "text": {"ja": finding.text_ja, "en": finding.text_en},
    }
    if finding.rules:
        body["rules"] = finding.rules
    if finding.device is not None:
        body["device"] = finding.device
    if finding.unknown is not None:
        body["unknown"] = finding.unknown.value
    if row.end_reason is not None:
        body["end_reason"] = row.end_reason
    return json.dumps(body, ensure_ascii=False, separators=(", ", ": "))


def alert_log(rows: Iterable[FindingRow], local: Callable[[HomeId], LocalTime]) -> str:
    """Every row's line, in the order in which the deadlines passed, each with its newline."""
    ordered = sorted(rows, key=lambda row: (row.finding.raised_at, row.finding.home, row.finding.id))
    return "".join(finding_line(row, local(row.finding.home)) + "\n" for row in ordered)
