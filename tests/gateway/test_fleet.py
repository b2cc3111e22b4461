"""A fleet that exists is a fleet without mistakes; each mistake names its place, what was found, what was expected."""

import re
from dataclasses import FrozenInstanceError
from datetime import date
from pathlib import Path

import pytest

from gateway.fleet import Contact, FleetError, Step, parse_fleet

DEMO = (Path(__file__).parent.parent.parent / "fleet.toml").read_text(encoding="utf-8")

SMALL = """\
title = "Essai"

[[technicians]]
role = "technicien"
url = "${TECHNICIAN}"

[profile.standard]
steps = [{ percent = 100, hours = 5 }, { percent = 30 }, { percent = 100, hours = 1 }]

[model.lfp-100]
charging = "mppt"
idle_watts = 0.42

[model.lfp-100.panel]
watts = 100
vmp = 18.3
imp = 5.2
voc = 22.5
isc = 5.4

[model.lfp-100.battery]
chemistry = "lfp"
volts = 12.8
amp_hours = 60
cells = 4
usable = 0.9
charge_end = 14.3
cut_off = 11.0
reconnect = 12.7

[model.lfp-100.luminaire]
watts = 30

[commune.fatoma]
name = "Fatoma"
latitude = 14.61
longitude = -4.06
contacts = [{ role = "mairie", url = "mailto://mairie@example.org", language = "fr" }]

[[lamp]]
id = "fatoma-01"
commune = "fatoma"
model = "lfp-100"
latitude = 14.611
longitude = -4.061
installed = 2024-03-01
note = "marché"

[[lamp]]
id = "fatoma-02"
commune = "fatoma"
model = "lfp-100"
profile = "standard"
latitude = 14.612
longitude = -4.062
"""


def line_of(text: str, piece: str) -> int:
    return text[: text.index(piece)].count("\n") + 1


def mistakes(text: str) -> list[str]:
    with pytest.raises(FleetError) as caught:
        parse_fleet(text)
    assert str(caught.value) == "\n".join(caught.value.mistakes)
    return caught.value.mistakes


def broken(old: str, new: str) -> str:
    assert old in SMALL
    return SMALL.replace(old, new, 1)


def test_the_demonstration_fleet_is_ten_communes_of_twenty_lamps() -> None:
    fleet = parse_fleet(DEMO)
    assert len(fleet.communes) == 10
    assert {len(lamps) for lamps in fleet.by_commune.values()} == {20}
    assert all(lamp.commune in fleet.communes for lamp in fleet.lamps.values())
    assert all(13 < lamp.latitude < 16 and -6 < lamp.longitude < -2 for lamp in fleet.lamps.values())  # Mopti


def test_what_is_in_the_file_is_in_the_fleet() -> None:
    fleet = parse_fleet(SMALL)
    assert fleet.title == "Essai"
    assert list(fleet.lamps) == ["fatoma-01", "fatoma-02"]
    lamp = fleet.lamps["fatoma-01"]
    assert (lamp.installed, lamp.note, lamp.latitude) == (date(2024, 3, 1), "marché", 14.611)
    assert lamp.model.battery.watt_hours == pytest.approx(768)  # 12.8 V · 60 Ah
    assert lamp.profile.steps == (Step(100, 5), Step(30, None), Step(100, 1))
    assert fleet.contacts("fatoma") == (
        Contact("mairie", "mailto://mairie@example.org", "fr"),
        Contact("technicien", "${TECHNICIAN}", "fr"),
    )


def test_what_is_left_out_has_its_default() -> None:
    fleet = parse_fleet(SMALL)
    lamp = fleet.lamps["fatoma-02"]
    assert (lamp.installed, lamp.note, lamp.profile.name) == (None, "", "standard")
    panel, luminaire = lamp.model.panel, lamp.model.luminaire
    assert (panel.cells, panel.temperature, panel.tilt, panel.azimuth) == (36, -0.41, 15, 180)
    assert (luminaire.lumens_per_watt, luminaire.driver, luminaire.strings) == (150, 0.92, 3)
    assert fleet.communes["fatoma"].altitude == 0


def test_a_fleet_cannot_be_changed() -> None:
    fleet = parse_fleet(SMALL)
    with pytest.raises(FrozenInstanceError):
        fleet.lamps["fatoma-01"].latitude = 0.0  # type: ignore[misc]  # the point of the test


@pytest.mark.parametrize(
    ("old", "new", "place", "found", "expected"),
    [
        # the five mistakes that everybody makes
        ('model = "lfp-100"\nlatitude = 14.611', 'model = "lfp-10"\nlatitude = 14.611',
         "lamp 'fatoma-01' (line {lamp1}).model", "found 'lfp-10'", "one of lfp-100"),
        ('id = "fatoma-02"', 'id = "fatoma-01"',
         "lamp 'fatoma-01' (line {lamp2}).id", "found 'fatoma-01'", "an id that no other lamp has"),
        ('commune = "fatoma"\nmodel = "lfp-100"\nlatitude', 'model = "lfp-100"\nlatitude',
         "lamp 'fatoma-01' (line {lamp1}).commune", "is missing", "one of fatoma"),
        ("latitude = 14.611", "latitude = 91",
         "lamp 'fatoma-01' (line {lamp1}).latitude", "found 91", "a number from -90 to 90"),
        ("mailto://mairie@example.org", "mairie at example.org",
         "commune 'fatoma' (line {commune}).contacts[0].url", "found 'mairie at example.org'", "an Apprise URL like"),
        # and the others
        ('commune = "fatoma"', 'commune = "fatome"', "lamp 'fatoma-01'", "found 'fatome'", "one of fatoma"),
        ('profile = "standard"', 'profile = "ramadan"', "lamp 'fatoma-02'", "found 'ramadan'", "one of standard"),
        ('id = "fatoma-01"', 'id = "Fatoma 01"', "lamp 'Fatoma 01'", "found 'Fatoma 01'", "1 to 32 of a-z"),
        ('id = "fatoma-01"\n', "", "lamp[0].id", "is missing", "1 to 32 of a-z"),
        ("installed = 2024-03-01", 'installed = "2024-03-01"', "lamp 'fatoma-01'", "'2024-03-01'", "a date like"),
        ("installed = 2024-03-01", "installed = 2024-03-01T00:00:00Z", "lamp 'fatoma-01'", "2024", "a date like"),
        ("longitude = -4.06\n", "longitude = true\n", "commune 'fatoma'", "found True", "a number from -180 to 180"),
        ("longitude = -4.06\n", "longitude = nan\n", "commune 'fatoma'", "found nan", "a number from -180 to 180"),
        ("[commune.fatoma]", "[commune.Fatoma]", "commune 'Fatoma'", "found 'Fatoma'", "a name of 1 to 32"),
        ('name = "Fatoma"\n', 'name = ""\n', "commune 'fatoma' (line {commune}).name", "found ''", "a text"),
        ('language = "fr"', 'language = "ff"', "contacts[0].language", "found 'ff'", "one of fr, en"),
        ('{ role = "mairie", ', "{ ", "contacts[0].role", "is missing", "a text"),
        ("contacts = [{", "contacts = [3, {", "contacts[0]", "found 3", "a table {{role, url, language}}"),
        ('url = "${TECHNICIAN}"', 'url = "TECHNICIAN"', "technicians[0].url", "found 'TECHNICIAN'", "an Apprise URL"),
        ('url = "${TECHNICIAN}"', 'url = "http://["', "technicians[0].url", "found 'http://['", "an Apprise URL"),
        ("watts = 100", "watts = 0", "model 'lfp-100' (line {model}).panel.watts", "found 0", "from 1 to 2000"),
        ("vmp = 18.3\n", "", "model 'lfp-100' (line {model}).panel.vmp", "is missing", "a number from 1 to 140"),
        ("cells = 4\n", "cells = 4.5\n", "battery.cells", "found 4.5", "a whole number from 1 to 60"),
        ('chemistry = "lfp"', 'chemistry = "lifepo4"', "battery.chemistry", "'lifepo4'", "one of lfp, nimh, gel"),
        ('charging = "mppt"', 'charging = "direct"', "model 'lfp-100'", "'direct'", "one of mppt, pwm"),
        ("usable = 0.9", "usable = 90", "battery.usable", "found 90", "a number from 0.05 to 1"),
        ("reconnect = 12.7", "reconnect = 10.7", "battery.reconnect", "10.7", "between cut_off and charge_end"),
        ("{ percent = 30 }", "{ percent = 130 }",
         "profile 'standard' (line {profile}).steps[1].percent", "found 130", "a whole number from 0 to 100"),
        ("{ percent = 100, hours = 5 }", "{ percent = 100 }", "profile 'standard'", "several steps", "at most one"),
        ("{ percent = 30 }", "30", "steps[1]", "found 30", "a table like"),
        # a key that nobody reads is a typo
        ("idle_watts", "idle_wats", "model 'lfp-100'", "found 0.42", "no such key; known are"),
        ('note = "marché"', 'notes = "marché"', "lamp 'fatoma-01'", "found 'marché'", "no such key; known are"),
        ('title = "Essai"', 'titel = "Essai"', "fleet.titel", "found 'Essai'", "no such key; known are"),
    ],
)  # fmt: skip
def test_each_mistake_names_its_place_what_was_found_and_what_was_expected(
    old: str, new: str, place: str, found: str, expected: str
) -> None:
    text = broken(old, new)
    lines = {
        "lamp1": line_of(text, "[[lamp]]"),
        "lamp2": text[: text.rindex("[[lamp]]")].count("\n") + 1,
        "commune": line_of(text, "[commune."),
        "model": line_of(text, "[model.lfp-100]"),
        "profile": line_of(text, "[profile."),
    }
    messages = mistakes(text)
    wanted = (place.format(**lines), found, expected.format())
    assert any(all(piece in message for piece in wanted) for message in messages), messages


def test_every_mistake_is_told_at_once() -> None:
    text = broken("latitude = 14.611", "latitude = 91").replace("watts = 30", "watts = -30")
    text = text.replace('id = "fatoma-02"', 'id = "FATOMA"')
    places = ("luminaire.watts", "lamp 'fatoma-01'", "lamp 'FATOMA'")
    messages = mistakes(text)
    assert len(messages) == 3
    assert all(any(place in message for message in messages) for place in places)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "at least one [[lamp]]"),
        ("lamp = 3", "at least one [[lamp]]"),
        ("lamp = [3]", "a [[lamp]] table"),
        ("[model]\nx = 3", "at least one [model.NAME]"),
        ("[[lamp]]\nid = ", "not valid TOML"),
        ("technicians = 3", "a list of {role, url, language}"),
    ],
)
def test_a_file_of_another_shape_is_refused_in_words(text: str, expected: str) -> None:
    assert any(expected in message for message in mistakes(text))


def test_a_model_that_is_no_table_is_refused_in_words() -> None:
    text = re.sub(r"\[model\.lfp-100\.luminaire\]\nwatts = 30\n", "", SMALL)
    text = text.replace("idle_watts = 0.42", "idle_watts = 0.42\nluminaire = 30")
    assert any("luminaire: found 30, expected a table" in message for message in mistakes(text))
