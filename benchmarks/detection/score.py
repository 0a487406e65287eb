"""Delays after collapses on recorded homes, beside four reference rules at the very rate of false pages that came out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.detection.held_out import backtest_with, make_priors
from benchmarks.ingest.tables import progress
from domain.clock import SECOND, monotonic
from simulators.backtest import Parameters, backtest
from simulators.scoring.curve import MEASURES, Comparison, Sweep, compare
from simulators.scoring.figures import Calls, Figures, Outcome, figures, judge
from simulators.scoring.rules import RULES
from simulators.scoring.twins import make_cases, write_cases

_MUST, _AIM = 0.85, 0.6


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be scored."""

    recordings: Path
    seed: int
    passes: int
    budgets: Sequence[float]
    jobs: int
    draws: int
    """How often the homes are drawn anew for the intervals."""
    folds: int
    """With 2 and more, each home is run with a prior of the other folds' homes; else with the one that is shipped."""
    keep: Path | None
    """Where the twins and the findings stay; None: thrown away."""


def score(asked: Asked) -> dict[str, Any]:
    """Cut twins, run the detectors at each budget and the reference rules, print the table; returns every figure."""
    began = monotonic()
    cases = list(make_cases(asked.recordings, asked.seed, asked.passes))
    with _folder(asked.keep) as folder:
        written = write_cases(cases, folder / "recordings")
        priors = make_priors(asked.recordings, cases, asked.folds, folder) if asked.folds else {}
        runs = []
        for budget in asked.budgets:
            calls = _run(written, budget, asked, folder, priors)
            runs.append([judge(case, calls.pages, calls.prompts) for case in cases])
    sweeps = []
    for name in RULES:
        progress(f"reference rule: {name}")
        sweeps.append(Sweep(name, cases))
    progress(f"{asked.draws} draws of homes for the intervals")
    comparisons = list(compare(runs, sweeps, asked.draws, asked.seed))
    totals = [figures(outcomes) for outcomes in runs]
    _print(asked, totals, comparisons)
    print(f"\n{(monotonic() - began) / SECOND:.0f} s")
    return _as_json(asked, runs, totals, comparisons)


def _run(written: Sequence[Path], budget: float, asked: Asked, folder: Path, priors: Mapping[str, Path]) -> Calls:
    """What ``kehai backtest`` finds at one budget."""
    parameters: Parameters = {"inactivity": {"page_budget": budget}}
    calls, logs = Calls(), []
    jobs = asked.jobs
    tests = backtest_with(priors, written, parameters, jobs) if priors else backtest(written, parameters, jobs)
    for done, tested in enumerate(tests, start=1):
        if tested.refused:
            raise RuntimeError(f"A recording that was just written cannot be read: {tested.refused}")
        calls.read(tested.log.splitlines())
        logs.append((tested.name, tested.log))
        if done % 20 == 0 or done == len(written):
            progress(f"budget {budget:g}: {done} of {len(written)} recordings")
    if asked.keep is not None:
        text = "".join(log for _, log in sorted(logs))
        (folder / f"findings-{budget:g}.jsonl").write_text(text, encoding="utf-8")
    return calls


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep
        return
    with TemporaryDirectory(prefix="kehai-score-") as folder:
        yield Path(folder)


# ---- the table -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    target: str
    cells: Sequence[str]


def _print(asked: Asked, totals: Sequence[Figures], comparisons: Sequence[Sequence[Comparison]]) -> None:
    first = totals[0]
    print(
        f"\nscore: {first.homes} homes of 42 days and more, {first.home_months:.1f} home-months judged, "
        f"{first.collapses} collapses in {asked.passes} passes, seed {asked.seed}; "
        + (
            f"a prior of the other homes for each, in {asked.folds} folds"
            if asked.folds
            else "the prior that is shipped"
        )
    )
    rows = [_Row("asked budget, pages/home-month", "must (aim)", [f"{budget:g}" for budget in asked.budgets])]
    rows += _rate_rows(asked.budgets, totals)
    for number in range(len(MEASURES)):
        rows += _comparison_rows([made[number] for made in comparisons])
    rows += _contact_rows(totals)
    widths = [max(len(row.name) for row in rows), max(len(row.target) for row in rows)]
    column = 2 + max(len(cell) for row in rows for cell in row.cells)
    for row in rows:
        cells = "".join(cell.rjust(column) for cell in row.cells)
        print(f"  {row.name.ljust(widths[0])}  {row.target.ljust(widths[1])}{cells}")
    print(
        "\n+ meets the aim, ! misses the must. Minutes; a collapse that is not paged within 24 h is infinitely late.\n"
        "Reference: the soonest of four rules at our realised rate, each interpolated linearly in the logarithms of rate\n"
        "and delay between the scales of a fine grid (-: none of them comes to that rate). Interval: nine tenths of the\n"
        "ratios when the homes are drawn anew. No more false pages than stated stand behind a column: 20 of them tell the\n"
        "rate to about a quarter."
    )  # fmt: skip


def _rate_rows(budgets: Sequence[float], totals: Sequence[Figures]) -> list[_Row]:
    def within(values: Sequence[float], digits: int, must: tuple[float, float], aim: tuple[float, float]) -> list[str]:
        return [
            f"{value:.{digits}f}{_mark(must[0] <= value <= must[1], aim[0] <= value <= aim[1])}" for value in values
        ]

    kept = [total.rate / budget for total, budget in zip(totals, budgets, strict=True)]
    tenth = [total.worst_tenth for total in totals]
    return [
        _Row("realised, pages/home-month", "", [f"{total.rate:.2f}  " for total in totals]),
        _Row("false pages counted", "", [f"{total.pages}  " for total in totals]),
        _Row("realised / asked", "0.6-1.5 (0.8-1.25)", within(kept, 2, (0.6, 1.5), (0.8, 1.25))),
        _Row("share of the worst tenth of homes", "<= 0.3 (0.2)", within(tenth, 2, (0.0, 0.3), (0.0, 0.2))),
        _Row("void (a page stood already)", "", [f"{total.void}  " for total in totals]),
    ]


def _comparison_rows(made: Sequence[Comparison]) -> list[_Row]:
    name = made[0].measure
    return [
        _Row("", "", []),
        _Row(f"{name}, ours", "", [f"{_minutes(one.ours)}  " for one in made]),
        _Row("  best reference", "", [f"{_minutes(one.best)}  " for one in made]),
        _Row("  which", "", [f"{one.rule.replace(' quantile', '') or '-'}  " for one in made]),
        _Row("  ours / best", f"<= {_MUST} ({_AIM})", [_ratio(one.ratio) for one in made]),
        _Row("  interval", "", [f"{_number(one.low)} to {_number(one.high)}  " for one in made]),
    ]


def _contact_rows(totals: Sequence[Figures]) -> list[_Row]:
    def beside(value: float, must: float, aim: float) -> str:
        return f"{_minutes(value)}{_mark(value <= must, value <= aim)}"

    return [
        _Row("", "", []),
        _Row("prompts/home-month", "<= 10", [f"{t.prompt_rate:.1f}{_mark(t.prompt_rate <= 10, True)}" for t in totals]),
        _Row("first contact, day median", "<= 90 (60)", [beside(t.contact_day_median, 90, 60) for t in totals]),
        _Row("first contact, day p90", "<= 170 (105)", [beside(t.contact_day_p90, 170, 105) for t in totals]),
        _Row("paged within 1 / 2 / 4 / 8 h", "", [_parts(t.within) for t in totals]),
    ]


def _mark(met: bool, aimed: bool) -> str:
    """`` +`` the aim, two blanks the must, `` !`` neither."""
    if not met:
        return " !"
    return " +" if aimed else "  "


def _ratio(value: float) -> str:
    return "-  " if math.isnan(value) else f"{value:.2f}{_mark(value <= _MUST, value <= _AIM)}"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"


def _minutes(value: float) -> str:
    if math.isnan(value):
        return "-"
    return "missed" if math.isinf(value) else f"{value:.0f}"


def _parts(within: dict[int, float]) -> str:
    return "/".join(f"{part * 100:.0f}" for part in within.values()) + " %"


def _as_json(
    asked: Asked,
    runs: Sequence[Sequence[Outcome]],
    totals: Sequence[Figures],
    comparisons: Sequence[Sequence[Comparison]],
) -> dict[str, Any]:
    per_home: Callable[[Sequence[Outcome]], dict[str, int]] = lambda run: {one.name: one.pages for one in run}  # noqa: E731
    return {
        "seed": asked.seed,
        "passes": asked.passes,
        "budgets": [
            {
                "asked": budget, "figures": asdict(total), "false pages by home": per_home(run),
                "against": [{**asdict(one), "ratio": one.ratio} for one in made],
            }
            for budget, run, total, made in zip(asked.budgets, runs, totals, comparisons, strict=True)
        ],
    }  # fmt: skip
