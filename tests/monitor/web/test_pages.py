"""The pages say what people ask, first line first."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import perf_counter

import pytest
from flask.testing import FlaskClient

from gateway.stores import open_store
from monitor.fault import WORDS, Kind
from monitor.web.app import create_app
from monitor.web.ledger import Service
from monitor.web.view import service_facts
from monitor.web.words import REPAIRS
from tests.monitor.web.html import Page, get, plain
from tests.monitor.web.village import BLACKOUT, LAST_NIGHT, NOW, Village, fleet, make_village, nights, verdict

ADDRESSES = (
    "/", "/communes/fatoma", f"/communes/{BLACKOUT}", "/lamps/fatoma-07", "/lamps/fatoma-07?days=7", "/lamps/konna-02",
    "/cases", "/cases?show=closed", "/cases?show=hidden", "/cases/1", "/aide",
)  # fmt: skip


def lit_last_night() -> int:
    return sum(verdict(i, lamp.commune, 0) == "lit" for i, lamp in enumerate(fleet().lamps.values()))


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_every_page_is_well_formed_small_and_needs_neither_script_nor_network(
    client: FlaskClient, address: str, language: str
) -> None:
    page = get(client, address, Accept_Language=language)
    assert page.language == language
    assert page.title
    assert page.h1
    assert len(page.source.encode()) < 60_000
    assert "script" not in page.elements
    assert not [name for name in page.attributes if name.startswith("on") or name == "style"]
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", page.source)
    assert '<meta name="viewport"' in page.source


def test_every_link_of_every_page_leads_somewhere(client: FlaskClient) -> None:
    links = {link for address in ADDRESSES for link in get(client, address).links}
    assert len(links) > 90
    for link in sorted(links):
        if not link.startswith("#"):
            assert client.get(link).status_code == 200, link


def test_the_first_line_of_the_fleet_is_how_many_lamps_lit(client: FlaskClient) -> None:
    page = get(client, "/")
    assert plain(page.h1) == f"{lit_last_night()} lampes sur 200 ont éclairé la nuit dernière"
    assert "Nuit du 22 au 23 novembre." in page.text


def test_unknown_lamps_are_said_apart_and_counted_neither_as_lit_nor_as_dark(client: FlaskClient) -> None:
    text = get(client, "/").text
    said = {word: int(n) for n, word in re.findall(r"(\d+) (éclairées|en partie|éteintes|inconnues)", text)[:4]}
    assert sum(said.values()) == 200
    counted = [verdict(i, lamp.commune, 0) for i, lamp in enumerate(fleet().lamps.values())]
    assert said == {
        "éclairées": counted.count("lit"),
        "en partie": counted.count("partly"),
        "éteintes": counted.count("dark"),
        "inconnues": counted.count("unknown"),
    }


@pytest.mark.parametrize(("unknown", "told"), [(11, True), (0, False)])
def test_bounds_are_explained_only_where_there_are_two(shown: Village, unknown: int, told: bool) -> None:
    served = Service(
        nights=600, served=580, unknown=unknown, lit_minutes=1.0, scheduled_minutes=1.0, completeness=1.0,
        longest_dark=0, longest_lamp=None,
    )  # fmt: skip
    with create_app(shown.world, fleet(), lambda: NOW).test_request_context("/"):
        fact = service_facts(served, [])[0]
    assert plain(fact.note).startswith("580 nuits de lampe sur 600")
    assert ("inconnues, comptées perdues à gauche et servies à droite" in plain(fact.note)) is told


def test_a_commune_without_news_is_not_called_dark(client: FlaskClient) -> None:
    page = get(client, f"/communes/{BLACKOUT}")
    assert "aucune nouvelle encore de la nuit dernière" in plain(page.h1)
    assert "Dernière nuit connue : nuit du 18 au 19 novembre." in page.text
    fleet_text = get(client, "/").text
    assert "20 inconnues" in fleet_text
    assert "? / 20" in fleet_text


def test_a_commune_shows_every_lamp_with_its_nights_in_words(client: FlaskClient) -> None:
    page = get(client, "/communes/fatoma")
    for lamp in fleet().by_commune["fatoma"]:
        assert f"/lamps/{lamp.id}" in page.links
        assert lamp.note in page.text
    assert 'aria-label="fatoma-07, 30' in page.source
    labels = re.findall(r'aria-label="(fatoma-07[^"]*)"', page.source)
    assert [plain(label) for label in labels] == ["fatoma-07, 30 nuits : 22 éclairées, 8 éteintes"]


def test_earlier_nights_are_a_link_away(client: FlaskClient) -> None:
    newest = get(client, "/communes/fatoma")
    (older,) = [link for link in newest.links if "until=" in link]
    assert older == "/communes/fatoma?until=2026-10-23"
    earlier = get(client, older)
    assert "30 nuits jusqu'au 23 octobre 2026" in earlier.text
    assert "/communes/fatoma?until=2026-11-22" in earlier.links


def test_a_commune_names_roles_and_who_was_told_but_never_an_address(client: FlaskClient) -> None:
    page = get(client, "/communes/fatoma")
    assert "mairie de Fatoma" in page.text
    assert "technicien régional" in page.text
    assert "panne annoncée" in page.text
    assert "${" not in page.source
    assert "_URL" not in page.source


def test_a_lamp_says_since_when_it_is_dark(client: FlaskClient) -> None:
    page = get(client, "/lamps/fatoma-07")
    assert plain(page.h1) == "La lampe fatoma-07 est éteinte depuis 8 nuits"
    assert page.source.count('class="chart"') == 3
    assert "coupure" in page.text
    assert "51,2 Ah" in page.text


def test_seven_days_are_drawn_on_request(client: FlaskClient) -> None:
    assert "Mesures des 3 derniers jours" in get(client, "/lamps/fatoma-07").text
    assert "Mesures des 7 derniers jours" in get(client, "/lamps/fatoma-07?days=7").text
    assert "Mesures des 7 derniers jours" in get(client, "/lamps/fatoma-07?days=99").text


def test_a_lamp_without_measurements_says_so(client: FlaskClient) -> None:
    page = get(client, "/lamps/konna-02")
    assert "Aucune mesure reçue" in page.text
    assert 'class="chart"' not in page.source


def test_the_calendar_has_a_square_for_each_night_in_its_week(client: FlaskClient) -> None:
    source = get(client, "/lamps/fatoma-07").source
    squares = re.findall(r'<td class="([lpdu])( last)?" title="([^"]*)"><span>(\d+)</span>', source)
    assert len(squares) == 30
    assert [letter for letter, *_ in squares] == ["l"] * 22 + ["d"] * 8
    assert squares[-1][1] == " last"
    assert plain(squares[-1][2]) == "nuit du 22 au 23 novembre : éteinte"
    assert int(squares[-1][3]) == LAST_NIGHT.day


@pytest.mark.parametrize("kind", list(Kind))
def test_a_case_of_every_kind_has_a_page_with_headline_evidence_and_story(
    client: FlaskClient, shown: Village, kind: Kind
) -> None:
    case = next(case for case in shown.casebook.cases(open_only=True, kind=kind, hidden=False))
    page = get(client, f"/cases/{case.id}")
    assert WORDS[kind].fr in plain(page.h1)
    for words in ("Causes probables", "Ce qui le montre", "Histoire", "A commencé", "Reconnue : preuves suffisantes"):
        assert words in page.text
    assert "Comment la surveillance en est arrivée là" in page.text


def test_the_evidence_is_a_table_with_units_limits_and_peers(client: FlaskClient, shown: Village) -> None:
    case = next(case for case in shown.casebook.cases(open_only=True, kind=Kind.DARK))
    page = get(client, f"/cases/{case.id}")
    assert "Tension de la batterie hier soir à 21 h 30 13,1 V 11,0 V 13,2 V" in page.text
    assert "Puissance de la lampe hier soir à 21 h 30 0 W 30 W" in page.text
    assert "Driver LED · très probable (70 % )" in page.text.replace("%)", "% )")
    assert "À emporter : driver LED, multimètre" in page.text
    assert "Prévenu : " in page.text


def test_what_the_rule_saw_is_shown_with_its_thresholds(client: FlaskClient, shown: Village) -> None:
    case = next(case for case in shown.casebook.cases(open_only=True, kind=Kind.DARK))
    text = get(client, f"/cases/{case.id}?lang=en").text
    assert "a glow is not light" in text
    assert "scheduled_minutes 750" in text
    assert "battery above its <cut-off>" in text


def test_what_the_rule_saw_is_told_in_french_on_a_french_page(client: FlaskClient, shown: Village) -> None:
    case = next(case for case in shown.casebook.cases(open_only=True, kind=Kind.DARK))
    text = get(client, f"/cases/{case.id}").text
    assert "Règle : lumière demandée dès le soir, mais aucune puissance dans la lampe" in text
    assert "battery above" not in text
    assert "Conclusion : le défaut se montre" in text


def test_cases_explained_by_another_are_shown_on_demand_only(client: FlaskClient) -> None:
    hidden = f"{BLACKOUT}-03"
    assert hidden not in get(client, "/cases").text
    assert hidden not in get(client, f"/communes/{BLACKOUT}").text.split("Les 30 dernières nuits")[0]
    page = get(client, "/cases?show=hidden")
    assert hidden in page.text
    (link,) = [link for link in page.links if re.fullmatch(r"/cases/\d+", link)]
    assert "expliquée par une autre (commune muette)" in get(client, link).text


def test_a_closed_case_says_from_when_to_when(client: FlaskClient) -> None:
    page = get(client, "/cases?show=closed")
    assert "fatoma-05" in page.text
    assert "terminée" in page.text


def test_low_sun_is_a_note_and_not_a_thing_to_do(client: FlaskClient) -> None:
    text = get(client, "/").text
    assert "À savoir Konna : soleil faible" in text
    assert "soleil faible" not in get(client, "/cases").text


def test_help_explains_every_kind_and_every_square(client: FlaskClient) -> None:
    for language in ("fr", "en"):
        text = get(client, "/aide", Accept_Language=language).text.lower()
        for kind in Kind:
            assert getattr(WORDS[kind], language).lower() in text
    assert "pas de nouvelles" in get(client, "/aide").text


def test_language_is_asked_for_remembered_or_the_browsers(shown: Village) -> None:
    app = create_app(shown.world, fleet(), lambda: NOW)
    assert get(app.test_client(), "/").language == "fr"
    assert get(app.test_client(), "/", Accept_Language="en-GB,en;q=0.9").language == "en"
    assert get(app.test_client(), "/", Accept_Language="de").language == "fr"
    reader = app.test_client()
    page = get(reader, "/?lang=en", Accept_Language="fr")
    assert plain(page.h1) == f"{lit_last_night()} of 200 lamps gave light all last night"
    assert get(reader, "/communes/fatoma", Accept_Language="fr").language == "en"
    assert get(create_app(shown.world, fleet(), lambda: NOW, language="en").test_client(), "/").language == "en"


def test_a_note_with_markup_is_text(shown: Village) -> None:
    evil = "<script>alert(1)</script>\"'&"
    lamps = dict(fleet().lamps)
    lamps["fatoma-07"] = replace(lamps["fatoma-07"], note=evil)
    communes = dict(fleet().communes)
    communes["fatoma"] = replace(communes["fatoma"], name=evil)
    world = replace(shown.world, fleet=replace(fleet(), lamps=lamps, communes=communes))
    reader = create_app(world, fleet(), lambda: NOW).test_client()
    for address in ("/", "/communes/fatoma", "/lamps/fatoma-07", "/cases", "/cases/1"):
        page = get(reader, address)
        assert "script" not in page.elements, address
        assert "<script" not in page.source, address
    assert "<script>alert(1)</script>" in get(reader, "/communes/fatoma").text


@pytest.mark.parametrize("address", ["/communes/<b>", "/lamps/nowhere-01", "/cases/999999", "/w/other/", "/nothing"])
def test_what_does_not_exist_is_said_in_plain_words(client: FlaskClient, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 404
    page = Page(response.get_data(as_text=True))
    assert plain(page.h1) == "Cette page n'existe pas"
    assert "/" in page.links


@pytest.mark.parametrize("address", ["/communes/fatoma?until=yesterday", "/lamps/fatoma-07?days=x", "/cases?show=all"])
def test_a_question_that_cannot_be_read_is_refused(client: FlaskClient, address: str) -> None:
    assert client.get(address).status_code == 400


def test_a_repair_is_reported_with_a_form_alone(village: Village) -> None:
    reader = create_app(village.world, fleet(), lambda: NOW).test_client()
    form = get(reader, "/lamps/fatoma-07")
    answer = reader.post(
        "/lamps/fatoma-07/repairs",
        data={"csrf": token(form), "what": "driver_replaced", "note": "modèle  30 W", "by": "équipe de Mopti"},
        follow_redirects=True,
    )
    page = Page(answer.get_data(as_text=True))
    assert "Merci : la réparation est notée." in page.text
    assert "Driver LED remplacé – modèle 30 W (équipe de Mopti)" in page.text
    (repair,) = village.casebook.repairs("fatoma-07")
    assert (repair.what, repair.by, repair.at) == ("driver_replaced: modèle 30 W", "équipe de Mopti", NOW)


def test_a_repair_without_words_is_asked_for_them(village: Village) -> None:
    reader = create_app(village.world, fleet(), lambda: NOW).test_client()
    form = get(reader, "/lamps/fatoma-07")
    for data in ({"what": "other", "note": " "}, {"what": "magic"}, {}):
        answer = reader.post("/lamps/fatoma-07/repairs", data={"csrf": token(form), **data}, follow_redirects=True)
        assert "Dites ce qui a été fait." in Page(answer.get_data(as_text=True)).text
    assert not village.casebook.repairs()


def test_every_repair_that_can_be_reported_is_said_in_both_languages(client: FlaskClient) -> None:
    for language in ("fr", "en"):
        source = get(client, f"/lamps/fatoma-07?lang={language}").source
        assert len(re.findall(r'<option value="(\w+)">', source)) == len(REPAIRS)


def test_a_case_is_taken_on_once_and_everybody_sees_by_whom(village: Village) -> None:
    reader = create_app(village.world, fleet(), lambda: NOW).test_client()
    form = get(reader, "/cases/1")
    answer = reader.post(
        "/cases/1/acknowledge", data={"csrf": token(form), "by": "technicien régional"}, follow_redirects=True
    )
    page = Page(answer.get_data(as_text=True))
    assert "Noté" in page.text
    assert "Prise en charge par technicien régional" in page.text
    assert "Je m'en occupe" not in page.text
    case = village.casebook.case(1)
    assert case is not None
    assert (case.acknowledged_at, case.acknowledged_by) == (NOW, "technicien régional")


def test_a_lamp_installed_last_week_has_no_earlier_nights(shown: Village) -> None:
    lamps = dict(fleet().lamps)
    lamps["konna-02"] = replace(lamps["konna-02"], installed=(NOW - timedelta(days=7)).date())
    reader = create_app(replace(shown.world, fleet=replace(fleet(), lamps=lamps)), fleet(), lambda: NOW).test_client()
    squares = re.findall(r'<td class="(\w)(?: last)?" title', get(reader, "/lamps/konna-02").source)
    assert squares[:23] == ["n"] * 23
    assert "n" not in squares[23:]


def test_an_empty_world_is_shown_as_one_that_nothing_is_known_of() -> None:
    village = make_village()
    world = replace(village.world, store=open_store("memory:", "trezor"))
    reader = create_app(world, fleet(), lambda: NOW).test_client()
    assert plain(get(reader, "/").h1) == "Aucune nouvelle encore de la nuit dernière"
    assert "aucune nouvelle" in plain(get(reader, "/communes/fatoma").h1)
    assert "aucune nouvelle depuis 30 nuits" in plain(get(reader, "/lamps/fatoma-07").h1)
    village.casebook.close()


def test_sixty_nights_of_the_fleet_from_duckdb_are_shown_quickly(tmp_path: Path) -> None:
    store = open_store(f"duckdb:///{tmp_path}/trezor.duckdb", "trezor")
    village = make_village(store)
    store.append("nights", nights(60))
    reader = create_app(village.world, fleet(), lambda: NOW).test_client()
    get(reader, "/")
    took = []
    for _ in range(5):
        began = perf_counter()
        get(reader, "/")
        took.append(perf_counter() - began)
    assert min(took) < 0.15
    village.casebook.close()
    store.close()


def token(page: Page) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page.source)
    assert found
    return found.group(1)
