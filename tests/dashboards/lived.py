"""A world that lamps lived and the watch judged: simulated lamps through the real door, the real monitor, its mirror.

Nothing of it is made for the screens, so what a panel shows is what a panel will show.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from firmware_sim.radio import Message
from gateway.fleet import Fleet
from gateway.store import Store
from gateway.telemetry import JSON_TYPE, Resend
from gateway.topic import Topic
from monitor.case import Case
from monitor.casebook import open_casebook
from monitor.fault import Kind
from monitor.faults_table import Mirror
from scorecard.lamps import SimulatedLamps
from scorecard.watching import live_through
from tests.firmware_sim.worlds import mishap, scenario, village

NIGHTS = 16
COMMUNES = {"fatoma": 7, "konna": 6}
TROUBLED = "fatoma-02"  # hit by a car, and after its repair dark for good
FORGETFUL = "konna-02"  # what it is asked for again it has no more
MISHAPS = (
    mishap("moved", "+2d", "+4d", TROUBLED, mode="tilt", severity=0.1)
    + mishap("dark", f"+{NIGHTS - 4}d6h", "never", TROUBLED)
    + mishap("panel_lost", "+3d", "+6d", "fatoma-04")
    + mishap("early_off", "+5d", "+8d", "fatoma-05", severity=0.8)
    + mishap("silent", f"+{NIGHTS - 3}d", "never", "fatoma-03")
    + '\n[[mishap]]\nkind = "commune_silent"\ncommune = "fatoma"\nsince = "+8d"\nuntil = "+9d12h"\n'
)
QUIET = "[network]\nloss = 0\n"


class Lamps(SimulatedLamps):
    """With a stranger at the door, a lamp that says nonsense once, and one of whose reports one is lost for good."""

    def messages(self, progress: object = None) -> Iterator[Message]:
        said = 0
        for number, message in enumerate(super().messages()):
            said += message.topic.endswith(f"/{FORGETFUL}/telemetry")
            if said != 3:
                yield message
            if number == 100:
                world = message.topic.partition("/")[0]
                for topic in (f"{world}/fatoma/stranger-01/telemetry", message.topic):
                    yield message._replace(topic=topic, payload=b'{"v":1}', content_type=JSON_TYPE)

    def again(self, topic: Topic, request: Resend, now: datetime) -> list[Message]:
        return [] if topic.lamp == FORGETFUL else super().again(topic, request, now)


@dataclass(frozen=True)
class Lived:
    fleet: Fleet
    start: datetime
    end: datetime  # of the screen: the noon after the last night
    cases: list[Case]  # hidden and withdrawn ones too


def live(store: Store, world: str, folder: Path) -> Lived:
    """Fills the store; the world's last night is the one that has just ended."""
    whole = village(max(COMMUNES.values()), communes=len(COMMUNES) + 1)
    lamps = {lamp.id: lamp for name, few in COMMUNES.items() for lamp in whole.by_commune[name][:few]}
    fleet = Fleet({name: whole.communes[name] for name in COMMUNES}, lamps)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    begins = today - timedelta(days=NIGHTS)
    what = scenario(MISHAPS, nights=NIGHTS, start=f"{begins:%Y-%m-%d}", habits=QUIET)
    casebook = open_casebook("sqlite://", world)
    try:
        live_through(Lamps(fleet, what, 1, world), world, fleet, store, casebook, folder / "alerts")
        cases = casebook.cases(withdrawn=True)
        Mirror(store, fleet, cases).copy((), today)
        return Lived(fleet, what.start, today + timedelta(hours=12), cases)
    finally:
        casebook.close()


def told(case: Case) -> bool:
    """Whether it is one of those that people act on: no note about the weather, no part of another case."""
    return case.hidden_by is None and case.withdrawn_at is None and case.kind is not Kind.LOW_SUN
