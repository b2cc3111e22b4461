"""The doctor, against what lives and against everything that can be broken."""

import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from dashboards.sources import Influx as Source
from dashboards.sources import data_sources
from deploy import doctor as doctor_module
from deploy.checks.broker import check_broker
from deploy.checks.casebook import check_casebook
from deploy.checks.finding import Finding, Setup
from deploy.checks.fleet import check_fleet
from deploy.checks.grafana import check_grafana
from deploy.checks.machine import check_machine, writable
from deploy.checks.page import check_page
from deploy.checks.store import check_store
from deploy.commands import doctor
from deploy.doctor import examine
from gateway.options import Broker
from gateway.store import TABLES
from gateway.stores import open_store
from gateway.stores.influx_http import Address, Http
from monitor.casebook import open_casebook
from monitor.web.accounts import write_account
from tests.dashboards.grafana_server import ADMIN, FakeGrafana, serving
from tests.gateway.store_rows import frame, row
from tests.gateway.wire import FLEET_FILE, fleet
from tests.influx_server import Influx
from tests.monitor.cases import HORIZON, NOW, episode
from tests.monitor.cases import fleet as small_fleet
from tests.mosquitto_server import Mosquitto, free_port
from tests.postgres_server import Postgres
from tests.provisioned_broker import ProvisionedBroker

Check = Callable[[Setup], Iterator[Finding]]


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    """A station that was never started."""
    return Setup(
        world="trezor", fleet=FLEET_FILE, store=f"duckdb:///{tmp_path}/{{world}}.duckdb",
        casebook=f"sqlite:///{tmp_path}/{{world}}.sqlite", broker=None, page="off", accounts=None, grafana=None,
        grafana_token=None, environ={}, now=now,
    )  # fmt: skip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProvisionedBroker]:
    broker = ProvisionedBroker(tmp_path_factory.mktemp("service") / "provisioned", fleet(), now)
    broker.server.start()
    yield broker
    broker.server.stop()


def wrong(check: Check, setup: Setup) -> list[str]:
    """What is wrong, in English; every such line says what to do, in both languages."""
    findings = list(check(setup))
    for finding in findings:
        assert finding.what.fr
        assert (finding.remedy is not None) == (finding.state == "wrong")
        if finding.remedy is not None:
            assert finding.remedy.fr
            assert finding.remedy.en
    return [finding.what.en for finding in findings if finding.state == "wrong"]


def said(check: Check, setup: Setup, state: str = "ok") -> str:
    return "\n".join(finding.what.en for finding in check(setup) if finding.state == state)


def test_a_fleet_file_is_read_and_its_mistakes_are_told(setup: Setup, tmp_path: Path) -> None:
    assert "200 lamps, 10 communes" in said(check_fleet, setup)
    assert "cannot be read" in wrong(check_fleet, replace(setup, fleet=tmp_path / "none.toml"))[0]
    (tmp_path / "bad.toml").write_text("title = 3\n")
    assert "mistake" in wrong(check_fleet, replace(setup, fleet=tmp_path / "bad.toml"))[0]


def test_contacts_without_an_address_and_with_a_strange_one_are_told(setup: Setup) -> None:
    (missing,) = wrong(check_fleet, setup)
    assert "technicien régional" in missing
    (finding,) = [finding for finding in check_fleet(setup) if finding.state == "wrong"]
    assert finding.remedy is not None
    assert "TREZOR_TECHNICIAN_URL" in finding.remedy.en
    names = [word.strip(",") for word in finding.remedy.en.split() if word.startswith("TREZOR_")]
    every = dict.fromkeys(names, "ntfys://lamps")
    assert wrong(check_fleet, replace(setup, environ=every)) == []
    strange = every | {"TREZOR_SIO_URL": "gopher://x"}
    assert wrong(check_fleet, replace(setup, environ=strange)) == [
        "contact 'mairie de Sio': Apprise does not understand its address"
    ]


@pytest.mark.mosquitto
class TestBroker:
    def test_the_provisioned_one_is_well(self, setup: Setup, served: ProvisionedBroker) -> None:
        settings = served.settings
        url = (
            f"mqtts://gateway:{settings['TREZOR_GATEWAY_PASSWORD']}@localhost:{served.port}"
            f"?ca={served.place.authority}&share={settings['TREZOR_SHARE']}"
        )
        lines = list(check_broker(replace(setup, broker=url)))
        assert {line.state for line in lines} == {"ok"}
        words = "\n".join(line.what.en for line in lines)
        for piece in ("reachable", "TLSv1.3", "lets us in", "shared subscription", "asked of lamps"):
            assert piece in words
        assert not any(secret in words for name, secret in settings.items() if name.endswith("PASSWORD"))

    def test_every_way_of_not_getting_in_has_its_words(
        self, setup: Setup, served: ProvisionedBroker, mosquitto: Mosquitto
    ) -> None:
        settings, ca = served.settings, served.place.authority
        gateway = f"gateway:{settings['TREZOR_GATEWAY_PASSWORD']}"
        operator = f"operator:{settings['TREZOR_OPERATOR_PASSWORD']}"
        for url, words in (
            ("http://x", "expected mqtt"),
            (f"mqtt://127.0.0.1:{free_port()}", "cannot be reached"),
            ("mqtt://no-such-host.invalid", "is not known"),
            (f"mqtts://{gateway}@localhost:{served.port}", "authority not known here"),
            (f"mqtts://{gateway}@127.0.0.2:{served.port}?ca={ca}", "cannot be reached"),
            (f"mqtts://{gateway}@localhost:{served.port}?ca={ca}.none", "cannot be used"),
            (f"mqtts://gateway:wrong@localhost:{served.port}?ca={ca}", "refuses this name and password"),
            (f"mqtts://{operator}@localhost:{served.port}?ca={ca}", "what is asked of lamps"),
            (f"mqtts://{gateway}@localhost:{mosquitto.port}?ca={ca}", "no TLS"),
            (f"mqtt://localhost:{served.port}", "does not answer in MQTT 5"),
        ):  # fmt: skip
            broken = wrong(check_broker, replace(setup, broker=url))
            assert len(broken) == 1, (url, broken)
            assert words in broken[0], url

    def test_a_certificate_that_does_not_fit_is_told(
        self, setup: Setup, served: ProvisionedBroker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ca = served.place.authority
        url = f"mqtts://gateway:x@localhost:{served.port}?ca={ca}"
        (soon,) = wrong(check_broker, replace(setup, broker=url, now=lambda: now() + timedelta(days=5 * 365 - 30)))
        assert "its certificate ends on" in soon
        real = Broker.parse
        other = "ip6-localhost"
        monkeypatch.setattr("socket.create_connection", _to("127.0.0.1", served.port))
        monkeypatch.setattr(Broker, "parse", lambda url: replace(real(url), host=other))
        (name,) = wrong(check_broker, replace(setup, broker=url))
        assert f"does not name {other}" in name

    def test_without_a_broker_there_is_nothing_wrong(self, setup: Setup) -> None:
        assert wrong(check_broker, setup) == []


def _to(host: str, port: int) -> Callable[..., object]:
    """Connects there, whatever was asked for: a name that leads to a server of another name."""
    real = socket.create_connection
    return lambda _address, *rest, **more: real((host, port), *rest, **more)


class TestStore:
    def test_a_station_that_never_ran_and_one_that_did(self, setup: Setup, tmp_path: Path) -> None:
        assert "can be written" in said(check_store, setup)
        assert list(tmp_path.iterdir()) == [], "nothing is made: it would belong to the wrong user"
        store = open_store(setup.store, "trezor")
        assert wrong(check_store, setup) == [], "in this process it may be opened twice"
        store.append("arrivals", frame("arrivals", row("arrivals", 0)))
        store.close()
        (quiet,) = wrong(check_store, setup)
        assert "nothing has come for" in quiet
        early = replace(setup, now=lambda: NOW - timedelta(days=3000))
        (future,) = wrong(check_store, early)
        assert "in the future" in future

    def test_what_is_no_store(self, setup: Setup, tmp_path: Path) -> None:
        (tmp_path / "trezor.duckdb").write_text("not a database, but long enough to be looked at" * 100)
        assert "cannot be read" in wrong(check_store, setup)[0]
        for url, words in (
            ("memory:", "everything is lost"), ("mysql://x", "not understood"),
            ("influxdb://h:port/o", "not understood"),
            (f"influxdb://t@127.0.0.1:{free_port()}/o", "cannot be reached"),
        ):  # fmt: skip
            (broken,) = wrong(check_store, replace(setup, store=url))
            assert words in broken

    @pytest.mark.influxdb
    def test_influxdb_is_written_to_and_left_as_it_was(
        self, setup: Setup, influx: Influx, new_world: Callable[[], str]
    ) -> None:
        world = new_world()
        asked = replace(setup, store=influx.url, world=world)
        assert wrong(check_store, asked) == []
        assert "writes, reads and removes" in said(check_store, asked)
        assert "will be made" in said(check_store, asked, "note")
        assert databases(influx).isdisjoint({world, f"{world}_kept"})
        assert not any(name.startswith("doctor") for name in databases(influx))
        store = open_store(influx.url, world)
        for table in TABLES:
            store.append(table, frame(table, row(table, 0)))
        store.close()
        assert "keeps 400 days" in said(check_store, asked)
        assert "keeps for ever" in said(check_store, asked)
        http = Http(Address.parse(influx.url))
        list(http.query("", f'ALTER RETENTION POLICY "autogen" ON "{world}_kept" DURATION 30d SHARD DURATION 1d'))
        http.close()
        assert any("keeps 30 days, not for ever" in line for line in wrong(check_store, asked))

    @pytest.mark.influxdb
    def test_two_clocks_are_compared(self, setup: Setup, influx: Influx) -> None:
        slow = replace(setup, store=influx.url, now=lambda: now() - timedelta(minutes=3))
        assert any("180 s apart" in line or "179 s" in line or "181 s" in line for line in wrong(check_store, slow))


def databases(influx: Influx) -> set[str]:
    http = Http(Address.parse(influx.url))
    try:
        return {str(row[0]) for series in http.query("", "SHOW DATABASES") for row in series.values}
    finally:
        http.close()


class TestCasebook:
    def test_alerts_that_do_not_go_out_are_told(self, setup: Setup, tmp_path: Path) -> None:
        assert wrong(check_casebook, setup) == []
        assert list(tmp_path.iterdir()) == []
        book = open_casebook(setup.casebook, "trezor")
        book.reconcile((episode(),), NOW, HORIZON, small_fleet())
        assert "1 cases open" in said(check_casebook, setup)
        assert any(finding.what.fr == "pannes ouvertes : 1" for finding in check_casebook(setup))
        assert wrong(check_casebook, setup) == []
        (alert,) = book.take(NOW, timedelta(minutes=2))
        assert wrong(check_casebook, setup) == [], "it is being told at this moment"
        book.failed(alert.id, "mot de passe refusé", permanent=False, now=NOW)
        (broken,) = wrong(check_casebook, setup)
        assert "'mairie de Fatoma': mot de passe refusé" in broken
        book.told(alert.id, NOW)
        assert wrong(check_casebook, setup) == []
        book.close()

    def test_postgresql_is_entered_or_its_refusal_told(self, setup: Setup, postgres: Postgres) -> None:
        assert wrong(check_casebook, replace(setup, casebook=postgres.database())) == []
        gone = f"postgresql://postgres:hidden@127.0.0.1:{free_port()}/x"
        (broken,) = wrong(check_casebook, replace(setup, casebook=gone))
        assert "cannot be opened" in broken
        assert "hidden" not in broken


class TestPage:
    def test_who_may_look_is_checked(self, setup: Setup, tmp_path: Path) -> None:
        port = free_port()
        open_to_all = replace(setup, page=f"0.0.0.0:{port}")
        assert any("open to everybody" in line for line in wrong(check_page, open_to_all))
        accounts = tmp_path / "accounts.toml"
        named = replace(open_to_all, accounts=accounts)
        assert any("cannot be read" in line or "No such file" in line for line in wrong(check_page, named))
        accounts.write_text("")
        assert any("nobody can enter" in line for line in wrong(check_page, named))
        write_account(accounts, "operator", "long enough", "operator")
        assert "1 accounts" in said(check_page, named)
        assert [line for line in wrong(check_page, named) if "does not answer" not in line] == []
        assert "not understood" in wrong(check_page, replace(setup, page="8080"))[0]

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (b'{"troubles": [], "warnings": []}', []),
            (b'{"troubles": ["store: gone"], "warnings": ["late"]}', ["monitor: store: gone"]),
            (b"<html>", ["another program"]),
            (b"[]", ["another program"]),
        ],
    )
    def test_its_answer_is_believed(self, setup: Setup, body: bytes, words: list[str]) -> None:
        with answering(body) as port:
            found = wrong(check_page, replace(setup, page=f"127.0.0.1:{port}"))
        assert len(found) == len(words)
        assert all(word in line for word, line in zip(words, found, strict=True))


class answering:
    """A server of one answer."""

    def __init__(self, body: bytes) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(503)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def __enter__(self) -> int:
        return self._server.server_port

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_grafana_is_asked_where_one_is_named(setup: Setup) -> None:
    assert list(check_grafana(setup)) == []
    with serving(FakeGrafana()) as grafana:
        right = grafana.url.replace("://", f"://{ADMIN[0]}:{ADMIN[1]}@")
        (unpublished,) = wrong(check_grafana, replace(setup, grafana=right))
        assert "no data source for the world trezor" in unpublished
        for source in data_sources(Source("http://influxdb:8086", "t0ken"), ["trezor"]):
            grafana.add_source(source)
        assert wrong(check_grafana, replace(setup, grafana=right)) == []
        assert "Grafana reads the store of the world trezor" in said(check_grafana, replace(setup, grafana=right))
        grafana.store_away = "unauthorized access"
        (ill,) = wrong(check_grafana, replace(setup, grafana=right))
        assert "unauthorized access" in ill
        assert len(wrong(check_grafana, replace(setup, grafana=grafana.url, grafana_token="wrong"))) == 1
    (away,) = wrong(check_grafana, replace(setup, grafana=right))
    assert "secret" not in away


def test_a_clock_of_another_age_and_a_full_disk_are_told(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    assert wrong(check_machine, setup) == []
    past = replace(setup, now=lambda: datetime(1970, 1, 1, tzinfo=UTC))
    assert "1970-01-01" in wrong(check_machine, past)[0]
    monkeypatch.setattr("shutil.disk_usage", lambda _: _Usage(10**12, 10**12, 4 * 10**8))
    assert any("0.4 GB free" in line for line in wrong(check_machine, setup))


class _Usage:
    def __init__(self, total: int, used: int, free: int) -> None:
        self.total, self.used, self.free = total, used, free


def test_a_folder_of_somebody_else_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert writable("x", "x", tmp_path / "new" / "file").state == "ok"
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != tmp_path)  # root may write everywhere
    assert writable("x", "x", tmp_path / "new" / "file").state == "wrong"


def test_one_check_that_breaks_does_not_stop_the_others(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Setup) -> Iterator[Finding]:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(doctor_module, "CHECKS", (broken, check_page))
    lines = list(examine(setup))
    assert [line.state for line in lines] == ["wrong", "note"]
    assert "oops" in lines[0].what.en


def test_the_command_speaks_french_first_and_ends_with_1(tmp_path: Path) -> None:
    options = ["--fleet", str(FLEET_FILE), "--page", "off", "--store", f"duckdb:///{tmp_path}/a/b.duckdb"]
    options += ["--casebook", f"sqlite:///{tmp_path}/a/b.sqlite"]
    result = CliRunner().invoke(doctor, options, env={"TREZOR_TECHNICIAN_URL": ""})
    assert result.exit_code == 1
    assert "✗ contacts sans adresse" in result.output
    assert "  → remplir dans contacts.env" in result.output
    assert result.output.endswith("1 problème(s).\n")
    english = CliRunner().invoke(doctor, [*options, "--language", "en"], env={"TREZOR_TECHNICIAN_URL": ""})
    assert "✗ contacts without an address" in english.output
    (tmp_path / "fleet.toml").write_text(
        FLEET_FILE.read_text(encoding="utf-8").replace("${", "ntfys://x/").replace('_URL}"', '"')
    )
    well = CliRunner().invoke(doctor, [*options, "--fleet", str(tmp_path / "fleet.toml")])
    assert well.exit_code == 0, well.output
    assert well.output.endswith("Tout va bien.\n")
