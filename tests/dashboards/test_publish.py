"""Publishing to Grafana, against a strict stand-in of its HTTP API."""

import json
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socket import socket
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dashboards.commands import dashboards
from dashboards.desk import Change
from dashboards.grafana import GrafanaAway, connect
from dashboards.people import TEAM, TEAM_ADDRESS
from dashboards.publish import FOLDER_UID, Wish, publish
from dashboards.sources import Influx
from tests.dashboards.grafana_server import ADMIN, TOKEN, VIEWER_TOKEN, FakeGrafana, serving
from tests.influx.stand_in import Server, running

VERSIONS = ["9.3.16", "10.4.2", "11.6.0", "12.2.1"]
WISH = Wish(influx=Influx("http://influxdb:8086", token="influx-secret"), worlds=("trezor",), page="http://page")
BOARDS = {"trezor-fleet", "trezor-commune", "trezor-lamp", "trezor-faults", "trezor-pipeline"}


@pytest.fixture(params=VERSIONS)
def grafana(request: pytest.FixtureRequest) -> Iterator[FakeGrafana]:
    with serving(FakeGrafana(version=request.param)) as server:
        yield server


def published(grafana: FakeGrafana, wish: Wish = WISH, dry_run: bool = False, url: str = "") -> list[Change]:
    told: list[Change] = []
    publish(connect(url or grafana.url, None if url else TOKEN), wish, told.append, dry_run=dry_run)
    return told


def actions(changes: list[Change]) -> set[str]:
    return {change.action for change in changes}


class TestAnEmptyGrafana:
    def test_gets_sources_folder_dashboards_team_and_home(self, grafana: FakeGrafana) -> None:
        assert actions(published(grafana)) == {"create"}
        assert {(s["uid"], s["name"], s["database"], s["jsonData"]["dbName"]) for s in grafana.sources.values()} == {
            ("tz-trezor", "trezor", "trezor", "trezor"),
            ("tz-trezor_kept", "trezor nuits", "trezor_kept", "trezor_kept"),
        }
        assert grafana.secrets["tz-trezor"] == {"httpHeaderValue1": "Token influx-secret"}
        assert set(grafana.boards) == BOARDS
        assert {board["folder"] for board in grafana.boards.values()} == {FOLDER_UID}
        (team,) = grafana.teams
        assert grafana.team_preferences[team]["homeDashboardUID"] == "trezor-fleet"
        assert grafana.preferences["homeDashboardUID"] == "trezor-fleet"

    def test_lets_the_team_look_and_keeps_the_permissions_that_were_there(self, grafana: FakeGrafana) -> None:
        published(grafana)
        (team,) = grafana.teams
        said = [(i["role"], i["teamId"], i["userId"], i["permission"]) for i in grafana.permissions[FOLDER_UID]]
        assert said == [("", 0, 7, 4), ("Viewer", 0, 0, 1), ("Editor", 0, 0, 2), ("", team, 0, 1)]

    def test_permissions_that_cannot_be_set_are_told_and_the_rest_is_done(
        self, grafana: FakeGrafana, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(grafana, "put_permissions", lambda *_: (500, {"message": "failed to set"}))
        told = published(grafana)
        assert [(c.what, c.action) for c in told if c.action != "create"] == [
            (f"{TEAM!r} may look into the folder", "refuse")
        ]
        assert grafana.preferences["homeDashboardUID"] == "trezor-fleet"

    def test_a_dry_run_writes_nothing_and_says_what_it_would(self, grafana: FakeGrafana) -> None:
        assert actions(published(grafana, dry_run=True)) == {"create"}
        assert grafana.writes == []

    def test_user_and_password_do_as_well_as_a_token(self, grafana: FakeGrafana) -> None:
        published(grafana, url=grafana.url.replace("://", f"://{ADMIN[0]}:{ADMIN[1]}@"))
        assert set(grafana.boards) == BOARDS

    def test_a_world_of_the_longest_name_fits_grafanas_uids(self, grafana: FakeGrafana) -> None:
        published(grafana, replace(WISH, worlds=("w" * 32,)))
        assert len(grafana.sources) == 2


class TestAgain:
    def test_the_second_time_everything_is_as_it_should_be(self, grafana: FakeGrafana) -> None:
        published(grafana)
        grafana.calls.clear()
        assert actions(published(grafana)) == {"same"}
        # Secrets cannot be compared: only the data sources are written again.
        assert {path for _, path in grafana.writes} == {
            "/api/datasources/uid/tz-trezor", "/api/datasources/uid/tz-trezor_kept"
        }  # fmt: skip

    def test_without_secrets_the_second_time_writes_nothing(self, grafana: FakeGrafana) -> None:
        wish = replace(WISH, influx=Influx("http://influxdb:8086"))
        published(grafana, wish)
        grafana.calls.clear()
        published(grafana, wish)
        assert grafana.writes == []

    def test_a_new_address_is_shown_as_a_difference_and_written(self, grafana: FakeGrafana) -> None:
        published(grafana)
        moved = replace(WISH, influx=Influx("http://elsewhere:8086", token="influx-secret"))
        shown = next(c for c in published(grafana, moved, dry_run=True) if c.what == "data source 'trezor'")
        assert shown.action == "update"
        assert '- "url": "http://influxdb:8086"' in shown.diff
        assert '+ "url": "http://elsewhere:8086"' in shown.diff
        assert "influx-secret" not in shown.diff
        published(grafana, moved)
        assert grafana.sources["tz-trezor"]["url"] == "http://elsewhere:8086"

    def test_a_new_token_arrives(self, grafana: FakeGrafana) -> None:
        published(grafana)
        published(grafana, replace(WISH, influx=Influx("http://influxdb:8086", token="new")))
        assert grafana.secrets["tz-trezor_kept"] == {"httpHeaderValue1": "Token new"}

    def test_another_language_is_an_update_with_its_difference(self, grafana: FakeGrafana) -> None:
        published(grafana)
        english = [c for c in published(grafana, replace(WISH, language="en")) if c.action == "update"]
        assert len(english) == 5
        assert any('"title": "TREZOR – Parc"' in change.diff for change in english)
        assert {board["model"]["version"] for board in grafana.boards.values()} == {2}

    def test_a_second_world_joins_the_first_on_the_same_dashboards(self, grafana: FakeGrafana) -> None:
        published(grafana)
        published(grafana, replace(WISH, worlds=("replay-1",)))
        assert len(grafana.sources) == 4
        world = grafana.boards["trezor-fleet"]["model"]["templating"]["list"][0]
        assert world["regex"] == "/^(replay-1|trezor)$/"
        assert world["current"]["text"] == "replay-1"


class TestWhatIsNotOurs:
    def test_strangers_things_stay_byte_for_byte(self, grafana: FakeGrafana) -> None:
        grafana.sources["abc"] = {"uid": "abc", "name": "Prometheus", "jsonData": {}, "readOnly": False}
        grafana.boards["theirs"] = {"model": {"title": "Theirs", "version": 3}, "folder": "", "provisioned": False}
        grafana.teams[5] = {"id": 5, "name": "Others", "email": ""}
        before = json.dumps([grafana.sources["abc"], grafana.boards["theirs"], grafana.teams[5]])
        published(grafana)
        assert json.dumps([grafana.sources["abc"], grafana.boards["theirs"], grafana.teams[5]]) == before

    def test_a_data_source_of_our_name_is_a_refusal(self, grafana: FakeGrafana) -> None:
        grafana.sources["abc"] = {"uid": "abc", "name": "trezor", "jsonData": {}, "readOnly": False}
        with pytest.raises(GrafanaAway, match="was not made here"):
            published(grafana)
        assert grafana.writes == []

    def test_a_data_source_of_our_uid_without_our_mark_is_a_refusal(self, grafana: FakeGrafana) -> None:
        grafana.sources["tz-trezor"] = {"uid": "tz-trezor", "name": "mine", "jsonData": {}, "readOnly": False}
        with pytest.raises(GrafanaAway, match="was not made here"):
            published(grafana)

    def test_a_dashboard_of_our_uid_without_our_tag_is_a_refusal(self, grafana: FakeGrafana) -> None:
        theirs = {"uid": "trezor-fleet", "title": "X", "version": 1, "tags": ["mine"]}
        grafana.boards["trezor-fleet"] = {"model": theirs, "folder": "", "provisioned": False}
        with pytest.raises(GrafanaAway, match="lacks the tag"):
            published(grafana)
        assert grafana.boards["trezor-fleet"]["model"] is theirs

    def test_a_strangers_dashboard_of_our_title_in_our_folder_is_not_replaced(self) -> None:
        with serving(FakeGrafana("9.3.16")) as grafana:
            published(grafana)
            del grafana.boards["trezor-fleet"]
            theirs = {"title": "TREZOR – Parc", "version": 1, "tags": []}
            grafana.boards["theirs"] = {"model": theirs, "folder": FOLDER_UID, "provisioned": False}
            with pytest.raises(GrafanaAway, match="something of that name is there already"):
                published(grafana)
            assert grafana.boards["theirs"]["model"] is theirs

    def test_a_team_of_our_name_without_our_address_is_a_refusal(self, grafana: FakeGrafana) -> None:
        grafana.teams[5] = {"id": 5, "name": TEAM, "email": ""}
        with pytest.raises(GrafanaAway, match=TEAM_ADDRESS.replace(".", r"\.")):
            published(grafana)
        assert grafana.members == {}

    def test_a_home_that_was_chosen_stays(self, grafana: FakeGrafana) -> None:
        grafana.preferences = {"theme": "dark", "homeDashboardId": 9, "homeDashboardUID": "theirs"}
        told = published(grafana)
        assert grafana.preferences == {"theme": "dark", "homeDashboardId": 9, "homeDashboardUID": "theirs"}
        assert [c.what for c in told if c.action == "refuse"] == ["first dashboard of everyone"]

    def test_a_dashboard_changed_by_hand_stays_until_told(self, grafana: FakeGrafana) -> None:
        published(grafana)
        model = grafana.boards["trezor-lamp"]["model"]
        grafana.keep_board("trezor-lamp", model | {"title": "My lamps"}, FOLDER_UID, 2, "nicer title")
        told = published(grafana)
        assert [(c.what, c.action) for c in told if c.action != "same"] == [("dashboard 'TREZOR – Lampe'", "refuse")]
        assert grafana.boards["trezor-lamp"]["model"]["title"] == "My lamps"
        assert actions(published(grafana, replace(WISH, overwrite=True))) == {"same", "update"}
        assert grafana.boards["trezor-lamp"]["model"]["title"] == "TREZOR – Lampe"

    def test_what_comes_from_provisioning_files_is_left_to_them(self, grafana: FakeGrafana) -> None:
        published(grafana)
        for source in grafana.sources.values():
            source["readOnly"] = True
        for board in grafana.boards.values():
            board["provisioned"] = True
        told = published(grafana, replace(WISH, language="en", influx=Influx("http://elsewhere:1")))
        assert len([c for c in told if c.action == "refuse" and "provisioning file" in c.why]) == 7


class TestTechnicians:
    def test_who_has_an_account_is_put_into_the_team_once(self, grafana: FakeGrafana) -> None:
        grafana.users[4] = {"login": "mopti-1", "email": "m@example.org", "role": "Viewer"}
        wish = replace(WISH, technicians=("m@example.org",))
        published(grafana, wish)
        assert list(grafana.members.values()) == [[4]]
        assert actions(published(grafana, wish)) == {"same"}

    def test_a_token_cannot_make_accounts_and_says_so(self, grafana: FakeGrafana) -> None:
        told = published(grafana, replace(WISH, technicians=("new",)))
        assert [c.why[:30] for c in told if c.action == "refuse"] == ["has no account, and a token ma"]

    @pytest.mark.parametrize("newcomers", ["Viewer", "Editor", ""])
    def test_the_servers_administrator_makes_accounts_that_may_only_look(
        self, grafana: FakeGrafana, newcomers: str
    ) -> None:
        grafana.newcomers = newcomers
        told = published(
            grafana,
            replace(WISH, technicians=("new",)),
            url=grafana.url.replace("://", f"://{ADMIN[0]}:{ADMIN[1]}@"),
        )
        assert grafana.users[2] == {"login": "new", "email": "", "role": "Viewer"}
        assert list(grafana.members.values()) == [[2]]
        assert any("first password" in c.why for c in told)

    def test_a_member_who_may_change_things_is_remarked_upon_not_demoted(self, grafana: FakeGrafana) -> None:
        told = published(grafana, replace(WISH, technicians=("admin",)))
        assert any(c.action == "note" and "role Admin" in c.why for c in told)
        assert grafana.users[1]["role"] == "Admin"


def run(*arguments: str) -> Result:
    environment = {"TREZOR_STORE": "influxdb://t0ken@influxdb:8086/trezor", "TREZOR_FLEET": "fleet.toml"}
    return CliRunner().invoke(dashboards, arguments, env=environment)


class TestTheCommand:
    def test_publishes_and_reports_line_by_line(self) -> None:
        with serving(FakeGrafana()) as grafana:
            result = run("publish", "--url", grafana.url, "--token", TOKEN, "--page", "http://page/")
            assert result.exit_code == 0, result.output
            assert "+ dashboard 'TREZOR – Parc' – made" in result.output
            assert "t0ken" not in result.output
            board = json.dumps(grafana.boards["trezor-fleet"]["model"])
            assert "http://page/w/${world:text}/" in board
            assert grafana.secrets["tz-trezor"] == {"httpHeaderValue1": "Token t0ken"}

    def test_grafana_gets_a_token_that_may_only_read(self) -> None:
        with serving(FakeGrafana()) as grafana, running(Server()) as influx:
            store = ("--store", influx.url, "--influx-url", "http://influxdb:8086")
            rehearsed = run("publish", "--url", grafana.url, "--token", TOKEN, *store, "--dry-run")
            assert (rehearsed.exit_code, influx.tokens) == (0, [])
            for _ in range(2):
                result = run("publish", "--url", grafana.url, "--token", TOKEN, *store)
                assert result.exit_code == 0, result.output
            (made,) = influx.tokens
            assert {one["action"] for one in made["permissions"]} == {"read"}
            assert grafana.secrets["tz-trezor"] == {"httpHeaderValue1": f"Token {made['token']}"}
            assert grafana.sources["tz-trezor_kept"]["url"] == "http://influxdb:8086"
            assert made["token"] not in result.output

    def test_a_dry_run_shows_the_difference(self) -> None:
        with serving(FakeGrafana()) as grafana:
            run("publish", "--url", grafana.url, "--token", TOKEN)
            result = run("publish", "--url", grafana.url, "--token", TOKEN, "--language", "en", "--dry-run")
            assert "~ dashboard 'TREZOR – Fleet' – would be changed" in result.output
            assert '+ "title": "TREZOR – Fleet"' in result.output

    def test_serves_a_grafana_under_a_path(self) -> None:
        with serving(FakeGrafana(), prefix="/grafana") as grafana:
            result = run("publish", "--url", grafana.url + "/", "--token", TOKEN)
            assert result.exit_code == 0, result.output
            assert set(grafana.boards) == BOARDS

    def test_a_grafana_that_hides_its_version_is_asked_again_after_the_door(self) -> None:
        with serving(FakeGrafana("9.1.0", hide_version=True)) as grafana:
            assert "is Grafana 9.1.0" in run("publish", "--url", grafana.url, "--token", TOKEN).output

    @pytest.mark.parametrize(
        ("token", "says"),
        [("wrong", "does not accept this token"), (VIEWER_TOKEN, "needs the role Admin")],
    )
    def test_a_wrong_or_weak_token_is_explained(self, token: str, says: str) -> None:
        with serving(FakeGrafana()) as grafana:
            result = run("publish", "--url", grafana.url, "--token", token)
            assert result.exit_code == 1
            assert says in result.output
            assert grafana.writes == []

    def test_no_credential_is_explained(self) -> None:
        assert "--token TOKEN" in run("publish", "--url", "http://127.0.0.1:1").output

    @pytest.mark.parametrize("version", ["8.5.27", "9.2.20"])
    def test_too_old_a_grafana_is_named_with_what_is_needed(self, version: str) -> None:
        with serving(FakeGrafana(version)) as grafana:
            result = run("publish", "--url", grafana.url, "--token", TOKEN)
            assert f"is Grafana {version}; these dashboards need 9.3 or newer" in result.output
            assert grafana.writes == []

    def test_nobody_there_is_explained(self) -> None:
        with socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        result = run("publish", "--url", f"http://127.0.0.1:{port}", "--token", TOKEN)
        assert result.exit_code == 1
        assert "cannot be reached" in result.output

    @pytest.mark.parametrize("url", ["grafana:3000", "ftp://x", "http://x:port"])
    def test_an_address_that_is_none_is_explained(self, url: str) -> None:
        result = run("publish", "--url", url, "--token", TOKEN)
        assert result.exit_code == 1
        assert "--url" in result.output

    def test_somebody_else_answering_is_explained(self) -> None:
        class Page(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<html>welcome</html>")

            def log_message(self, format: str, *args: object) -> None:
                """Silence."""

        server = HTTPServer(("127.0.0.1", 0), Page)
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            result = run("publish", "--url", f"http://127.0.0.1:{server.server_port}", "--token", TOKEN)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
        assert "not as Grafana does" in result.output

    def test_a_store_that_grafana_cannot_read_is_explained(self) -> None:
        result = run("publish", "--url", "http://x", "--token", TOKEN, "--store", "duckdb:///var/{world}.duckdb")
        assert result.exit_code == 2
        assert "Grafana reads InfluxDB, not duckdb" in result.output

    def test_secrets_of_addresses_are_never_shown(self) -> None:
        result = run("publish", "--url", "http://someone:hidden@127.0.0.1:1", "--store", "influxdb://s3cret@h:x/y")
        assert "hidden" not in result.output
        assert "s3cret" not in result.output


def test_the_stand_in_is_strict() -> None:
    grafana = FakeGrafana()
    good = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}

    def ask(method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> int:
        return grafana.answer(method, path, good if headers is None else headers, json.dumps(body).encode())[0]

    assert ask("GET", "/api/org", headers={}) == 401
    assert ask("GET", "/api/nothing") == 404
    assert ask("DELETE", "/api/org") == 405
    assert ask("POST", "/api/datasources", {"name": "x"}) == 400
    assert ask("POST", "/api/teams", {"name": "x"}, {"authorization": f"Bearer {TOKEN}"}) == 415
    assert ask("POST", "/api/admin/users", {"login": "x", "password": "long"}) == 403
    assert ask("POST", "/api/dashboards/db", {"dashboard": {"uid": "x"}}) == 400


def test_export_writes_the_dashboards_and_provisioning_without_secrets(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")
    result = run("export", str(tmp_path), "--world", "trezor", "--world", "replay-1")
    assert result.exit_code == 0, result.output
    assert {path.stem for path in (tmp_path / "dashboards").iterdir()} == BOARDS
    text = (tmp_path / "provisioning" / "datasources" / "trezor.yaml").read_text()
    assert "t0ken" not in text
    sources = yaml.safe_load(text)
    assert sources["apiVersion"] == 1
    assert [source["name"] for source in sources["datasources"]] == [
        "trezor", "trezor nuits", "replay-1", "replay-1 nuits"
    ]  # fmt: skip
    assert sources["datasources"][0]["secureJsonData"] == {"httpHeaderValue1": "Token ${TREZOR_INFLUX_TOKEN}"}
    provider = yaml.safe_load((tmp_path / "provisioning" / "dashboards" / "trezor.yaml").read_text())["providers"][0]
    assert provider["options"] == {"path": "/var/lib/grafana/dashboards/trezor"}
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    run("export", str(tmp_path), "--world", "trezor", "--world", "replay-1")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
