"""The lamps' side of a scored world: their messages in the order of arrival, and their answers when asked again."""

from collections.abc import Iterator
from datetime import datetime

from firmware_sim.life import AFTERWARDS, communes
from firmware_sim.network import micros
from firmware_sim.plant import Plant, Progress
from firmware_sim.radio import Message, Radio
from firmware_sim.scenario import Scenario
from firmware_sim.truth import Truth
from gateway.fleet import Fleet
from gateway.telemetry import Resend
from gateway.topic import Topic


class SimulatedLamps:
    """Only `messages` and `again` face the judging side, and both speak nothing but the lamps' language."""

    def __init__(self, fleet: Fleet, scenario: Scenario, seed: int, world: str) -> None:
        """Raises ScenarioError where the scenario names what the fleet does not have."""
        self.start = scenario.start
        self._end_us = micros(scenario.end + AFTERWARDS)
        self._plant = Plant(fleet, scenario, seed)
        self._radio = Radio(communes(fleet), world, seed, scenario.network, self._plant.outages, keep=True)

    def messages(self, progress: Progress | None = None) -> Iterator[Message]:
        """All of the scenario, computed as they are taken, until a day after its end."""
        for message in self._radio.messages(self._plant.nights(progress)):
            if message.at > self._end_us:
                return
            yield message

    def again(self, topic: Topic, request: Resend, now: datetime) -> list[Message]:
        """What a lamp answers to `resend`; nothing where it cannot be reached."""
        at = micros(now)
        return [] if topic.lamp in self._radio.absent(at) else self._radio.again(topic, request, at)

    def truth(self) -> Truth:
        """What really happened, of the nights lived so far: for the comparison alone, after the judgement."""
        return self._plant.truth()
