"""Every phrase exists in both languages, is used, and numbers and nights are said as people say them."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from string import Formatter

import pytest

from monitor.fault import Kind
from monitor.glossary import TERMS
from monitor.web import dates
from monitor.web.meanings import FIGURES, HELP, KIND_HELP
from monitor.web.words import LANGUAGES, PHRASES, REPAIRS, bound, likely, say
from tests.monitor.web.html import plain

WEB = Path("monitor/web")


def fields(phrase: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(phrase) if name}


def test_a_phrase_says_the_same_things_in_both_languages() -> None:
    for key, (french, english) in PHRASES.items():
        assert french, key
        assert english, key
        for part in french.split("|")[1:]:
            assert fields(part) | {"n"} == fields(french.split("|")[0]) | {"n"}, key
        assert fields(french) | {"n"} == fields(english) | {"n"}, key


def test_every_phrase_is_used_and_every_used_phrase_exists() -> None:
    sources = "\n".join(p.read_text(encoding="utf-8") for p in [*WEB.glob("*.py"), *WEB.glob("templates/*.html")])
    used = set(re.findall(r'"([a-z_]+\.[\w.]*\w)"', sources)) & set(PHRASES)
    plain_keys = set(re.findall(r'\bt\("(\w+)"', sources))
    # Keys that are put together from parts: `t("v." ~ letter)`, `t(f"v.{letter}")`.
    made = set(re.findall(r'"([a-z_]+\.)(?:" ~|\{)', sources))
    unused = [
        key for key in PHRASES
        if key not in used and key not in plain_keys and not any(key.startswith(prefix) for prefix in made)
        and key.split(".")[0] not in ("fleet", "commune", "error")  # chosen by `answer` and by status code
    ]  # fmt: skip
    assert unused == []
    assert [key for key in re.findall(r'\bt\("([\w.]+)"[,)]', sources) if key not in PHRASES] == []


def test_figures_kinds_and_repairs_all_have_words() -> None:
    assert set(TERMS) <= set(FIGURES)
    assert set(KIND_HELP) == set(Kind)
    assert all(f"repair.{repair}" in PHRASES for repair in REPAIRS)
    assert all(len(entry) == len(LANGUAGES) for entry in HELP)


def test_french_counts_zero_and_one_as_singular_and_english_only_one() -> None:
    assert [plain(say("fr", "cases.open", n=n)) for n in (0, 1, 2)] == [
        "0 panne ouverte", "1 panne ouverte", "2 pannes ouvertes",
    ]  # fmt: skip
    assert [say("en", "cases.open", n=n) for n in (0, 1, 2)] == ["0 open cases", "1 open case", "2 open cases"]


def test_numbers_are_kept_to_their_units_and_signs_to_their_words() -> None:
    assert bound("car : 13,1 V et 30 % (3 h 51) ; 2 nuits ?") == (
        "car\u00a0: 13,1\u00a0V et 30\u00a0% (3\u00a0h\u00a051)\u00a0; 2\u00a0nuits\u00a0?"
    )


def test_a_night_is_named_by_both_its_days() -> None:
    assert dates.night(date(2026, 11, 22), "fr") == "nuit du 22 au 23 novembre"
    assert dates.night(date(2026, 11, 30), "fr") == "nuit du 30 novembre au 1er décembre"
    assert dates.night(date(2026, 12, 31), "en") == "night of 31 December to 1 January"


@pytest.mark.parametrize(
    ("now", "night"),
    [
        (datetime(2026, 11, 23, 12, tzinfo=UTC), date(2026, 11, 22)),
        (datetime(2026, 11, 23, 23, 59, tzinfo=UTC), date(2026, 11, 22)),
        (datetime(2026, 11, 23, 3, 0, tzinfo=UTC), date(2026, 11, 21)),
        (datetime(2026, 11, 23, 9, 0, tzinfo=UTC), date(2026, 11, 22)),
    ],
)
def test_last_night_is_the_newest_one_that_is_over(now: datetime, night: date) -> None:
    assert dates.last_night(now, -4.2) == night
    elsewhere = now - timedelta(hours=7)  # the same solar time seven hours further east
    assert dates.last_night(elsewhere, -4.2 + 105) == night


def test_lengths_are_said_in_their_one_telling_unit() -> None:
    said = [plain(dates.span(timedelta(**length), "fr")) for length in ({"minutes": 12}, {"hours": 5}, {"days": 2})]
    assert said == ["12 min", "5 h", "2 nuits"]


def test_a_share_is_never_rounded_up_to_all() -> None:
    assert plain(dates.percent(0.9999, "fr")) == "99,9 %"
    assert plain(dates.percent(1, "fr")) == "100 %"
    assert dates.percent(0.5, "en") == "50.0%"


def test_likelihoods_have_words() -> None:
    assert [likely(p) for p in (0.05, 0.2, 0.5, 0.9)] == ["likely.low", "likely.some", "likely.good", "likely.high"]
