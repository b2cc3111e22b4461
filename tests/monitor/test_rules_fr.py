"""Every rule and every threshold is said in French too, and nothing is said of what no rule has."""

from monitor.fault import Kind
from monitor.rules import RULES
from monitor.rules_doc import SILENCE
from monitor.rules_fr import LIMITS, SAYS, limit_says, rule_says

THRESHOLDS = {rule.kind: rule.thresholds for rule in RULES} | {kind: limits for kind, (_, limits) in SILENCE.items()}


def test_every_kind_has_its_rule_in_french() -> None:
    assert set(SAYS) == set(Kind)


def test_every_threshold_has_its_french_words() -> None:
    english = {(kind, name) for kind, thresholds in THRESHOLDS.items() for name in thresholds}
    french = {(kind, name) for kind, limits in LIMITS.items() for name in limits}
    assert french - english == set(), "monitor/rules_fr.py: thresholds that no rule has"
    assert english - french == set(), "monitor/rules_fr.py: thresholds without French words"


def test_english_is_what_the_rule_says_itself() -> None:
    assert rule_says(Kind.DARK, "no light", "en") == "no light"
    assert limit_says(Kind.HOT, "hot", "°C", "it ages", "en").reason == "it ages"


def test_a_threshold_without_french_words_is_said_in_english() -> None:
    found = limit_says(Kind.HOT, "brand new", "°C", "it ages", "fr")
    assert (found.name, found.unit, found.reason) == ("brand new", "°C", "it ages")
