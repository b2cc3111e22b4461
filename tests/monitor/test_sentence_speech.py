"""Numbers and dates as people say them; the room that a text takes in an SMS."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.gsm import BASIC, EXTENSION, in_gsm_words, septets, to_gsm
from monitor.speech import Pace, between, count, date, duration, lasted, measured, moment, number, on_date, since_when

NOW = datetime(2026, 3, 5, 10, 0, tzinfo=UTC)


def at(day: int, hour: int, minute: int = 0, month: int = 3, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "digits", "fr", "en"),
    [
        (12.449, 1, "12,4", "12.4"), (0, 0, "0", "0"), (-0.04, 1, "0,0", "0.0"),
        (1234.5, 1, "1 234,5", "1,234.5"), (-3, 0, "-3", "-3"),
    ],
)  # fmt: skip
def test_numbers(value, digits, fr, en):
    assert (number(value, digits, "fr"), number(value, digits, "en")) == (fr, en)


@pytest.mark.parametrize(
    ("value", "digits", "fr", "en"),
    [
        (0, 0, "0 nuit", "0 nights"), (1, 0, "1 nuit", "1 night"), (2, 0, "2 nuits", "2 nights"),
        (0.8, 1, "0,8 nuit", "0.8 nights"), (1.9, 1, "1,9 nuit", "1.9 nights"), (1.96, 1, "2,0 nuits", "2.0 nights"),
        (1.4, 0, "1 nuit", "1 night"),
    ],
)  # fmt: skip
def test_singular_and_plural(value, digits, fr, en):
    assert count(value, "nuit", "nuits", "fr", digits) == fr
    assert count(value, "night", "nights", "en", digits) == en


def test_durations():
    assert [duration(m, "fr") for m in (0, 35, 59.6, 60, 260, -95)] == [
        "0 min",
        "35 min",
        "1 h",
        "1 h",
        "4 h 20",
        "1 h 35",
    ]
    assert duration(725, "en") == "12 h 05 min"


@pytest.mark.parametrize(
    ("when", "fr", "en"),
    [
        (at(5, 8, 5), "ce matin à 8 h 05", "this morning at 08:05"),
        (at(5, 2, 10), "cette nuit à 2 h 10", "today at 02:10"),
        (at(4, 21, 10), "hier soir à 21 h 10", "yesterday evening at 21:10"),
        (at(4, 14), "hier à 14 h", "yesterday at 14:00"),
        (at(1, 14, 20), "le 1er mars à 14 h 20", "on 1 March at 14:20"),
        (at(28, 14, 20, month=2), "le 28 février à 14 h 20", "on 28 February at 14:20"),
        (at(5, 14, 0, year=2025), "le 5 mars 2025 à 14 h", "on 5 March 2025 at 14:00"),
        (at(7, 9), "le 7 mars à 9 h", "on 7 March at 09:00"),
    ],
)
def test_moments(when, fr, en):
    assert (moment(when, NOW, "fr"), moment(when, NOW, "en")) == (fr, en)


def test_a_figure_of_a_whole_date_has_no_hour():
    assert measured(at(4, 0), NOW, "fr") == "hier"
    assert measured(at(1, 0), NOW, "en") == "on 1 March"
    assert measured(at(4, 0, 1), NOW, "fr") == "hier à 0 h 01"


@pytest.mark.parametrize(
    ("since", "now", "pace", "fr", "en"),
    [
        (at(3, 18, 25), NOW, Pace.NIGHTS, "depuis 2 nuits", "for 2 nights"),
        (at(3, 18, 25), at(5, 17, 30), Pace.NIGHTS, "depuis 2 nuits", "for 2 nights"),  # the third has not begun
        (at(3, 18, 25), at(5, 18, 40), Pace.NIGHTS, "depuis 3 nuits", "for 3 nights"),
        (at(4, 18, 25), NOW, Pace.NIGHTS, "depuis hier soir", "since last night"),
        (at(5, 18, 25), at(5, 20), Pace.NIGHTS, "depuis ce soir", "since this evening"),
        (at(5, 2, 0), NOW, Pace.NIGHTS, "depuis cette nuit", "since last night"),
        (at(4, 18, 25), at(5, 1), Pace.NIGHTS, "depuis hier soir", "since last night"),
        (at(1, 18, 25, month=2), NOW, Pace.NIGHTS, "depuis le 1er février", "since 1 February"),
        (at(2, 12), NOW, Pace.DAYS, "depuis 3 jours", "for 3 days"),
        (at(4, 12), NOW, Pace.DAYS, "depuis hier", "since yesterday"),
        (at(5, 6), NOW, Pace.DAYS, "depuis aujourd'hui", "since today"),
        (at(1, 12, month=12, year=2025), NOW, Pace.DAYS, "depuis le 1er décembre 2025", "since 1 December 2025"),
        (at(5, 9, 59), NOW, Pace.MOMENT, "depuis 1 minute", "for 1 minute"),
        (at(5, 9, 15), NOW, Pace.MOMENT, "depuis 45 minutes", "for 45 minutes"),
        (at(4, 14, 20), NOW, Pace.MOMENT, "depuis hier à 14 h 20", "since yesterday at 14:20"),
        (at(3, 14, 20), NOW, Pace.MOMENT, "depuis 2 jours", "for 2 days"),
        (at(5, 18, 25), NOW, Pace.NIGHTS, "depuis ce soir", "since this evening"),  # later the same day
        (at(5, 18, 25), NOW, Pace.DAYS, "depuis aujourd'hui", "since today"),
        (at(5, 18, 25), NOW, Pace.MOMENT, "depuis ce soir à 18 h 25", "since this evening at 18:25"),
    ],
)
def test_since_when(since, now, pace, fr, en):
    assert (since_when(since, now, pace, "fr"), since_when(since, now, pace, "en")) == (fr, en)


@pytest.mark.parametrize(
    ("since", "until", "pace", "fr", "en"),
    [
        (at(1, 18, 25), at(3, 18, 30), Pace.NIGHTS, "depuis 2 nuits", "for 2 nights"),
        (at(1, 18, 25), at(3, 23), Pace.NIGHTS, "depuis 3 nuits", "for 3 nights"),
        (at(3, 18, 25), at(4, 18, 30), Pace.NIGHTS, "depuis le 3 mars à 18 h 25", "since 3 March at 18:25"),
        (at(1, 9), at(4, 9), Pace.DAYS, "depuis 3 jours", "for 3 days"),
        (at(4, 9), at(4, 12), Pace.DAYS, "depuis hier", "since yesterday"),
        (at(4, 9), at(4, 12), Pace.MOMENT, "depuis hier matin à 9 h", "since yesterday morning at 09:00"),
        (at(1, 9, month=1), at(4, 9), Pace.DAYS, "depuis le 1er janvier", "since 1 January"),
    ],
)
def test_how_long_it_had_lasted_seen_from_later(since, until, pace, fr, en):
    assert (lasted(since, until, NOW, pace, "fr"), lasted(since, until, NOW, pace, "en")) == (fr, en)


def test_spans_and_dates():
    assert between(at(3, 18), at(5, 6), NOW, "fr") == "du 3 au 5 mars"
    assert between(at(1, 18), at(5, 6), NOW, "fr") == "du 1er au 5 mars"
    assert between(at(28, 18, month=2), at(3, 6), NOW, "en") == "from 28 February to 3 March"
    assert between(at(3, 8), at(3, 9), NOW, "fr") == "le 3 mars"
    assert between(at(31, 8, month=12, year=2025), at(1, 9, month=1), NOW, "fr") == "du 31 décembre 2025 au 1er janvier"
    assert date(at(3, 8, year=2024), NOW, "fr") == "3 mars 2024"
    assert on_date(at(4, 8), NOW, "en") == "yesterday"


@given(st.datetimes(timezones=st.just(UTC)), st.timedeltas(timedelta(0), timedelta(days=400)), st.sampled_from(Pace))
def test_any_time_can_be_said(now, age, pace):
    if now - datetime.min.replace(tzinfo=UTC) <= age + timedelta(days=2):
        return
    said = since_when(now - age, now, pace, "fr")
    assert said.startswith("depuis ")
    assert "-" not in said
    assert " 0 " not in said


# --- the SMS alphabet -----------------------------------------------------------------------------------------------


def test_the_alphabet_has_as_many_letters_as_the_standard():
    assert len(BASIC) == 127  # 128 codes, one of which is the escape to the extension
    assert len(EXTENSION) == 10
    assert not BASIC & EXTENSION


def test_french_in_the_alphabet_of_the_sms():
    assert to_gsm("éèàù fenêtre reçoit Île œuf l’été « dit-il » 58 °C ± 2 – …") == (
        'éèàù fenetre recoit Ile oeuf l\'été " dit-il " 58 C +/- 2 - ...'
    )
    assert to_gsm("12,9\u202fV\u00a0:") == "12,9 V :"
    assert to_gsm("e\u0301te\u0301") == "été"  # accents written apart
    assert to_gsm("Ɓamako ŋa 🌞") == "Bamako na ?"


def test_words_whose_accents_would_be_lost_give_way_to_others():
    assert in_gsm_words("s'éteint trop tôt. Câble coupé probable. À emporter: câbles, mât") == (
        "s'éteint avant l'heure. Fil coupé probable. Emporter: fils, poteau"
    )
    assert in_gsm_words("câblerie, matin") == "câblerie, matin"  # whole words only


def test_the_extension_takes_two_septets():
    assert septets("[a]") == 5
    assert septets("€") == 2
    with pytest.raises(ValueError, match="'ê' is not in"):
        septets("ê")


@given(st.text())
def test_any_text_can_be_sent(text):
    assert septets(to_gsm(text)) >= 0
