"""``kehai dead-letters points``: what InfluxDB refused, and offering it to InfluxDB again."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path

import typer

from domain.clock import SECOND, SystemClock, to_iso
from domain.errors import ConfigurationError, KehaiError
from domain.localtime import LocalTime
from ingest.influx.refused import refused_points, retry
from ingest.influx.store import HttpStore
from kehai.commands.influx import address, sentence
from kehai.opening import database
from kehai.settings import load


def list_points(config: Path, ids: Collection[int] | None, limit: int, as_json: bool) -> None:
    """Print the refused points, the newest first, in columns or as JSON lines."""
    settings = load(config)
    engine = database(settings)
    try:
        found = [point for point in refused_points(engine, limit) if not ids or point.id in ids]
    finally:
        engine.dispose()
    local = LocalTime(settings.installation.zone)
    for point in found:
        if as_json:
            typer.echo(json.dumps({**asdict(point), "refused_at": to_iso(point.refused_at)}, ensure_ascii=False))
        else:
            at = local.iso(point.refused_at // SECOND * SECOND)
            typer.echo(f"{point.id}  {at}  {point.status or '-'}  {point.words}  {point.line}")


def retry_points(config: Path, ids: Collection[int] | None) -> None:
    """Offer them once more; raises KehaiError unless all of them were taken."""
    settings = load(config)
    section = settings.influxdb
    if section is None:
        raise ConfigurationError(f"{config} has no section [influxdb]: there is nobody to offer points to.")
    engine, store = database(settings), HttpStore(address(section), SystemClock())
    try:
        done = retry(engine, store, ids or None)
    finally:
        store.close()
        engine.dispose()
    typer.echo(f"{done.stored} stored, {done.refused} refused again.", err=True)
    if done.trouble is not None:
        raise KehaiError(f"It ended early: {sentence(done.trouble, section)}; the rest is kept, try again then.")
    if done.refused:
        raise KehaiError("What was refused again is kept with InfluxDB's new words: mend the cause, then try again.")
