"""What people read is made of the evidence of that case, in words that a mayor understands, and fits one SMS."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.fleet import Commune, Fleet, Lamp, parse_fleet
from monitor.case import Case, Change
from monitor.causes import PARTS
from monitor.fault import Cause, Figure, Kind
from monitor.glossary import TERMS
from monitor.gsm import SEGMENT, septets
from monitor.sentence import carry, evidence, headline, sms, to_do, urgency
from tests.monitor.cases import NOW, case, fleet
from tests.monitor.example_cases import EXAMPLES

FLEET = fleet()
ROOT = Path(__file__).parents[2]
DEMO = parse_fleet((ROOT / "fleet.toml").read_text(encoding="utf-8"))
OPENED, CLOSED, WITHDRAWN = Change.OPENED, Change.CLOSED, Change.WITHDRAWN
DARK = case(
    causes=(Cause("driver", 0.8), Cause("cable", 0.2)),
    figures=(
        Figure("battery_v", 12.94, "V"),
        Figure("led_w", 0.0, "W", at=NOW - timedelta(hours=14), peers=29.4),
        Figure("target_pct", 100.0, "%"),
    ),
)


def test_a_dark_lamp_in_french_and_english():
    assert headline(DARK, FLEET, NOW, "fr") == "fatoma-02 (marché) éteint depuis 2 nuits"
    assert evidence(DARK, FLEET, NOW, "fr") == (
        "fatoma-02 (marché) éteint depuis 2 nuits ; cause probable : le driver LED (80 %), sinon un câble coupé "
        "(20 %), car la batterie est à 12,9 V mais la lampe reçoit 0 W pour 100 % demandés (hier soir à 20 h ; "
        "ses voisins : 29 W)."
    )
    assert sms(DARK, OPENED, FLEET, NOW, "fr") == (
        "fatoma-02 (marché): éteint depuis 2 nuits. Driver LED probable: la batterie suffit (12,9 V) mais 0 W à la "
        "lampe. Emporter: driver LED, multimètre."
    )
    assert evidence(DARK, FLEET, NOW, "en") == (
        "fatoma-02 (marché) dark for 2 nights; probable cause: the LED driver (80%), or else a cut cable (20%), "
        "because the battery has 12.9 V but the lamp gets 0 W for 100% asked (yesterday evening at 20:00; "
        "its neighbours: 29 W)."
    )


def test_the_sentence_says_the_figures_of_this_case_and_no_others():
    other = replace(DARK, figures=(Figure("led_w", 3.2, "W"), Figure("target_pct", 30.0, "%")))
    assert "la lampe reçoit 3,2 W pour 30 % demandés." in evidence(other, FLEET, NOW, "fr")
    assert "batterie" not in evidence(other, FLEET, NOW, "fr")


def test_less_evidence_is_less_said():
    assert evidence(replace(DARK, figures=()), FLEET, NOW, "fr") == (
        "fatoma-02 (marché) éteint depuis 2 nuits ; cause probable : le driver LED (80 %), sinon un câble coupé (20 %)."
    )
    assert evidence(replace(DARK, causes=()), FLEET, NOW, "fr").startswith(
        "fatoma-02 (marché) éteint depuis 2 nuits, car la batterie est à 12,9 V"
    )
    assert (
        evidence(replace(DARK, causes=(), figures=()), FLEET, NOW, "fr") == "fatoma-02 (marché) éteint depuis 2 nuits."
    )


@pytest.mark.parametrize(
    ("likelihoods", "fr"),
    [
        ({"driver": 0.97, "cable": 0.03}, "cause : le driver LED"),
        (
            {"driver": 0.7, "cable": 0.2, "fuse": 0.1},
            "cause probable : le driver LED (70 %), sinon un câble coupé (20 %)",
        ),
        ({"driver": 0.9, "cable": 0.1}, "cause probable : le driver LED (90 %)"),
        (
            {"cable": 0.4, "driver": 0.4, "fuse": 0.2},
            "cause possible : un câble coupé (40 %), le driver LED (40 %) ou le fusible (20 %)",
        ),
        ({"never_heard_of": 1.0}, "cause : never heard of"),
    ],
)
def test_how_sure_one_is_of_the_cause(likelihoods, fr):
    some = replace(DARK, figures=(), causes=tuple(Cause(*pair) for pair in likelihoods.items()))
    assert evidence(some, FLEET, NOW, "fr") == f"fatoma-02 (marché) éteint depuis 2 nuits ; {fr}."


def test_a_cause_that_is_the_fault_itself_is_not_repeated():
    soiled = case(Kind.PANEL_SOILED, causes=(Cause("panel_soiled", 0.9), Cause("shade", 0.1)))
    worn = case(Kind.BATTERY_WORN, causes=(Cause("wear", 1.0),))
    assert evidence(soiled, FLEET, NOW, "fr") == "fatoma-02 (marché) : panneau sale depuis 2 jours."
    assert evidence(worn, FLEET, NOW, "fr") == "fatoma-02 (marché) : batterie usée depuis 2 jours."


def test_a_limit_the_text_does_not_name_is_shown_beside():
    hot = case(Kind.HOT, figures=(Figure("temperature_c", 57.6, "°C", limit=55.0),))
    assert "la batterie est à 58 degrés pour une limite de 55 degrés." in evidence(hot, FLEET, NOW, "fr")
    dim = case(Kind.DIM, figures=(Figure("ratio_pct", 66.0, "%", limit=80.0),))
    assert "c'est 66 % de sa puissance (seuil : 80 %)." in evidence(dim, FLEET, NOW, "fr")


def test_a_refused_clock_is_told_in_the_readers_language():
    said = [
        ("clock: says 1970-01-02, before 2015", "elle dit 2 janvier 1970", "it says 2 January 1970"),
        ("clock: 31 h ahead, at most 24 h", "elle a 31 h d'avance", "it is 31 h ahead"),
    ]
    for reason, fr, en in said:
        wrong = case(Kind.CLOCK_WRONG, figures=(Figure("said", reason),))
        assert evidence(wrong, FLEET, NOW, "fr").endswith(f", car {fr}.")
        assert evidence(wrong, FLEET, NOW, "en").endswith(f", because {en}.")


def test_a_cause_means_what_the_fault_makes_of_it():
    hot, weak = (case(kind, causes=(Cause("shade", 1.0),)) for kind in (Kind.HOT, Kind.PANEL_PARTIAL))
    assert "cause : le manque d'ombre" in evidence(hot, FLEET, NOW, "fr")
    assert carry(hot, "fr") == "tôle d'ombrage"
    assert "cause : une ombre sur le panneau" in evidence(weak, FLEET, NOW, "fr")


def test_a_figure_nobody_has_put_into_words_is_said_by_its_name_on_the_page_only():
    odd = case(figures=(Figure("hum_level", 3.0, "dB"),))
    assert "hum level 3 dB" in evidence(odd, FLEET, NOW, "fr")
    assert "hum" not in sms(odd, OPENED, FLEET, NOW, "fr")


def test_figures_that_cannot_be_said_are_as_if_they_were_missing():
    broken = case(
        figures=(
            Figure("led_w", float("nan")), Figure("battery_v", "weak"), Figure("out_at", "yesterday"),
            Figure("channel", 3.0), Figure("pv_w", 1.0, peers=float("inf")),
        )
    )  # fmt: skip
    assert evidence(broken, FLEET, NOW, "fr") == "fatoma-02 (marché) éteint depuis 2 nuits, car le panneau donne 1 W."


def test_the_end_of_a_case_says_what_is_right_again_and_what_had_been():
    over = replace(DARK, until=datetime(2026, 3, 5, 18, 31, tzinfo=UTC))
    now = datetime(2026, 3, 5, 19, 0, tzinfo=UTC)
    assert sms(over, CLOSED, FLEET, now, "fr") == (
        "fatoma-02 (marché): rallumé depuis ce soir. Il était éteint depuis 2 nuits. Cause: driver LED."
    )
    assert headline(over, FLEET, now, "fr") == "fatoma-02 (marché) éteint du 3 au 5 mars"
    heard = case(Kind.SILENT, lamp="fatoma-03", since=NOW - timedelta(hours=30), until=NOW - timedelta(hours=2))
    assert sms(heard, CLOSED, FLEET, NOW, "en") == (
        "fatoma-03: heard again since this morning at 08:00. It had been silent since yesterday at 04:00."
    )


def test_a_correction_is_short_and_says_that_nothing_is_to_be_done():
    assert sms(DARK, WITHDRAWN, FLEET, NOW, "fr") == (
        'fatoma-02 (marché): alerte "éteint" du 3 mars annulée. Les mesures arrivées depuis montrent que ce '
        "n'était pas le cas. Rien à faire."
    )
    assert headline(replace(DARK, withdrawn_at=NOW), FLEET, NOW, "fr") == "fatoma-02 (marché) : éteint (alerte annulée)"


def test_a_commune_is_called_by_its_name():
    silent = case(
        Kind.COMMUNE_SILENT, lamp=None, since=NOW - timedelta(hours=2), causes=(Cause("operator", 1.0),),
        figures=(Figure("silent_lamps", 19.0), Figure("lamps", 20.0)),
    )  # fmt: skip
    assert sms(silent, OPENED, FLEET, NOW, "fr") == (
        "Fatoma: commune muette depuis ce matin à 8 h. Cause: réseau de l'opérateur. 19 lampadaires sur 20 sans "
        "nouvelles. Appeler l'opérateur."
    )
    gone = replace(silent, commune="gone")
    assert headline(gone, FLEET, NOW, "en") == "gone: commune silent since this morning at 08:00"


def test_what_to_carry_follows_the_causes_worth_it():
    assert carry(DARK, "fr") == "driver LED, multimètre"
    even = replace(DARK, causes=(Cause("driver", 0.5), Cause("cable", 0.5)))
    assert carry(even, "fr") == "driver LED, multimètre, câble, connecteurs"
    assert carry(replace(DARK, causes=()), "en") == "LED driver, multimeter"
    assert carry(case(Kind.PANEL_LOST, causes=(Cause("theft", 1.0),)), "fr") == "panneau, câble, connecteurs"
    assert to_do(case(Kind.COMMUNE_SILENT, causes=(Cause("operator", 1.0),)), "en") == "Call the operator"
    assert to_do(case(Kind.LOW_SUN, causes=(Cause("dust", 1.0),)), "fr") == ""
    assert urgency(DARK, "fr") == "aujourd'hui"


def test_the_least_important_goes_first_and_whole():
    def long_note(length: int) -> str:
        lamp = replace(FLEET.lamps["fatoma-02"], note="x" * length)
        return sms(DARK, OPENED, Fleet(FLEET.communes, {lamp.id: lamp}), NOW, "fr")

    assert "Emporter" in long_note(6)
    assert "Emporter" not in long_note(30)
    assert "x" * 30 in long_note(30)
    assert "x" not in long_note(100)
    for length in range(0, 200, 7):
        assert "la batterie suffit (12,9 V) mais 0 W à la lampe" in long_note(length)


def test_what_is_nought_is_said_in_words():
    cut = case(
        Kind.PANEL_LOST,
        figures=(Figure("pv_a", 0.04, "A"), Figure("sun_hours", 4.5, "h"), Figure("peers_charge_w", 32.0, "W")),
    )
    assert "Aucun courant en 4,5 h de soleil, voisins 32 W" in sms(cut, OPENED, FLEET, NOW, "fr")
    some = replace(cut, figures=(Figure("pv_a", 0.3, "A"), *cut.figures[1:]))
    assert "0,3 A en 4,5 h de soleil" in sms(some, OPENED, FLEET, NOW, "fr")
    unlit = case(Kind.EARLY_OFF, figures=(Figure("lit_min", 0.0, "min"), Figure("scheduled_min", 713.0, "min")))
    assert "Aucune lumière sur 11 h 53 prévues" in sms(unlit, OPENED, FLEET, NOW, "fr")
    assert "il n'a pas éclairé du tout sur 11 h 53 prévues" in evidence(unlit, FLEET, NOW, "fr")


def test_a_failing_cells_voltage_stands_beside_its_batterys():
    """10.1 V would be nothing new of a battery of 9.6 V."""
    rests = case(Kind.BATTERY_WEAK_CELL, figures=(Figure("dusk_v", 10.1, "V"),))
    assert sms(rests, OPENED, FLEET, NOW, "fr") == (
        "fatoma-02 (marché): cellule de batterie en défaut depuis 2 jours. Batterie de 12,8 V à 10,1 V au soir. "
        "Emporter: batterie."
    )
    assert "because the battery of 12.8 V had 10.1 V at dusk." in evidence(rests, FLEET, NOW, "en")
    fell = replace(rests, figures=(Figure("step_v", -3.3, "V"), *rests.figures))
    assert sms(fell, OPENED, FLEET, NOW, "fr").endswith(
        "3,3 V perdus d'un coup, batterie de 12,8 V à 10,1 V au soir. Emporter: batterie."
    )
    worn = (Figure("dusk_v", 12.4, "V"), Figure("resistance_mohm", 210.0, "mΩ"), Figure("sag_v", 1.1, "V"))
    assert sms(replace(rests, figures=worn), OPENED, FLEET, NOW, "fr").endswith(
        "Batterie de 12,8 V, chute de 1,1 V à l'allumage. Emporter: batterie."
    )
    assert "car la batterie avait 10,1 V au soir." in evidence(rests, Fleet({}, {}), NOW, "fr")


def test_a_reading_that_cannot_be_names_no_channel_twice():
    cold = case(Kind.SENSOR_FAULTY, figures=(Figure("channel", "bat_dc"), Figure("temperature_c", -127.0, "°C")))
    assert sms(cold, OPENED, FLEET, NOW, "fr") == (
        "fatoma-02 (marché): capteur en défaut depuis 2 jours. Il dit -127 degrés, ce qui est impossible. "
        "Emporter: régulateur."
    )


def test_a_panel_as_good_as_its_neighbours_is_no_reason_for_going_out():
    def said(share: float) -> str:
        return evidence(case(Kind.EARLY_OFF, figures=(Figure("ratio_pct", share, "%"),)), FLEET, NOW, "fr")

    assert "35 % de ce que donnent ses voisins" in said(35.0)
    assert "voisins" not in said(175.0)


def test_a_night_that_has_not_begun_is_no_evidence_of_a_risk():
    def said(drawn: float) -> str:
        return evidence(case(Kind.DARK_RISK, figures=(Figure("discharge_ah", drawn, "Ah"),)), FLEET, NOW, "fr")

    assert "la nuit a tiré 9,7 Ah" in said(9.7)
    assert "tiré" not in said(0.0)


def test_english_says_since_when_in_the_perfect_and_a_span_in_the_past():
    flickers = case(Kind.FLICKER)
    assert headline(flickers, FLEET, NOW, "en") == "fatoma-02 (marché) has flickered for 2 nights"
    over = replace(flickers, until=NOW)
    assert headline(over, FLEET, NOW, "en") == "fatoma-02 (marché) flickered from 3 to 5 March"


# --- every kind, change and language ----------------------------------------------------------------------------------


def test_there_is_an_example_of_every_kind_and_the_table_reads_well(capsys):
    assert {example.kind for example in EXAMPLES} == set(Kind)
    for example in EXAMPLES:
        assert example.lamp is None or example.lamp in DEMO.lamps
        text = sms(example, OPENED, DEMO, NOW, "fr")
        print(f"{example.kind:18} {septets(text):3}  {text}")  # noqa: T201 - `pytest -s` shows the table to people
        assert septets(text) <= SEGMENT
    assert capsys.readouterr().out.count("\n") == 21


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.kind.value)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_kind_is_said_with_all_and_with_missing_figures(example, language):
    for n in range(len(example.figures) + 1):
        for figures in (example.figures[:n], example.figures[n:]):
            for causes in (example.causes, ()):
                some = replace(example, figures=figures, causes=causes)
                over = replace(some, until=NOW - timedelta(minutes=5), closed_at=NOW)
                for one, change in ((some, OPENED), (over, CLOSED), (some, WITHDRAWN)):
                    check_sms(sms(one, change, DEMO, NOW, language))
                for text in (evidence(some, DEMO, NOW, language), evidence(over, DEMO, NOW, language)):
                    check_text(text, language)
    full = evidence(example, DEMO, NOW, language)
    first = example.figures[0]
    if not isinstance(first.value, str):
        assert re.search(r"\d", full.split(example.lamp or "Fatoma", 1)[-1])


def check_sms(text: str) -> None:
    assert septets(text) <= SEGMENT
    assert text.endswith(".")
    assert not re.search(r"[{}_]|None|nan|inf\b|  |\.\.|\( | \)|:\s*[.;]", text), text


def check_text(text: str, language: str) -> None:
    odd = re.search(r"[{}]|None|\bnan\b|\binf\b|  |\.\.|\(\s|\s\)", text)
    assert not odd, text
    assert text.endswith(".")
    if language == "fr":
        assert not re.search(r"\d\.\d|\d%|[^ ]:(?!\d)", text), text  # decimal commas, spaces before % and colons


NUMBERS = st.one_of(st.floats(), st.integers(-10_000, 10_000).map(float), st.floats(-500, 500))
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
FIGURES = st.builds(
    Figure,
    name=st.one_of(st.sampled_from(sorted(TERMS)), st.text("abc_", min_size=1, max_size=8)),
    value=st.one_of(NUMBERS, TIMES.map(datetime.isoformat), st.text(max_size=40), st.sampled_from(["tilt", "bat_mv"])),
    unit=st.sampled_from(["", "V", "nights"]),
    at=st.none() | TIMES,
    peers=st.none() | NUMBERS,
    limit=st.none() | NUMBERS,
)
CAUSES = st.builds(
    Cause,
    cause=st.one_of(st.sampled_from([*PARTS, *(kind.value for kind in Kind)]), st.text(max_size=60)),
    likelihood=st.floats(0, 1),
)


@settings(max_examples=400, deadline=None)
@given(
    kind=st.sampled_from(Kind),
    change=st.sampled_from(Change),
    language=st.sampled_from(["fr", "en"]),
    figures=st.lists(FIGURES, max_size=8),
    causes=st.lists(CAUSES, max_size=4),
    note=st.text(max_size=300),
    name=st.text(min_size=1, max_size=300),
    lamp=st.none() | st.just("a-commune-with-a-very-long-id-01"),
    since=TIMES,
    hours=st.floats(0, 20_000),
    now=TIMES,
)
def test_whatever_a_case_holds_it_is_one_segment_and_never_an_error(
    kind, change, language, figures, causes, note, name, lamp, since, hours, now
):
    commune = Commune("a-commune-with-a-very-long-id-of-32", name, 14, -4, 0, ())
    model, profile = FLEET.lamps["fatoma-01"].model, FLEET.lamps["fatoma-01"].profile
    place = Fleet({commune.id: commune}, {str(lamp): Lamp(str(lamp), commune.id, model, profile, 14, -4, None, note)})
    one = Case(
        id=1, commune=commune.id, lamp=lamp, kind=kind, since=since, opened_at=since,
        until=since + timedelta(hours=hours) if change is CLOSED else None,
        figures=tuple(figures), causes=tuple(causes),
    )  # fmt: skip
    text = sms(one, change, place, now, language)
    assert 0 < septets(text) <= SEGMENT
    assert evidence(one, place, now, language)
    assert headline(one, place, now, language)
    assert isinstance(to_do(one, language), str)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(EXAMPLES), st.text("abc é", max_size=120), st.sampled_from(Change))
def test_nothing_is_cut_inside_a_word_or_a_figure(example, note, change):
    """Every word of a text that had to be short is a word of the text that had all the room in the world."""
    if example.lamp is None:
        return
    lamps = {example.lamp: replace(DEMO.lamps[example.lamp], note=note.strip())}
    text = sms(example, change, Fleet(DEMO.communes, lamps), NOW, "fr")
    allowed = set(re.split(r"[ ().:,\"]+", everything(example, note)))
    assert set(re.split(r"[ ().:,\"]+", text)) <= allowed


def everything(example: Case, note: str) -> str:
    """All words that a text about this case could hold: each part said alone, where there is room for it."""
    bare = Fleet(DEMO.communes, {str(example.lamp): replace(DEMO.lamps[str(example.lamp)], note="")})
    texts = [note]
    for figures in [(), *((figure,) for figure in example.figures), example.figures[:3], example.figures]:
        for causes in [(), example.causes, *((cause,) for cause in example.causes)]:
            for peers in (True, False):
                shown = tuple(f if peers else replace(f, peers=None) for f in figures)
                some = replace(example, figures=shown, causes=causes)
                texts += [sms(some, change, bare, NOW, "fr") for change in Change]
    return " ".join(texts)
