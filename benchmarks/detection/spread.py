"""Courses over several processes, and words for somebody who waits."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

from benchmarks.detection.course import Course, Run
from benchmarks.ingest.tables import progress

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


def spread(work: Callable[[Course], Run], courses: Sequence[Course], jobs: int, what: str) -> Iterator[Run]:
    """Every course's run, in the order of the courses."""
    yield from sorted(in_processes(work, courses, jobs, f"{what}: homes"), key=lambda done: done.course.number)


def in_processes(work: Callable[[_Task], _Result], tasks: Sequence[_Task], jobs: int, what: str) -> Iterator[_Result]:
    """What ``work`` gives for each task, as it is done; ``work`` and the tasks must be picklable."""
    if jobs == 1 or len(tasks) == 1:
        for number, task in enumerate(tasks, start=1):
            yield work(task)
            _tell(what, number, len(tasks))
        return
    with ProcessPoolExecutor(min(jobs, len(tasks) or 1), mp_context=multiprocessing.get_context("spawn")) as pool:
        for number, done in enumerate(as_completed([pool.submit(work, task) for task in tasks]), start=1):
            yield done.result()
            _tell(what, number, len(tasks))


def _tell(what: str, number: int, of: int) -> None:
    if number == of or number % max(1, of // 10) == 0:
        progress(f"{what}: {number} of {of}")


def table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows under each other, the first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        print("  " + "  ".join(cells).rstrip())
