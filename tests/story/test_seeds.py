"""The first set of mishaps under skies that nobody looked at beforehand: each becomes its case, whatever the seed."""

import pytest

from monitor.fault import NOTES, Kind
from tests.firmware_sim.worlds import mishap
from tests.story.conftest import silence
from tests.story.stage import DAY, Stage, world

STARVED = {Kind.EARLY_OFF, Kind.DARK_RISK}  # what follows where a battery is not filled, or holds little
EXPECTED: dict[str, tuple[Kind, set[Kind]]] = {
    "fatoma-02": (Kind.DARK, set()),
    "fatoma-04": (Kind.PANEL_LOST, STARVED),
    "fatoma-06": (Kind.BATTERY_LOST, set()),
    "fatoma-08": (Kind.SILENT, set()),
    "fatoma-10": (Kind.BATTERY_WORN, STARVED),
    "fatoma-12": (Kind.PANEL_SOILED, {Kind.DARK_RISK}),
    "konna": (Kind.COMMUNE_SILENT, set()),
}
MISHAPS = (
    mishap("dark", "+24d6h", "+27d22h", "fatoma-02")
    + mishap("panel_lost", "+24d", "+27d", "fatoma-04")
    + mishap("battery_lost", "+25d", "+28d", "fatoma-06")
    + mishap("silent", "+25d", "+28d", "fatoma-08")
    + mishap("battery_worn", "+22d", "never", "fatoma-10", mode="step", severity=0.5)
    + mishap("panel_soiled", "+18d", "never", "fatoma-12", mode="dust", severity=0.4)
    + silence("konna", "+26d", "+28d")
)


@pytest.mark.parametrize("seed", [61, 62, 63, 71, 72, 73])  # 71 and on: chosen before anybody looked at them
def test_each_mishap_becomes_its_case_and_nobody_else_has_one(seed: int) -> None:
    stage = Stage(world(MISHAPS, nights=44, seed=seed, lamps={"fatoma": 20, "konna": 6})).play(DAY)
    for subject, (kind, consequences) in EXPECTED.items():
        assert stage.case(subject, kind)
        assert stage.kinds(subject) - consequences - NOTES == {kind}, subject
    others = [case for case in stage.cases() if case.subject not in EXPECTED and case.kind not in NOTES]
    assert [(case.subject, case.kind) for case in others] == []
