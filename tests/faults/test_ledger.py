"""The ledger itself: each way in which the two sides can differ is told, and told by its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.clock import SECOND
from domain.ids import DeviceId, GatewayId, HomeId
from domain.readings import Quantity, Reading
from gateway.spool import Observation
from ingest.admit import Why
from ingest.journal import Batch, Journal
from ingest.letters import Letter
from tests.faults.ledger import Body, Key, Notebook, NotebookReader, NotedSpool, Sent, Stored, compare, settle
from tests.ingest.gateways import READINGS, motions

AT = 1_790_000_000 * SECOND


def key(seq: int) -> Key:
    return ("g1", "e1", seq)


def body(value: float = 1.0) -> Body:
    return ("hall", "motion", value, AT)


def both(*readings: tuple[Key, Body]) -> Stored:
    return Stored(list(readings), list(readings), list(readings))


def test_what_was_sent_and_stored_once_balances() -> None:
    account = compare(Sent({key(1): body()}), both((key(1), body())))
    assert account.balanced
    assert str(account).startswith("1 sent, 1 stored, 0 dead-lettered; 0 lost")


def test_what_a_dead_letter_names_is_not_lost() -> None:
    stored = both()
    stored.dead.add(key(1))
    account = compare(Sent({key(1): body()}), stored)
    assert (account.balanced, account.dead) == (True, 1)


@pytest.mark.parametrize(
    ("stored", "fault"),
    [
        (both(), "lost"),
        (both((key(1), body()), (key(1), body())), "doubled"),
        (Stored([(key(1), body())], [(key(1), body())], [(key(1), body())], {key(1)}), "doubled"),
        (both((key(1), body(0.0))), "changed"),
        (both((key(1), body()), (key(2), body())), "strange"),
        (Stored([(key(1), body())], [], [(key(1), body())]), "disagreeing"),
    ],
)
def test_each_difference_is_told_by_its_name(stored: Stored, fault: str) -> None:
    account = compare(Sent({key(1): body()}), stored)
    assert not account.balanced
    assert getattr(account, fault) == [key(2) if fault == "strange" else key(1)]


def test_an_intent_that_was_never_confirmed_may_be_stored_or_not_but_never_otherwise() -> None:
    sent = Sent({}, {key(1): body()})
    assert compare(sent, both()).balanced
    assert compare(sent, both((key(1), body()))).balanced
    assert compare(sent, both((key(1), body(0.0)))).changed == [key(1)]


def test_a_number_that_is_given_to_another_reading_after_it_was_confirmed_is_a_loss(tmp_path: Path) -> None:
    notebook = Notebook(tmp_path / "notebook")
    for value in (1.0, 0.0):
        notebook.intend("g1", "e1", 1, [body(value)])
        notebook.confirm("g1", "e1", 1, 1)
    notebook.close()
    sent = NotebookReader(tmp_path / "notebook").read()
    assert compare(sent, both((key(1), body(0.0)))).lost == [key(1)]


def test_a_torn_line_counts_as_not_written_and_harms_none_after_it(tmp_path: Path) -> None:
    file = tmp_path / "notebook"
    notebook = Notebook(file)
    notebook.intend("g1", "e1", 1, [body()])
    notebook.close()
    file.write_bytes(file.read_bytes()[:-9])
    notebook = Notebook(file)
    notebook.intend("g1", "e1", 1, [body(0.0)])
    notebook.confirm("g1", "e1", 1, 1)
    notebook.close()
    assert NotebookReader(file).read().taken == {key(1): body(0.0)}


def test_a_real_spool_and_a_real_journal_are_read_from_outside(tmp_path: Path) -> None:
    notebook, journal = Notebook(tmp_path / "notebook"), Journal(tmp_path / "journal.db")
    spool = NotedSpool(tmp_path / "spool.db", "g1", notebook)
    observations = [Observation(DeviceId("air"), Quantity.TEMPERATURE, 20.5 + n, AT + n) for n in range(5)]
    spool.add(observations[:2])
    spool.add(observations[2:])
    stream = journal.stream("g1", spool.epoch)
    readings = [
        Reading(HomeId("h1"), o.device, o.quantity, o.value, o.at, AT + 9, GatewayId("g1"), spool.epoch, seq)
        for seq, o in enumerate(observations, start=1)
    ]
    # The fourth came with a stamp ahead of the server, which moved it back; the fifth was refused.
    moved = readings[3]._replace(observed_at=AT + 1)
    pack = motions(4, AT, AT, epoch=spool.epoch)
    letter = Letter(AT, READINGS, Why.BAD_VALUE, "seq 5: too warm", pack, len(pack))
    batch = Batch([*readings[:3], moved], {}, {("g1", spool.epoch): stream.id}, letters=[letter])
    batch.clamped.append((stream.id, 4, AT + 3, AT + 1))
    journal.append(batch, AT + 9)
    account = settle(tmp_path / "notebook", tmp_path / "journal.db")
    assert account.balanced, account
    assert (account.sent, account.stored, account.dead) == (5, 4, 1)
    for part in (spool, journal, notebook):
        part.close()
