"""Who may look, who may act, and what a stranger's page cannot make a reader's browser do."""

import base64
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from monitor.web.access import TRIES, TRIES_WINDOW_S, Brake, local_path
from monitor.web.accounts import Accounts, write_account
from monitor.web.app import create_app
from monitor.web.world import NoSuchWorld, World
from tests.monitor.web.conftest import PASSWORD, app_of
from tests.monitor.web.html import Page, get, plain
from tests.monitor.web.test_pages import token
from tests.monitor.web.village import NOW, Village, fleet


@pytest.fixture(scope="module")
def guarded(shown: Village, accounts: Accounts) -> Flask:
    return app_of(shown, accounts)


def enter(app: Flask, name: str, password: str = PASSWORD) -> FlaskClient:
    reader = app.test_client()
    form = get(reader, "/login")
    reader.post("/login", data={"csrf": token(form), "name": name, "password": password, "next": "/"})
    return reader


def basic(name: str, password: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def test_with_accounts_a_stranger_is_led_to_the_door(guarded: Flask) -> None:
    stranger = guarded.test_client()
    answer = stranger.get("/communes/fatoma?until=2026-11-01")
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/login?next=/communes/fatoma?until%3D2026-11-01"
    for address in ("/", "/cases/1", "/lamps/fatoma-07", "/aide"):
        assert stranger.get(address).status_code == 303
    assert stranger.post("/cases/1/acknowledge").status_code == 303


def test_machines_are_asked_for_a_password(guarded: Flask) -> None:
    stranger = guarded.test_client()
    for address in ("/api/v1/fleet", "/api/v1/cases/1", "/metrics"):
        answer = stranger.get(address)
        assert answer.status_code == 401
        assert "Basic" in answer.headers["WWW-Authenticate"]
        assert stranger.get(address, headers=basic("technicien", "wrong password")).status_code == 401
        assert stranger.get(address, headers={"Authorization": "Basic %%%"}).status_code == 401
        assert stranger.get(address, headers=basic("technicien")).status_code == 200
    assert stranger.get("/health").status_code == 200


def test_the_door_opens_with_the_right_password_only(guarded: Flask) -> None:
    stranger = guarded.test_client()
    form = get(stranger, "/login?next=/cases")
    wrong = stranger.post("/login", data={"csrf": token(form), "name": "technicien", "password": "wrong", "next": "/"})
    assert wrong.status_code == 403
    assert "Compte ou mot de passe inconnu." in Page(wrong.get_data(as_text=True)).text
    right = stranger.post(
        "/login", data={"csrf": token(form), "name": "technicien", "password": PASSWORD, "next": "/cases"}
    )
    assert (right.status_code, right.headers["Location"]) == (303, "/cases")
    assert get(stranger, "/cases").h1
    page = get(stranger, "/")
    stranger.post("/logout", data={"csrf": token(page)})
    assert stranger.get("/").status_code == 303


def test_a_commune_sees_itself_and_nothing_else(guarded: Flask) -> None:
    mayor = enter(guarded, "mairie-fatoma")
    assert mayor.get("/").headers["Location"] == "/communes/fatoma"
    page = get(mayor, "/communes/fatoma")
    assert "17 lampes sur 20" in plain(page.h1)
    assert get(mayor, "/lamps/fatoma-07").h1
    for address in (
        "/communes/konna", "/lamps/konna-01", "/communes/nowhere", "/lamps/nowhere-01", "/cases/999999",
        "/api/v1/communes/konna", "/api/v1/lamps/konna-01", "/api/v1/nights?commune=konna",
        "/api/v1/nights?lamp=konna-01",
        "/api/v1/cases?commune=konna", "/api/v1/cases?lamp=konna-01", "/w/trezor/",
    ):  # fmt: skip
        assert mayor.get(address).status_code == 403, address


def test_a_commune_never_reads_anothers_case(guarded: Flask, shown: Village) -> None:
    mayor = enter(guarded, "mairie-fatoma")
    for case in shown.casebook.cases():
        expected = 200 if case.commune == "fatoma" else 403
        assert mayor.get(f"/cases/{case.id}").status_code == expected
        assert mayor.get(f"/api/v1/cases/{case.id}").status_code == expected
    for show in ("open", "closed", "hidden"):
        page = get(mayor, f"/cases?show={show}")
        assert not [c for c in fleet().communes.values() if c.id != "fatoma" and c.name in page.text]


def test_what_a_commune_gets_as_json_is_its_own(guarded: Flask) -> None:
    stranger = guarded.test_client()
    told = {key: stranger.get(key, headers=basic("mairie-fatoma")).get_json() for key in (
        "/api/v1/fleet", "/api/v1/cases?hidden=1", "/api/v1/nights?limit=5000",
    )}  # fmt: skip
    assert [c["id"] for c in told["/api/v1/fleet"]["communes"]] == ["fatoma"]
    assert told["/api/v1/fleet"]["last_night"]["lamps"] == 20
    assert {c["commune"] for c in told["/api/v1/cases?hidden=1"]["cases"]} == {"fatoma"}
    assert {n["commune"] for n in told["/api/v1/nights?limit=5000"]["nights"]} == {"fatoma"}


def test_a_commune_reports_repairs_but_takes_no_case_on(village: Village, accounts: Accounts) -> None:
    app = app_of(village, accounts)
    mayor = enter(app, "mairie-fatoma")
    case = next(case for case in village.casebook.cases(open_only=True, commune="fatoma"))
    form = get(mayor, f"/cases/{case.id}")
    assert "Je m'en occupe" not in form.text
    anything = token(get(mayor, "/lamps/fatoma-07"))
    assert mayor.post(f"/cases/{case.id}/acknowledge", data={"csrf": anything}).status_code == 403
    mayor.post("/lamps/fatoma-07/repairs", data={"csrf": anything, "what": "panel_washed", "by": "someone else"})
    mayor.post("/lamps/konna-01/repairs", data={"csrf": anything, "what": "panel_washed"})
    (repair,) = village.casebook.repairs()
    assert (repair.lamp, repair.by) == ("fatoma-07", "mairie-fatoma")
    technician = enter(app, "technicien")
    form = get(technician, f"/cases/{case.id}")
    technician.post(f"/cases/{case.id}/acknowledge", data={"csrf": token(form), "by": "someone else"})
    taken = village.casebook.case(case.id)
    assert taken is not None
    assert taken.acknowledged_by == "technicien"


def test_a_removed_account_and_a_new_password_end_the_session(shown: Village, tmp_path: Path) -> None:
    path = tmp_path / "accounts.toml"
    write_account(path, "operateur", PASSWORD, "operator")
    app = app_of(shown, Accounts(path))
    reader = enter(app, "operateur")
    assert reader.get("/").status_code == 200
    write_account(path, "operateur", PASSWORD + " nouvelle", "operator")
    assert reader.get("/").status_code == 303
    assert app.test_client().get("/api/v1/fleet", headers=basic("operateur")).status_code == 401
    assert enter(app, "operateur", PASSWORD + " nouvelle").get("/").status_code == 200


def test_a_form_of_another_site_does_nothing(village: Village) -> None:
    app = app_of(village)
    victim = app.test_client()
    get(victim, "/cases/1")
    other = token(get(app.test_client(), "/cases/1"))
    for forged in ("", "x", "x.y", other):
        assert victim.post("/cases/1/acknowledge", data={"csrf": forged}).status_code == 400
    case = village.casebook.case(1)
    assert case is not None
    assert case.acknowledged_at is None


def test_guessing_is_braked(shown: Village, accounts: Accounts) -> None:
    app = app_of(shown, accounts)
    guesser = app.test_client()
    for _ in range(TRIES):
        assert guesser.get("/api/v1/fleet", headers=basic("technicien", "guess")).status_code == 401
    assert guesser.get("/api/v1/fleet", headers=basic("technicien", "guess")).status_code == 429
    form = get(guesser, "/login")
    late = guesser.post("/login", data={"csrf": token(form), "name": "technicien", "password": PASSWORD})
    assert late.status_code == 429
    assert "attendez cinq minutes" in Page(late.get_data(as_text=True)).text
    assert guesser.get("/api/v1/fleet", headers=basic("mairie-fatoma")).status_code == 200


def test_the_brake_lets_go_after_a_while_and_remembers_no_more_than_it_must() -> None:
    seconds = [0.0]
    brake = Brake(lambda: seconds[0])
    for _ in range(TRIES):
        brake.wrong("a", "::1")
    assert brake.holds("a", "::1")
    assert not brake.holds("a", "::2")
    seconds[0] = TRIES_WINDOW_S + 1
    assert not brake.holds("a", "::1")
    for n in range(5000):
        brake.wrong(str(n), "::1")
    assert len(brake._wrong) == 1000


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "", "x", "/a\nb"]
)
def test_the_door_leads_to_this_site_only(target: str) -> None:
    assert local_path(target) == "/"


def test_the_door_leads_back_to_where_one_wanted_to_go() -> None:
    assert local_path("/cases/3?lang=en") == "/cases/3?lang=en"


def test_pages_forbid_scripts_frames_and_foreign_things(guarded: Flask, client: FlaskClient) -> None:
    for answer in (client.get("/"), client.get("/nothing"), guarded.test_client().get("/login")):
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script" not in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_cookies_stay_on_this_site_and_out_of_scripts(shown: Village, accounts: Accounts) -> None:
    app = create_app(shown.world, fleet(), lambda: NOW, accounts, https=True)
    answer = app.test_client().get("/login", base_url="https://trezor.example")
    (cookie,) = answer.headers.getlist("Set-Cookie")
    for part in ("Secure", "HttpOnly", "SameSite=Lax"):
        assert part in cookie
    assert "max-age" in answer.headers["Strict-Transport-Security"]


def test_without_accounts_a_foreign_name_for_this_machine_gets_nothing(client: FlaskClient) -> None:
    assert client.get("/", base_url="http://127.0.0.1:8080").status_code == 200
    assert client.get("/", base_url="http://localhost").status_code == 200
    assert client.get("/", base_url="http://rebound.example").status_code == 400


def test_worlds_stand_next_to_each_other_and_a_replay_says_that_it_is_one(shown: Village) -> None:
    def open_world(name: str) -> World:
        if name not in ("trezor", "harmattan-3"):
            raise NoSuchWorld(name)
        return replace(shown.world, name=name, clock=(lambda: NOW.replace(day=20)) if name != "trezor" else None)

    reader = create_app(open_world, fleet(), lambda: NOW).test_client()
    living, replayed = get(reader, "/"), get(reader, "/w/harmattan-3/")
    assert "Monde rejoué" not in living.text
    assert "Monde rejoué « harmattan-3 »" in replayed.text
    assert "Nuit du 19 au 20 novembre." in replayed.text
    assert "/w/harmattan-3/communes/fatoma" in replayed.links
    assert not [link for link in replayed.links if link.startswith("/communes")]
    assert reader.get("/w/harmattan-3/api/v1/fleet").get_json()["last_night"]["date"] == "2026-11-19"
    assert reader.get("/w/unknown/").status_code == 404


def test_a_world_that_is_no_world_asks_nothing(client: FlaskClient) -> None:
    page = Page(client.get("/w/unknown/").get_data(as_text=True))
    assert "/" in page.links
    assert "Monde rejoué" not in page.text
