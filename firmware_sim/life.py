"""A simulated fleet from its past into the present: nights in time-lapse, then living on without losing a sample."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

from firmware_sim.live import LiveFleet, Stream
from firmware_sim.network import micros
from firmware_sim.plant import Plant, Progress
from firmware_sim.publish import publish
from firmware_sim.radio import Message, Radio
from firmware_sim.scenario import Scenario
from gateway.fleet import Fleet
from gateway.options import Broker

FOR_EVER: Final = 1_000_000  # nights
AFTERWARDS: Final = timedelta(days=1)  # after a scenario's end its backlog still comes in for so long


def communes(fleet: Fleet) -> Mapping[str, str]:
    """Commune by lamp."""
    return {lamp.id: lamp.commune for lamp in fleet.lamps.values()}


def told(plant: Plant, fleet: Fleet, seed: int, world: str, progress: Progress | None = None) -> Iterator[Message]:
    """Every message of a plant's scenario, in the order of arrival, until a day after its end."""
    scenario = plant.scenario
    radio = Radio(communes(fleet), world, seed, scenario.network, plant.outages)
    end = micros(scenario.end + AFTERWARDS)
    for message in radio.messages(plant.nights(progress)):
        if message.at > end:
            return
        yield message


class Life:
    """What lies before `now` goes out in time-lapse, in the scenario's report interval; what follows live, in reports
    of `live_minutes`. Lamps answer `resend` in both.
    """

    def __init__(
        self, fleet: Fleet, scenario: Scenario, seed: int, world: str, *, now: datetime, live_minutes: int = 15
    ) -> None:
        """Raises ScenarioError where the scenario does not fit the fleet, ValueError where it begins after `now`."""
        if scenario.start >= now:
            raise ValueError(f"scenario {scenario.name} begins at {scenario.start:%Y-%m-%d %H:%M}, which is not past")
        self._world = world
        self._lamps = communes(fleet)
        self._now = now
        self.plant = Plant(fleet, scenario, seed)
        self.radio = Radio(
            self._lamps, world, seed, scenario.network, self.plant.outages,
            live_from=now, live_minutes=live_minutes, keep=True,
        )  # fmt: skip
        self._stream = Stream(self.radio.messages(self.plant.nights(nights=FOR_EVER)))

    def share(self, at: int) -> float:
        """How much of the past lies before this true time (µs), 0…1."""
        begin, end = micros(self.plant.scenario.start), micros(self._now)
        return min(1.0, max(0.0, (at - begin) / (end - begin)))

    def lapse(
        self,
        broker: Broker,
        *,
        progress: Callable[[int, int], None] | None = None,
        troubled: Callable[[str], None] = lambda _: None,
        stopped: Callable[[], bool] = lambda: False,
        patience_s: float | None = None,
        since: datetime | None = None,
    ) -> int:
        """The past at full speed; returns the number of messages, all acknowledged. What is told is as in publish.

        What came before `since` is lived through but not sent again.

        Raises BrokerAway, BrokerRefuses.
        """
        past = self._stream.until(micros(self._now))
        if since is not None:
            known = micros(since)
            past = (message for message in past if message.at >= known)
        return publish(
            past, broker, f"{self._world}-lapse",
            progress=progress, troubled=troubled, stopped=stopped, patience_s=patience_s, answers=self.radio.again,
            world=self._world,
        )  # fmt: skip

    def live(
        self,
        broker: Broker,
        *,
        clock: Callable[[], datetime],
        stopped: Callable[[], bool],
        scale: float = 1.0,
        each_turn: Callable[[LiveFleet], None] | None = None,
    ) -> None:
        """The present, until `stopped()`: first what came due during the time-lapse. Raises BrokerRefuses."""
        since = self._now if scale != 1.0 else None
        lamps = LiveFleet(
            self.radio, self._stream, self._lamps, self._world, broker, clock=clock, since=since, scale=scale
        )
        lamps.run(stopped, each_turn)
