"""Server-sent events: one look for all, and nothing missed."""

from __future__ import annotations

import asyncio
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

from babel.messages.pofile import read_po

from dashboard.live import Bell, events

ROOT = Path(__file__).resolve().parents[2]


class Counter:
    """A change count that the test moves."""

    def __init__(self) -> None:
        self.value = 7
        self.asked = 0

    def __call__(self) -> int:
        self.asked += 1
        return self.value


async def test_a_change_rings_for_every_listener_and_the_book_is_asked_once_for_all() -> None:
    counter = Counter()
    bell = Bell(counter)

    async def first_change() -> int:
        async for name, count in bell.listen(7):
            if name == "change":
                return count
        return -1

    waiting = [asyncio.create_task(first_change()) for _ in range(20)]
    await asyncio.sleep(0)
    counter.value = 8
    assert await asyncio.gather(*waiting) == [8] * 20
    assert counter.asked < 10


async def test_a_page_that_is_behind_is_told_at_once() -> None:
    bell = Bell(Counter())
    async for name, count in bell.listen(3):
        assert (name, count) == ("change", 7)
        break


async def test_the_stream_is_in_the_form_that_browsers_read() -> None:
    stream = events(Bell(Counter()), 3)
    assert await anext(stream) == b"retry: 1000\n\n"
    assert await anext(stream) == b"id: 7\nevent: change\ndata: 7\n\n"
    await stream.aclose()  # type: ignore[attr-defined]  # an async generator has it


async def test_closing_lets_every_listener_go() -> None:
    bell = Bell(Counter())

    async def listen() -> int:
        return len([name async for name, _ in bell.listen(7)])

    waiting = asyncio.create_task(listen())
    await asyncio.sleep(0)
    await bell.close()
    assert await asyncio.wait_for(waiting, 10) <= 1


def test_every_message_has_its_japanese() -> None:
    loader = SourceFileLoader("translations", str(ROOT / "scripts" / "translations"))
    spec = spec_from_loader(loader.name, loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    with (ROOT / "dashboard/locale/ja/LC_MESSAGES/messages.po").open("rb") as lines:
        japanese = {message.id: message for message in read_po(lines, locale="ja") if message.id}
    wanted = {message.id for message in module.messages() if message.id}
    assert wanted == set(japanese), "run scripts/translations, then translate what is new"
    for message in japanese.values():
        said = [message.string] if isinstance(message.string, str) else list(message.string or [""])
        assert all(said), message.id
        assert not list(message.check()), message.id
