"""The command line.

Each command is a few lines here: its words, its options, and the module under ``kehai.commands`` that does the work.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from domain.errors import ConfigurationError, KehaiError
from kehai import __version__
from kehai.admin_cli import ConfigFile, admin
from kehai.calling_cli import address, channels, outbox, policy, rota, silence
from kehai.home_cli import home
from kehai.lazily import command
from kehai.letters_cli import letters
from kehai.rules_cli import rules

app = typer.Typer(
    name="kehai",
    help="Watches over older people who live alone, without cameras.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(admin, name="admin")
app.add_typer(home, name="home")
app.add_typer(letters, name="dead-letters")
app.add_typer(rules, name="rules")
app.add_typer(policy, name="policy")
app.add_typer(rota, name="rota")
app.add_typer(address, name="address")
app.add_typer(channels, name="channels")
app.add_typer(silence, name="silence")
app.add_typer(outbox, name="outbox")

_options = {"debug": False}

PageBudget = Annotated[
    float, typer.Option(min=0.01, max=60, help="False pages about a person that staff accept in a home-month.")
]

Language = Annotated[str | None, typer.Option(help="ja or en; without it, what LANG asks for, else en.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kehai {__version__}")
        raise typer.Exit


@app.callback()
def _everycommand(
    debug: Annotated[bool, typer.Option("--debug", help="Show a traceback when something fails.")] = False,
    _version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True)] = False,
) -> None:
    _options["debug"] = debug


@app.command()
def demo(
    homes: Annotated[int, typer.Option(min=3, max=200, help="How many homes to simulate.")] = 12,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the dashboard.")] = 8000,
    speed: Annotated[float, typer.Option(min=1, max=600, help="How many times faster than real time.")] = 60,
    data: Annotated[
        Path | None, typer.Option(help="Keep the data in this folder; without it they are thrown away.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed is another neighbourhood.")] = 1,
    embedded_broker: Annotated[
        bool, typer.Option("--embedded-broker", help="Use the embedded broker even where mosquitto is installed.")
    ] = False,
) -> None:
    """A simulated neighbourhood through the real processes; Ctrl-C ends all of it."""
    command("demo").demo(
        homes=homes, port=port, speed=speed, data=data, seed=seed, broker=None if embedded_broker else "mosquitto"
    )


@app.command()
def up(config: ConfigFile) -> None:
    """The roles of an installation under one supervisor."""
    command("up").up(config)


@app.command()
def ingest(config: ConfigFile) -> None:
    """The role that stores what gateways send."""
    command("ingest").ingest(config)


@app.command()
def watch(config: ConfigFile) -> None:
    """The role that reads the journal, runs the detectors and keeps the alerts."""
    command("roles").watch(config)


@app.command()
def dashboard(config: ConfigFile) -> None:
    """The role that shows staff what they need."""
    command("roles").dashboard(config)


@app.command()
def influx(
    config: ConfigFile,
    from_start: Annotated[
        bool,
        typer.Option("--from-start", help="Write the whole journal again: for a store that was emptied or changed."),
    ] = False,
) -> None:
    """The role that copies the journal into InfluxDB."""
    command("influx").influx(config, from_start=from_start)


@app.command()
def watchdog(config: ConfigFile) -> None:
    """A process of its own that complains when readings no longer come through to a call."""
    command("watchdog").watchdog(config)


gateway_app = typer.Typer(help="The program in the home.", invoke_without_command=True)
app.add_typer(gateway_app, name="gateway")


@gateway_app.callback()
def gateway(
    context: typer.Context,
    config: Annotated[Path | None, typer.Option("--config", help="The gateway's TOML file: run it.")] = None,
) -> None:
    """The program in the home."""
    if context.invoked_subcommand is not None:
        return
    if config is None:
        raise ConfigurationError("Say --config FILE to run the gateway, or 'enrol FILE' to make this machine one.")
    command("gateway").gateway(config)


@gateway_app.command("enrol")
def gateway_enrol(
    bundle: Annotated[str, typer.Argument(help="What 'kehai admin gateway add' wrote; - for standard input.")],
    folder: Annotated[Path, typer.Option(help="Where to write gateway.toml and what it names.")] = Path("/etc/kehai"),
    data: Annotated[Path | None, typer.Option(help="Folder of what the server has not stored yet.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there; its drivers are kept.")] = False,
) -> None:
    """Make this machine the gateway that a file from the server describes."""
    command("gateway").enrol(bundle, folder, data, force=force)


@app.command(hidden=True)
def neighbourhood(config: ConfigFile) -> None:
    """The gateways of a demo, many in one process."""
    command("neighbourhood").neighbourhood(config)


@app.command(hidden=True)
def broker(port: int) -> None:
    """The embedded MQTT broker that the demo uses where mosquitto is not installed."""
    command("broker").broker(port)


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="Folder to write one recording per home into.")],
    homes: Annotated[int, typer.Option(min=1)] = 1,
    days: Annotated[int, typer.Option(min=1)] = 7,
    seed: Annotated[int, typer.Option(help="The same seed writes the same bytes.")] = 1,
    zone: Annotated[str | None, typer.Option(help="The homes' IANA time zone; Asia/Tokyo by default.")] = None,
    profile: Annotated[str, typer.Option(help="Whose homes: alone, couple, house or still.")] = "alone",
    incident: Annotated[str | None, typer.Option(help="One incident of this kind in each home.")] = None,
) -> None:
    """Write simulated homes as recordings, with incidents.csv beside them."""
    command("simulate").simulate(
        out=out, homes=homes, days=days, seed=seed, zone=zone, profile=profile, incident=incident
    )


@app.command()
def replay(
    recordings: Annotated[list[Path], typer.Argument(metavar="RECORDING...", help="Folders with home.json.")],
    speed: Annotated[
        float | None, typer.Option(min=0.001, help="Scaled real time; without it as fast as it goes.")
    ] = None,
    through_broker: Annotated[str | None, typer.Option(help="mqtt://host:port of a broker to send it through.")] = None,
    page_budget: PageBudget = 1.0,
    out: Annotated[Path | None, typer.Option(help="Also write the findings there, one JSON object a line.")] = None,
) -> None:
    """Send recordings through the whole pipeline; print alerts as they come, then a summary."""
    command("replay").replay(
        recordings=recordings, speed=speed, broker=through_broker, page_budget=page_budget, out=out
    )


@app.command()
def backtest(
    recordings: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of recordings.")],
    out: Annotated[Path, typer.Option(help="File for the findings, one JSON object a line.")],
    page_budget: PageBudget = 1.0,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; by default one per core.")] = None,
) -> None:
    """Every recording of a folder through detectors and alert desk, without a broker."""
    command("replay").backtest(recordings=recordings, out=out, page_budget=page_budget, jobs=jobs)


@app.command(name="fit-prior")
def fit_prior(
    recordings: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of recordings.")],
    out: Annotated[Path | None, typer.Option(help="File for it; without one it goes to standard output.")] = None,
    licence: Annotated[
        str, typer.Option(help="Where the recordings come from and under what terms: kept in the file.")
    ] = "not stated",
) -> None:
    """Count how silences end in recorded homes: what a home is judged by until its own habits are known."""
    command("prior").fit_prior(recordings, out, licence)


@app.command()
def report(
    home: Annotated[str, typer.Argument(help="Its id.")],
    config: ConfigFile,
    language: Language = None,
    as_json: Annotated[bool, typer.Option("--json", help="Numbers for a program, spans in seconds.")] = False,
) -> None:
    """What to expect of one home's alerts: delays by room and hour, what would shorten them, false pages so far."""
    command("report").report(config, home, language, as_json=as_json)


@app.command()
def week(
    home: Annotated[str, typer.Argument(help="Its id.")],
    config: ConfigFile,
    day: Annotated[
        str | None, typer.Option(help="A day of the week, as 2026-11-30; without it, the last whole one.")
    ] = None,
    language: Language = None,
) -> None:
    """One week of a home: days lived as usual, nights, outings, alerts and what was found, change of routine, equipment."""
    command("week").week(config, home, day, language)


@app.command()
def ledger(
    config: ConfigFile,
    days: Annotated[int, typer.Option(min=1, max=3660, help="How far back.")] = 90,
    by: Annotated[str, typer.Option(help="One line for each area, rule or home.")] = "area",
    area: Annotated[str | None, typer.Option(help="Only the homes of this area.")] = None,
    language: Language = None,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="For a spreadsheet: the same names of columns in every language.")
    ] = False,
) -> None:
    """Pages and prompts, how many were true, and how soon somebody saw, claimed, reached and visited."""
    command("ledger").ledger(config, days, by, area, language, in_csv=as_csv)


@app.command()
def handover(
    config: ConfigFile,
    hours: Annotated[int, typer.Option(min=1, max=744, help="How long ago the shift began.")] = 12,
    area: Annotated[str | None, typer.Option(help="Only the homes of this area.")] = None,
    language: Language = None,
) -> None:
    """For a change of shift: what is open, not reached, silent, who is away, and what was closed."""
    command("handover").handover(config, hours, area, language)


@app.command()
def doctor(
    config: Annotated[Path | None, typer.Option("--config", help="The installation's TOML file.")] = None,
) -> None:
    """Check an installation; say in words what is wrong and how to mend it."""
    command("doctor").doctor(config)


@app.command()
def backup(
    config: ConfigFile,
    out: Annotated[Path, typer.Option(help="The file to write.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the file if there is one.")] = False,
) -> None:
    """Copy journal, registry and book into one checked file, while everything runs."""
    command("backup").backup(config, out, force)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What 'kehai backup' wrote.")],
    config: ConfigFile,
    force: Annotated[
        bool, typer.Option("--force", help="Put it in the place of what is there; the old is kept beside it.")
    ] = False,
) -> None:
    """Put a backup in place; every role must have ended."""
    command("backup").restore(file, config, force)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line (by default the process's own); errors are one sentence on standard error."""
    try:
        app(arguments, standalone_mode=True)
    except KehaiError as error:
        if _options["debug"]:
            raise
        typer.echo(str(error), err=True)
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        if _options["debug"]:
            raise
        why = (str(error).splitlines() or [""])[0]
        typer.echo(f"Something failed that should not ({type(error).__name__}: {why}): run it with --debug.", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
