"""How the watch came to a case, in the reader's words."""

from typing import Any

import pytest

from monitor.fault import Kind
from monitor.web.tracing import LimitLine, explained, shown
from tests.monitor.cases import case

TRACE: dict[str, Any] = {
    "rule": "three samples above the limit",
    "date": "2026-03-04",
    "verdict": "bad",
    "thresholds": {"hot": {"value": 55.0, "unit": "°C", "reason": "it ages"}},
    "inputs": {"max_good_c": 61.25, "hot_n": 5},
}


def test_a_rule_its_threshold_and_its_night_in_french() -> None:
    found = explained(case(Kind.HOT, trace=TRACE), "fr")
    assert found is not None
    assert found.rule == "trois mesures au-dessus de la limite, par un capteur digne de foi"
    assert (found.night, found.verdict) == ("Nuit du 4 au 5 mars", "le défaut se montre")
    assert found.inputs == [("hot_n", "5"), ("max_good_c", "61,25")]
    (limit,) = found.thresholds
    assert (limit.name, limit.value) == ("chaude", "55 °C")


def test_the_same_in_english() -> None:
    found = explained(case(Kind.HOT, trace=TRACE), "en")
    assert found is not None
    assert found.rule == "three samples above the limit"
    assert found.thresholds == [LimitLine("hot", "55 °C", "it ages")]


def test_a_case_without_a_trace_is_not_explained() -> None:
    assert explained(case(), "fr") is None
    assert explained(case(trace={}), "fr") is None


def test_what_a_rule_tells_beside_the_usual_is_kept() -> None:
    found = explained(case(trace={"rule": "x", "nights": [{"bad": True}]}), "en")
    assert found is not None
    assert found.more == {"nights": [{"bad": True}]}


@pytest.mark.parametrize(
    ("value", "fr", "en"),
    [
        (True, "oui", "yes"), (0.16818, "0,1682", "0.1682"), (93, "93", "93"),
        (-0.0, "0", "0"), (-0.04, "-0,04", "-0.04"), ("nimh", "nimh", "nimh"),
        ("2026-11-25T18:14:59+00:00", "25/11 18 h 14", "25/11 18:14"), ("2026-11-25", "2026-11-25", "2026-11-25"),
        ("no moment at all", "no moment at all", "no moment at all"),
    ],
)  # fmt: skip
def test_values_are_said_as_people_say_them(value: object, fr: str, en: str) -> None:
    assert (shown(value, "fr"), shown(value, "en")) == (fr, en)
