"""The commands of the simulated lamps: scenarios, simulate, record, replay, lamps."""

import errno
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace as replace_fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table

from firmware_sim import record as recorder
from firmware_sim import replay as player
from firmware_sim.exchange import BrokerRefuses
from firmware_sim.keyboard import Keys, controls
from firmware_sim.life import Life, told
from firmware_sim.live import LiveFleet
from firmware_sim.network import micros
from firmware_sim.plant import Plant
from firmware_sim.position import PositionError
from firmware_sim.recording import Recording, RecordingError, RecordingWriter
from firmware_sim.scenario import Scenario, ScenarioError, gallery, load_scenario
from firmware_sim.simulate import WORLD
from firmware_sim.traffic import Meter
from firmware_sim.truth import Truth
from gateway.fleet import Fleet, FleetError, parse_fleet
from gateway.options import LIVE, Broker, Decorator, broker_option, fleet_option, world_option

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MOMENT: Final = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"])
MINUTES: Final = "%Y-%m-%dT%H:%M"
LINE_EVERY_S: Final = 30.0
console: Final = Console(stderr=True, highlight=False)  # results go to stdout, what is going on to stderr


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  # the command line is where the clock is read


class _ScenarioName(click.ParamType[Scenario]):
    name = "scenario"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Scenario:
        if isinstance(value, Scenario):
            return value
        try:
            return load_scenario(value, _now())
        except FileNotFoundError as error:
            self.fail(f"{error}; `trezor scenarios` lists them", param, ctx)
        except ScenarioError as error:
            self.fail(f"{value} has mistakes:\n  " + "\n  ".join(error.mistakes[:20]), param, ctx)


class _Speed(click.ParamType[float]):
    """Times as fast as it was; infinity for `max`."""

    name = "speed"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if value == "max":
            return float("inf")
        try:
            speed = float(value)
        except ValueError:
            speed = 0.0
        if not speed > 0:
            self.fail(f"{value!r} is neither a number above 0 (60: an hour in a minute) nor max", param, ctx)
        return speed


SCENARIO: Final = _ScenarioName()


def _seed_option() -> Decorator:
    return click.option(
        "--seed",
        type=click.IntRange(0, 2**31 - 1),
        default=None,
        help="Same seed, same bytes. [default: the scenario's]",
    )


@click.command()
def scenarios() -> None:
    """List the ready scenarios."""
    table = Table(box=None, pad_edge=False)
    for title in ("scenario", "start", "nights", "what it is"):
        table.add_column(title)
    for name in gallery():
        scenario = load_scenario(name, _now())
        table.add_row(name, f"{scenario.start:%Y-%m-%d}", str(scenario.nights), scenario.title)
    Console(highlight=False).print(table)


@click.command()
@click.argument("scenario", type=SCENARIO)
@_seed_option()
@fleet_option()
@click.option("--nights", type=click.IntRange(1, 10_000), help="So many nights instead of the scenario's.")
@click.option("--to", "path", type=click.Path(path_type=Path), required=True, help="The recording to write (Parquet).")
@click.option("--truth", type=click.Path(path_type=Path), help="What really happened, as JSON; never in the recording.")
@world_option(WORLD)
def simulate(
    scenario: Scenario, seed: int | None, fleet: Fleet, nights: int | None, path: Path, truth: Path | None, world: str
) -> None:
    """Write a scenario's telemetry as a recording, without a broker; `trezor replay` plays it."""
    seed = scenario.seed if seed is None else seed
    fleet = fleet_of(scenario, fleet)
    if nights is not None:
        scenario = replace_fields(scenario, nights=nights)
    about = {
        "world": world, "fleet": fleet.title, "origin": "simulate", "scenario": scenario.name, "seed": str(seed),
        "start": f"{scenario.start:%Y-%m-%dT%H:%M:%SZ}", "nights": str(scenario.nights),
    }  # fmt: skip
    meter = Meter(scenario.network.keeps_connection)
    with _remedies():
        plant = Plant(fleet, scenario, seed)
        with RecordingWriter(path, about) as writer, _bar("nights") as bar:
            messages = told(plant, fleet, seed, world, lambda done, total: bar.show(done / total, f"{done}/{total}"))
            for message in messages:
                writer.add(message)
                meter.add(message)
        if truth is not None:
            truth.parent.mkdir(parents=True, exist_ok=True)
            truth.write_bytes(_truth_json(plant.truth(), about))
            click.echo(f"{truth}: {_kinds(plant.truth())}")
    click.echo(f"{path}: {writer.rows} messages of {len(fleet.lamps)} lamps, {scenario.nights} nights")
    click.echo(f"a lamp's data in 30 days, without TLS: {meter.month()}")


@click.command()
@world_option()
@broker_option(required=True)
@click.option("--to", "path", type=click.Path(path_type=Path), required=True, help="The recording to write (Parquet).")
@click.option("--fleet-title", default="", help="Written into the recording, for people.")
def record(world: str, broker: Broker, path: Path, fleet_title: str) -> None:
    """Record a world's traffic as it comes, until Ctrl-C; the gateway notices nothing."""
    with _remedies(), controls() as control, console.status("connecting") as status:
        trouble = _Trouble(console)

        def progress(count: int, why: str) -> None:
            status.update(f"{count} messages; Ctrl-C ends the recording")
            trouble.say(why)

        rows = recorder.record(
            broker, world, path, fleet_title, stopped=lambda: control.stopped, clock=_now, progress=progress
        )
    click.echo(f"{path}: {rows} messages")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@world_option(None)
@click.option("--speed", type=_Speed(), default="max", show_default=True, help="60: an hour in a minute; max.")
@broker_option(required=True)
@click.option("--from", "since", type=MOMENT, help="Leave out what was received before (UTC).")
@click.option("--to", "until", type=MOMENT, help="Leave out what was received from then on (UTC).")
@click.option(
    "--state", type=click.Path(path_type=Path), help="Where the position is kept. [default: FILE.WORLD.replay]"
)
@click.option("--resume", is_flag=True, help="Go on where an earlier replay was stopped or killed.")
@click.option("--into-the-living-world", is_flag=True, help=f"Allow the world {LIVE!r}: old reports among the living.")
@click.pass_context
def replay(
    ctx: click.Context,
    file: Path,
    world: str,
    speed: float,
    broker: Broker,
    since: datetime | None,
    until: datetime | None,
    state: Path | None,
    resume: bool,
    into_the_living_world: bool,
) -> None:
    """Play a recording through MQTT into a world of its own. Keys: p pauses and goes on, q stops."""
    if world == LIVE and not into_the_living_world:
        raise click.UsageError(
            f"{LIVE!r} is the living world: choose another name with --world, or say --into-the-living-world"
        )
    if since is not None and until is not None and until <= since:
        raise click.UsageError(f"--to {until:{MINUTES}} must be after --from {since:{MINUTES}}")
    with _remedies():
        recording = Recording(file)
        _refuse_nothing(recording, since, until)
        path = state or file.with_name(f"{file.name}.{world}.replay")
        playing = player.Replay(
            recording, world, broker, speed=None if speed == float("inf") else speed, state=path, resume=resume,
            since=_micros(since), until=_micros(until),
        )  # fmt: skip
        if playing.done:
            click.echo(f"nothing left of {file}: without --resume it plays again from the beginning")
            return
        with controls() as control, Keys(control) as keys, _bar(world) as bar:
            trouble = _Trouble(console)

            def report(progress: player.Progress) -> None:
                keys.poll()
                trouble.say(progress.trouble)
                bar.show(progress.share, describe(progress, keys.there))

            count = playing.run(control, report)
            late = playing.late_s
    end = "" if late < player.LATE_S else f", {late:.0f} s behind its schedule"
    if playing.done:
        click.echo(f"{count} messages acknowledged{end}")
        return
    click.echo(f"stopped after {count} messages{end}; the same command with --resume goes on from there")
    ctx.exit(130)


def describe(progress: player.Progress, keyboard: bool) -> str:
    """The line beside the bar: where in time, how fast, how long still, and what is wrong."""
    parts = [f"{_moment(progress.at):%Y-%m-%d %H:%M}"]
    if progress.paused:
        parts.append("paused" + (" (p goes on)" if keyboard else ""))
    elif progress.late_s > player.LATE_S:
        parts.append(f"{progress.late_s:.0f} s late")
    if progress.left_s is not None:
        parts.append(f"{timedelta(seconds=round(progress.left_s))} left")
    return ", ".join([*parts, f"{progress.count} sent", f"{progress.rate:.0f}/s"])


@click.command()
@click.argument("scenario", type=SCENARIO)
@_seed_option()
@fleet_option()
@world_option()
@broker_option(required=True)
@click.option("--report-minutes", type=click.IntRange(1, 1440), default=15, show_default=True, help="When live.")
@click.option(
    "--scale",
    type=click.FloatRange(0.01, 100_000),
    default=1.0,
    show_default=True,
    help="Live so many times as fast as real time; the station then needs --clock event.",
)
def lamps(
    scenario: Scenario, seed: int | None, fleet: Fleet, world: str, broker: Broker, report_minutes: int, scale: float
) -> None:
    """Let a simulated fleet live: its nights until now in time-lapse, then one MQTT session per lamp in real time."""
    seed = scenario.seed if seed is None else seed
    fleet = fleet_of(scenario, fleet)
    with _remedies(), controls() as control:
        try:
            life = Life(fleet, scenario, seed, world, now=_now(), live_minutes=report_minutes)
        except ValueError as error:
            raise click.ClickException(str(error)) from None
        with _bar("time-lapse") as bar:
            life.lapse(
                broker, stopped=lambda: control.stopped, troubled=_Trouble(console).say,
                progress=lambda count, at: bar.show(
                    life.share(at), f"{_moment(at):%Y-%m-%d %H:%M}, {count} messages" if count else "connecting"
                ),
            )  # fmt: skip
        if control.stopped:
            return
        with console.status("connecting") as status:

            def show(fleet: LiveFleet) -> None:
                status.update(
                    f"{_moment(fleet.now):%Y-%m-%d %H:%M} UTC: {fleet.connected} lamps connected, {fleet.acknowledged} "
                    f"messages, {fleet.resent} sent again on request; Ctrl-C ends"
                )

            life.live(broker, clock=_now, stopped=lambda: control.stopped, scale=scale, each_turn=show)


class _Bar:
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task
        self._written = time.monotonic()

    def show(self, share: float, text: str) -> None:
        self._progress.update(self._task, completed=share, text=text)
        # Into a file or a service's log there is no bar that moves: a line now and then.
        if not console.is_terminal and time.monotonic() - self._written >= LINE_EVERY_S:
            self._written = time.monotonic()
            console.print(f"{share:.0%} {text}", soft_wrap=True)


class _Trouble:
    """Tells when something begins to be wrong and when it is right again, a line each, above any bar."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told = ""

    def say(self, trouble: str) -> None:
        if bool(trouble) != bool(self._told):
            self._console.print(trouble or "it answers again", soft_wrap=True)
        self._told = trouble


@contextmanager
def _bar(title: str) -> Iterator[_Bar]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns, console=console) as progress:
        yield _Bar(progress, progress.add_task(title, total=1.0, text=""))


@contextmanager
def _remedies() -> Iterator[None]:
    """What can go wrong outside this program, as one line instead of a traceback."""
    try:
        yield
    except (RecordingError, PositionError, BrokerRefuses, FleetError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        if error.errno == errno.EPIPE:  # nobody reads on: click knows what to do
            raise
        raise click.ClickException(f"{error.filename or 'a file'}: {error.strerror or error}") from None


def _refuse_nothing(recording: Recording, since: datetime | None, until: datetime | None) -> None:
    """Raises UsageError where nothing of the recording lies between."""
    span = recording.span()
    if span is None:
        raise RecordingError(f"{recording.path} is empty: nothing was heard while it was recorded")
    first, last = map(_moment, span)
    if (since and since.replace(tzinfo=UTC) > last) or (until and until.replace(tzinfo=UTC) <= first):
        raise click.UsageError(
            f"nothing lies between --from and --to: {recording.path} goes from {first:{MINUTES}} to {last:{MINUTES}}"
        )


def fleet_of(scenario: Scenario, fleet: Fleet) -> Fleet:
    """The scenario's own fleet where it names one. Raises ClickException."""
    if scenario.fleet is None:
        return fleet
    try:
        return parse_fleet(Path(scenario.fleet).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"the fleet file of scenario {scenario.name} cannot be read: {error}") from None
    except FleetError as error:
        raise click.ClickException(f"{scenario.fleet} has mistakes:\n  " + "\n  ".join(error.mistakes[:20])) from None


def _truth_json(truth: Truth, about: dict[str, str]) -> bytes:
    frames = {name: getattr(truth, name).to_dicts() for name in ("mishaps", "nights", "sky", "energy")}
    said = {name: value for name, value in about.items() if name not in frames}
    return msgspec.json.encode({**said, **frames})


def _kinds(truth: Truth) -> str:
    """How much there is to be found, for people who want to know it before the watch does."""
    counts = Counter(truth.mishaps["kind"].to_list())
    return f"{truth.mishaps.height} mishaps" + "".join(f", {count} {kind}" for kind, count in counts.most_common())


def _micros(moment: datetime | None) -> int | None:
    return micros(moment.replace(tzinfo=UTC)) if moment is not None else None


def _moment(at: int) -> datetime:
    return EPOCH + timedelta(microseconds=at)
