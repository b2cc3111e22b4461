"""The tables behind the sentences are complete: every kind, figure and cause has its words in both languages."""

import ast
import re
from pathlib import Path

from monitor.causes import KINDS, PARTS, cause_word
from monitor.fault import WORDS, Kind
from monitor.glossary import TERMS
from monitor.gsm import in_gsm_words, to_gsm
from monitor.phrases import PAIRS, PHRASES
from monitor.states import STATES
from monitor.web.meanings import FIGURES as LABELS

ROOT = Path(__file__).parents[2]


def test_every_kind_has_its_words():
    assert set(WORDS) == set(STATES) == set(KINDS) == set(Kind)
    for cause in [*PARTS, *(kind.value for kind in Kind)]:
        word = cause_word(cause)
        assert word.fr
        assert word.fr_short
        assert word.en
        assert "_" not in word.fr + word.en


def test_no_french_word_of_an_sms_loses_its_accent():
    phrases = [phrase.fr for phrase in (*PAIRS, *(phrase for phrases in PHRASES.values() for phrase in phrases))]
    causes = [cause_word(cause) for cause in [*PARTS, *(kind.value for kind in Kind)]]
    words = [*WORDS.values(), *causes]
    states = [text for state in STATES.values() for text in (state.over_fr, state.was_fr)]
    texts = [
        *phrases, *states, *(term.fr for term in TERMS.values()), *(word.carry_fr for word in words),
        *(word.fr for word in WORDS.values()), *(cause.fr_short for cause in causes), "À emporter : câbles",
    ]  # fmt: skip
    spoilt = [text for text in map(in_gsm_words, texts) if to_gsm(text) != text]
    assert spoilt == []


def test_every_figure_of_a_phrase_is_in_the_glossary_and_both_languages_name_the_same():
    for phrase in (*PAIRS, *(phrase for phrases in PHRASES.values() for phrase in phrases)):
        texts = (phrase.fr, phrase.fr_long, phrase.en, phrase.en_long)
        slots = [set(re.findall(r"\{([\w.]+)\}", text)) for text in texts]
        assert slots[0] or phrase.none
        assert {phrase.none, phrase.also} - {""} <= set(TERMS)
        assert (slots[0], slots[1]) == (slots[2], slots[3])
        assert slots[0] <= slots[1]  # the SMS may say less of the same
        assert {slot.split(".")[0] for slot in slots[1]} <= set(TERMS)


def test_whatever_a_rule_names_has_words():
    """By the text of the rules: a figure or a cause nobody has put into words would be said by its name."""
    named, blamed = set(), set()
    for path in [*(ROOT / "monitor/rules").glob("*.py"), ROOT / "monitor/silence.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            first = node.args[0].value if called and node.args and isinstance(node.args[0], ast.Constant) else None
            if called in ("figure", "Figure") and first is not None:
                named.add(first)
            if called == "Cause" and first is not None:
                blamed.add(first)
            if called == "ranked":
                blamed |= {word.arg for word in node.keywords if word.arg}
    assert len(named) > 20
    assert len(blamed) > 10
    assert named - set(TERMS) == set(), "monitor/glossary.py"
    assert named - set(LABELS) == set(), "monitor/web/meanings.py"
    assert blamed - set(PARTS) - set(WORDS) == set(), "monitor/causes.py"


def test_the_figures_that_rules_may_use_are_in_the_glossary():
    promised = """
        led_w target_pct level_pct battery_v cut_off_v out_at lit_min scheduled_min pv_w pv_v pv_a
        charge_w peers_charge_w sun_hours last_heard silent_lamps lamps loss_pct loss_pct_day
        wash_in_days ratio_pct capacity_pct capacity_ah capacity_pm_ah discharge_ah dusk_v dawn_v
        step_v temperature_c switchings day_lit_min offset_min restarts event autonomy_nights
        dark_probability_pct limit_v nights sunny_days channel
    """
    assert set(promised.split()) <= set(TERMS)
    for name, term in TERMS.items():
        for words in (term.fr, term.fr_long, term.en, term.en_long):
            assert words.count("{}") == 1, name
