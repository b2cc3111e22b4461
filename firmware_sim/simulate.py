"""A whole scenario at once, without a broker: what the store would hold afterwards, and the truth beside it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import polars as pl

from firmware_sim.plant import Plant, Progress
from firmware_sim.radio import Chunk, Message, Radio
from firmware_sim.scenario import Scenario
from firmware_sim.truth import Truth
from gateway.fleet import Fleet
from gateway.telemetry import TELEMETRY_SCHEMA, TIME, Event, Report, decode, rows
from gateway.topic import EVENT, TELEMETRY, Rejected, Topic

WORLD: Final = "simulated"
ARRIVALS: Final = {
    "commune": pl.String(), "lamp": pl.String(), "time": TIME, "received": TIME, "first": TIME, "last": TIME,
    "dt": pl.Int32(), "boot": pl.Int32(), "seq": pl.Int32(), "samples": pl.Int32(), "bytes": pl.Int32(),
}  # fmt: skip
EVENTS: Final = {
    "commune": pl.String(), "lamp": pl.String(), "event": pl.String(), "time": TIME, "received": TIME,
}  # fmt: skip
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Simulated:
    """`telemetry`: TELEMETRY_SCHEMA, each sample once, by lamp and time. `arrivals`, `events`: in the order in which
    they came, with the columns of the store's tables."""

    telemetry: pl.DataFrame
    arrivals: pl.DataFrame
    events: pl.DataFrame
    truth: Truth


def simulate_telemetry(fleet: Fleet, scenario: Scenario, seed: int, progress: Progress | None = None) -> Simulated:
    """All nights of a scenario through the simulated radio, as a gateway that never sleeps would have stored them.

    Raises ScenarioError where the scenario names what the fleet does not have.
    """
    plant = Plant(fleet, scenario, seed)
    radio = Radio(
        {lamp.id: lamp.commune for lamp in fleet.lamps.values()}, WORLD, seed, scenario.network, plant.outages
    )
    inbox = _Inbox()
    for chunk in plant.nights(progress):
        inbox.take(radio.push(Chunk(chunk.samples, chunk.events, chunk.until)))
    inbox.take(message for message in radio.finish() if message.at <= _micros(scenario.end + timedelta(days=1)))
    return Simulated(*inbox.frames(), plant.truth())


class _Inbox:
    def __init__(self) -> None:
        self._telemetry: list[pl.DataFrame] = []
        self._arrivals: list[tuple[object, ...]] = []
        self._events: list[tuple[object, ...]] = []

    def take(self, messages: Iterable[Message]) -> None:
        reports: list[tuple[Topic, Report]] = []
        for message in messages:
            topic = Topic.parse(message.topic)
            if isinstance(topic, Rejected):
                continue
            at = _EPOCH + timedelta(microseconds=message.at)
            if topic.kind == TELEMETRY:
                report = decode(message.payload, message.content_type, Report)
                if isinstance(report, Rejected):
                    raise ValueError(f"the simulator made a report that nobody can read: {report.reason}")
                reports.append((topic, report))
                self._arrivals.append(
                    (topic.commune, topic.lamp, at, at, _moment(report.t), _moment(report.last), report.dt, report.boot,
                     report.seq, report.samples, len(message.payload))
                )  # fmt: skip
            elif topic.kind == EVENT:
                event = decode(message.payload, message.content_type, Event)
                if not isinstance(event, Rejected):
                    self._events.append((topic.commune, topic.lamp, event.event, _moment(event.t), at))
        if reports:
            self._telemetry.append(rows(reports))

    def frames(self) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        telemetry = pl.concat(self._telemetry) if self._telemetry else pl.DataFrame(schema=TELEMETRY_SCHEMA)
        return (
            telemetry.unique(["lamp", "time"], keep="last", maintain_order=True).sort("lamp", "time"),
            pl.DataFrame(self._arrivals, schema=ARRIVALS, orient="row"),
            pl.DataFrame(self._events, schema=EVENTS, orient="row"),
        )


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
