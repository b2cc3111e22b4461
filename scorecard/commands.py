"""`trezor scorecard`: judges the judge on simulated worlds, and says how good it is, with intervals."""

import importlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from firmware_sim.commands import SCENARIO, fleet_of
from firmware_sim.plan import make_plan
from firmware_sim.scenario import Scenario, ScenarioError
from gateway.fleet import Fleet
from gateway.options import fleet_option
from scorecard.aims import NONE, rows
from scorecard.figures import Figures, figures
from scorecard.picture import svg
from scorecard.report import Told, markdown
from scorecard.spread import WorldFailed, here, over_cluster, over_processes
from scorecard.world import STORES, Order, World

# `demo` is left out: its nights end today, so that nobody could run the same again tomorrow.
DEFAULT: Final = ("clean", "harmattan", "rains", "blackout", "thieves", "ageing", "weak-lot")
UNTUNED: Final = 100  # seeds from here on were never looked at while tuning
TUNED_ON: Final = "seeds 1–20, 51–63, 301–346, 401–403 (and other worlds of an independent plant)"
PUBLISHED: Final = Path("docs/scorecard.md")
WIDE: Final = 120  # columns of a terminal in which the plain thresholds have room beside ours
COLOURS: Final = {"aim": "green", "good": "yellow", "below": "red"}
_SEEDS: Final = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")


class _Seeds(click.ParamType[tuple[int, ...]]):
    name = "seeds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        seeds: list[int] = []
        for part in str(value).split(","):
            found = _SEEDS.fullmatch(part.strip())
            if found is None or (found[2] and int(found[2]) < int(found[1])):
                self.fail(f"{value!r}: expected a seed, a span like 101-104, or several with commas", param, ctx)
            seeds += range(int(found[1]), int(found[2] or found[1]) + 1)
        return tuple(dict.fromkeys(seeds))


@click.command()
@click.argument("scenarios", type=SCENARIO, nargs=-1, metavar="[SCENARIO]...")
@click.option(
    "--seeds", type=_Seeds(), default="404-406", show_default=True, help="Each scenario with each: 404-406, or 7,9."
)
@click.option("--nights", type=click.IntRange(1, 10_000), help="At most so many of each scenario's nights.")
@click.option("--jobs", type=click.IntRange(1, 256), help="Worlds at a time. [default: the processors]")
@click.option("--scheduler", metavar="ADDRESS", help="Spread the worlds over a Dask cluster, like tcp://HOST:8786.")
@click.option("--through-mqtt", is_flag=True, help="The whole path: embedded broker, gateway, DuckDB, watch.")
@click.option(
    "--step",
    "step_h",
    type=click.FloatRange(0.25, 240),
    default=24.0,
    show_default=True,
    help="Hours of event time between two judgements.",
)
@click.option(
    "--store",
    type=click.Choice(STORES),
    default=STORES[0],
    show_default=True,
    help="Where a world is kept while it is judged.",
)
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Everything, for other programs."
)
@click.option(
    "--with",
    "earlier",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Count the worlds of an earlier run too: its --json file. May be given several times.",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The scorecard as Markdown, with its picture beside it.",
)
@click.option(
    "--picture", type=click.Path(dir_okay=False, path_type=Path), help="The picture (SVG). [default: beside the report]"
)
@click.option(
    "--tuned-on",
    default=TUNED_ON,
    show_default=True,
    help="Which worlds thresholds were tuned on; printed into the report.",
)
@fleet_option()
def scorecard(
    scenarios: tuple[Scenario, ...], seeds: tuple[int, ...], nights: int | None, jobs: int | None,
    scheduler: str | None, through_mqtt: bool, step_h: float, store: str, json_file: Path | None,
    earlier: tuple[Path, ...], report: Path | None, picture: Path | None, tuned_on: str, fleet: Fleet,
) -> None:  # fmt: skip
    """Measure how good the monitor is: simulated worlds, judged by the real thing, compared with the truth.

    \b
    trezor scorecard                              the published one (a quarter of an hour a seed on two processors)
    trezor scorecard --seeds 405 --json 405.json  another one, to be kept
    trezor scorecard --seeds 404 --with 405.json  both in one table
    trezor scorecard harmattan --seeds 1-3 --nights 30
    trezor scorecard my.toml --through-mqtt --json scores.json
    """
    before = _earlier(earlier)
    every = sorted({*seeds, *(world.seed for world in before)})
    refuse_tuned(report, every)
    chosen = scenarios or tuple(SCENARIO.convert(name, None, None) for name in DEFAULT)
    orders = [
        Order(
            _shortened(scenario, nights), fleet_of(scenario, fleet), seed, timedelta(hours=step_h), store, through_mqtt
        )
        for scenario in chosen
        for seed in seeds
    ]
    _refuse_twice([*(world.name for world in before), *(order.name for order in orders)])
    console = Console(stderr=True, highlight=False)
    try:
        for order in orders:  # a scenario that does not fit its fleet is told before anything is simulated
            make_plan(order.fleet, order.scenario, order.seed)
        with _bars(console, orders) as (shown, done):
            worlds = [*before, *_spread(orders, jobs or os.cpu_count() or 1, scheduler, shown, done)]
    except ScenarioError as error:
        raise click.ClickException("\n  ".join(error.mistakes)) from None
    except WorldFailed as error:
        raise click.ClickException(str(error)) from error
    ours, naive = figures(worlds, lambda world: world.ours), figures(worlds, lambda world: world.naive)
    told = Told(
        _command(chosen, scenarios, every, nights, step_h, through_mqtt), _spans(every), tuned_on,
        "MQTT, the real gateway, store, watch, casebook and notifier" if through_mqtt
        else "the real intake, store, watch, casebook and notifier (MQTT alone is left out)",
    )  # fmt: skip
    _show(worlds, ours, naive, told)
    if json_file is not None:
        _write(json_file, _json(worlds, ours, naive, told))
    if report is not None:
        beside = picture or report.with_suffix(".svg")
        text = markdown(worlds, ours, naive, told)
        _write(
            report,
            text.replace(
                "\n## The figures to beat\n",
                f"\n![Found and false]({_link(beside, report)})\n\n## The figures to beat\n",
                1,
            ).encode(),
        )
        picture = beside
    if picture is not None:
        _write(picture, svg(ours, naive).encode())


def refuse_tuned(report: Path | None, seeds: Sequence[int]) -> None:
    """Raises UsageError where the published report would be written from seeds that thresholds may be tuned on."""
    if report is not None and report.resolve() == PUBLISHED.resolve() and min(seeds) < UNTUNED:
        raise click.UsageError(
            f"{PUBLISHED} is for seeds from {UNTUNED} on: thresholds were tuned on smaller ones, and a detector always "
            "looks good on what it was tuned on. Choose other seeds, or another file."
        )


class _Scores(msgspec.Struct):
    """Of a --json file, what is measured anew from: the worlds."""

    worlds: list[World]


def _earlier(files: Sequence[Path]) -> list[World]:
    worlds: list[World] = []
    for file in files:
        try:
            worlds += msgspec.json.decode(file.read_bytes(), type=_Scores).worlds
        except (OSError, msgspec.MsgspecError) as error:
            raise click.UsageError(
                f"--with {file}: not the --json of a scorecard of this version ({error}). Write it anew with: "
                f"trezor scorecard --json {file}"
            ) from error
    return worlds


def _refuse_twice(names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise click.UsageError(
            f"{', '.join(twice)}: in an earlier run (--with) already, and would count twice. Choose other --seeds."
        )


def _shortened(scenario: Scenario, nights: int | None) -> Scenario:
    return scenario if nights is None else replace(scenario, nights=min(nights, scenario.nights))


Shown = Callable[[str, float], None]


def _spread(
    orders: Sequence[Order], jobs: int, scheduler: str | None, shown: Shown, done: Callable[[World], None]
) -> list[World]:
    if scheduler is not None:
        with _cluster(scheduler) as client:
            return over_cluster(orders, client, done)
    if jobs == 1 or len(orders) == 1:
        return here(orders, shown, done)
    return over_processes(orders, min(jobs, len(orders)), shown, done)


def _cluster(scheduler: str) -> Any:
    """A client of the Dask cluster; its package is an extra, so it is looked for only when somebody asks for it."""
    try:
        return importlib.import_module("distributed").Client(scheduler)
    except ModuleNotFoundError:
        raise click.ClickException("--scheduler needs Dask: pip install 'trezor[cluster]'") from None
    except OSError as error:
        raise click.ClickException(f"no Dask scheduler at {scheduler}: {error}") from None


@contextmanager
def _bars(console: Console, orders: Sequence[Order]) -> Iterator[tuple[Shown, Callable[[World], None]]]:
    columns = (
        TextColumn("{task.description:<16}"), BarColumn(bar_width=28), TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(), TextColumn("{task.fields[text]}"),
    )  # fmt: skip
    with Progress(*columns, console=console) as bars:
        whole = bars.add_task("all worlds", total=float(len(orders)), text="")
        tasks: dict[str, TaskID] = {}
        shares: dict[str, float] = {}

        def shown(name: str, share: float) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=1.0, text="")
            shares[name] = share
            bars.update(tasks[name], completed=share)
            bars.update(whole, completed=sum(shares.values()))

        def done(world: World) -> None:
            shown(world.name, 1.0)
            bars.remove_task(tasks[world.name])
            outcomes = [one for one in world.ours.outcomes if one.fault.counted]
            found = sum(one.found for one in outcomes)
            false = sum(one.verdict == "false" for one in world.ours.judged)
            bars.console.print(f"{world.name:<16} {found} of {len(outcomes)} found, {false} false alarms")

        yield shown, done


def _show(worlds: Sequence[World], ours: Figures, naive: Figures, told: Told) -> None:
    console = Console(highlight=False)
    console.print(f"{ours.lamp_years:.1f} lamp-years, seeds {told.seeds}; thresholds were tuned on {told.tuned_on}")
    wide = console.width >= WIDE
    table = Table("figure, with 95 % interval", "good", "aim", "ours", "reached", box=box.SIMPLE, pad_edge=False)
    table.columns[0].ratio, table.columns[3].ratio = 5, 6
    for column in (1, 2, 4):
        table.columns[column].no_wrap = True
    if wide:
        table.add_column("plain thresholds", ratio=6)
    every = rows(ours, naive)
    measured = [row for row in every if not (row.ours.startswith(NONE) and row.naive.startswith(NONE))]
    for row in measured:
        reached = f"[{COLOURS[row.reached]}]{row.reached}[/]" if row.reached in COLOURS else row.reached
        cells = (row.what.replace("`", ""), row.good, row.aim, row.ours, reached)
        table.add_row(*cells, row.naive) if wide else table.add_row(*cells)
    console.print(table)
    if len(measured) < len(every):
        console.print(f"{len(every) - len(measured)} more figures need faults that these worlds did not have.")
    for alarm in ours.alarms[:20]:
        console.print(
            f"false   {alarm.world} {alarm.subject} {alarm.kind} {alarm.known_at}: {alarm.friend}; {alarm.evidence}"
        )
    for miss in ours.misses[:20]:
        console.print(
            f"missed  {miss.world} {miss.subject} {miss.kind} {miss.size} since {miss.since}; "
            f"said {miss.said or 'nothing'}"
        )


def _json(worlds: Sequence[World], ours: Figures, naive: Figures, told: Told) -> bytes:
    return msgspec.json.format(
        msgspec.json.encode({"told": told, "ours": ours, "naive": naive, "worlds": worlds}), indent=1
    )


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    click.echo(f"written: {path}")


def _link(picture: Path, report: Path) -> str:
    return os.path.relpath(picture.resolve(), report.resolve().parent)


def _spans(seeds: Sequence[int]) -> str:
    if len(seeds) > 1 and list(seeds) == list(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]}–{seeds[-1]}"
    return ", ".join(map(str, seeds))


def _command(
    chosen: Sequence[Scenario], asked: Sequence[Scenario], seeds: Sequence[int], nights: int | None, step_h: float,
    through_mqtt: bool,
) -> str:  # fmt: skip
    words = ["trezor scorecard", *(scenario.name for scenario in (chosen if asked else ()))]
    words.append(f"--seeds {_spans(seeds).replace('–', '-').replace(', ', ',')}")
    words += [f"--nights {nights}"] if nights else []
    words += [f"--step {step_h:g}"] if step_h != 24 else []
    return " ".join(words + (["--through-mqtt"] if through_mqtt else []))
