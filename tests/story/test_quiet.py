"""Where nothing is wrong nobody is disturbed: clean worlds, a week of dust, another profile."""

import pytest

from monitor.fault import NOTES
from tests.story.conftest import CLEANED
from tests.story.stage import DAY, Stage, world

DUSTY = '[[weather.dust_spell]]\nsince = "+12d"\ndays = 7\ndepth = 0.35\n'
FEAST = (
    '[[profile]]\nsince = "+14d"\nuntil = "+20d"\nsteps = [{ percent = 60, hours = 8 }, { percent = 30 }]\n'
    '\n[[flat]]\nlamp = "fatoma-05"\nat = "+16d22h"\n'
)


@pytest.mark.parametrize("seed", [41, 42, 43, 71, 72, 73])  # chosen before anybody looked at them
def test_thirty_clean_nights_disturb_nobody(seed: int) -> None:
    """As shipped: clouds, dust, washing every three weeks. A note of the sky may stand on the page."""
    stage = Stage(world("", nights=30, seed=seed)).play(DAY)
    assert {case.kind for case in stage.cases(hidden=True)} <= NOTES
    assert stage.told == []
    verdicts = stage.ledger().filter(stage.ledger()["date"] < f"{stage.world.end:%Y-%m-%d}")["verdict"]
    assert set(verdicts) <= {"lit", "unknown"}
    assert (verdicts == "lit").mean() > 0.99  # here and there a report was lost


def test_a_week_of_dust_over_the_commune_is_nobodys_fault() -> None:
    """Dust takes a third of the sun from every lamp alike: at most a note, never an alert."""
    stage = Stage(world(DUSTY, nights=24, habits=CLEANED)).play(DAY)
    assert {case.kind for case in stage.cases(hidden=True)} <= NOTES
    assert stage.told == []


def test_another_lighting_profile_and_a_lamp_that_relearns_its_nights_are_no_faults() -> None:
    stage = Stage(world(FEAST, nights=22, habits=CLEANED)).play(DAY)
    assert [(case.subject, case.kind) for case in stage.cases()] == []
