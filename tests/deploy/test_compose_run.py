"""Every command of the compose file runs, with the environment that Compose would give it, on real servers."""

import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from deploy.files import Settings
from deploy.provision import link_settings
from gateway.stores import open_store
from tests.dashboards.grafana_server import ADMIN, FakeGrafana, serving
from tests.deploy.compose import FILE, Here, configured
from tests.gateway.wire import FLEET_FILE, fleet
from tests.influx_server import Influx
from tests.mosquitto_server import free_port, need
from tests.postgres_server import Postgres
from tests.provisioned_broker import ProvisionedBroker

pytestmark = [pytest.mark.mosquitto, pytest.mark.influxdb, pytest.mark.slow]


def now() -> datetime:
    return datetime.now(UTC)


class Mailbox:
    """Takes every alert, as a messaging service would."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"json://127.0.0.1:{self.server.server_port}/"


class Service:
    """The whole service, up: what Compose says, and what stands for it here."""

    def __init__(self, services: dict[str, Any], here: Here, world: str, influx: Influx, page: int) -> None:
        self.services, self.here, self.world, self.page = services, here, world, page
        self.influx = influx
        self.children: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, service: str, name: str = "") -> None:
        self.children[name or service] = self.here.start(self.services[service], name or service)

    def logs(self) -> str:
        return "\n".join(f"--- {name}\n{self.here.log(name)}" for name in self.children)

    def wait(self, true: Callable[[], object], what: str, timeout_s: float = 120.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not true():
            dead = [name for name, child in self.children.items() if child.poll() is not None]
            assert not dead, f"{dead} ended:\n{self.logs()}"
            assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}\n{self.logs()}"
            time.sleep(0.1)


@pytest.fixture(scope="module")
def grafana() -> Iterator[FakeGrafana]:
    with serving(FakeGrafana(version="11.6.0")) as server:
        yield server


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, _influx_server: Influx, postgres: Postgres, grafana: FakeGrafana
) -> Iterator[Service]:
    influx = _influx_server.start()
    project, world = tmp_path_factory.mktemp("clone"), "compose-test"
    for file in (FILE, FLEET_FILE):
        shutil.copy(file, project)
    broker = ProvisionedBroker(project / "provisioned", fleet(), now, world)
    link_settings(broker.place, project)
    settings, contacts, mailbox = Settings(broker.place.settings), Settings(broker.place.contacts), Mailbox()
    settings.put("TREZOR_GRAFANA_PASSWORD", ADMIN[1])
    settings.save()
    for name in contacts.all():
        contacts.put(name, mailbox.url)
    contacts.save()
    page = free_port()
    database = urlsplit(postgres.database())
    places = {
        "mosquitto:8884": f"localhost:{broker.port}", "influxdb:8086": f"127.0.0.1:{influx.port}",
        "@postgres:5432/trezor": f"@127.0.0.1:{postgres.port}{database.path}",
        "grafana:3000": urlsplit(grafana.url).netloc,
        "0.0.0.0:8080": f"0.0.0.0:{page}", "monitor:8080": f"127.0.0.1:{page}",
        "/run/trezor/public": str(broker.place.authority.parent), "/run/trezor/page": str(broker.place.accounts.parent),
        "/etc/trezor/fleet.toml": str(project / "fleet.toml"), "/var/lib/trezor": str(project / "var"),
    }  # fmt: skip
    make_user = ["createuser", "-h", "127.0.0.1", "-p", str(postgres.port), "-U", "postgres", "--superuser", "trezor"]
    subprocess.run([need(shutil.which("createuser"), "postgresql"), *make_user[1:]], check=True, cwd="/")
    broker.server.start()
    here = Here(project, places)
    up = Service(configured(project), here, world, influx, page)
    try:
        up.start("gateway", "gateway-1")
        up.wait(lambda: "gateway 1 of" in here.log("gateway-1"), "the first gateway")
        up.start("gateway", "gateway-2")
        up.start("monitor")
        for name in ("gateway-1", "gateway-2"):
            up.wait(lambda name=name: here.healthy(up.services["gateway"], name), f"{name} to be healthy")  # type: ignore[misc]  # a default binds the loop's value
        up.start("lamps")
        yield up
    finally:
        here.close()
        broker.server.stop()
        mailbox.server.shutdown()
        mailbox.server.server_close()


def test_mosquittos_health_check_is_a_real_subscription(service: Service) -> None:
    need(shutil.which("mosquitto_sub"), "mosquitto-clients")
    mosquitto = service.services["mosquitto"]
    port = service.here.here("mosquitto:8884").removeprefix("localhost:")
    public = service.here.here("/run/trezor/public")
    places = {"8884": port, "/mosquitto/provisioned": public}
    assert service.here.healthy(mosquitto, "mosquitto", places)
    assert not service.here.healthy(mosquitto, "mosquitto", {**places, "-u health": "-u gateway"})


def test_gateways_share_the_load_under_names_of_their_own(service: Service) -> None:
    store = open_store(service.influx.url, service.world)
    service.wait(lambda: (extent := store.extent("arrivals")) is not None and extent[0] < extent[1], "reports")
    service.wait(lambda: store.read("arrivals", columns=["lamp"])["lamp"].n_unique() == 200, "every lamp", 180)
    store.close()
    for number in (1, 2):
        assert f"gateway {number} of world {service.world}" in service.here.log(f"gateway-{number}")
    assert "replicas need different names" not in service.logs()
    assert "refuses" not in service.logs()


def test_the_monitor_judges_and_its_page_asks_who_is_there(service: Service) -> None:
    monitor = service.services["monitor"]
    replace = {"127.0.0.1:8080": f"127.0.0.1:{service.page}"}
    service.wait(lambda: service.here.healthy(monitor, "monitor", replace), "the monitor to be healthy")
    store = open_store(service.influx.url, service.world)
    service.wait(lambda: not store.read("nights", columns=["lamp"]).is_empty(), "nights", 180)
    store.close()
    cases = service.here.run(service.services["tools"], "cases", "--format", "json")
    assert cases.returncode == 0, cases.stderr


def test_dashboards_are_published_once(service: Service, grafana: FakeGrafana) -> None:
    done = service.here.run(service.services["dashboards"])
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(grafana.boards) == 5
    shown = str(grafana.boards["trezor-fleet"]["model"]["links"])
    assert f"'{service.services['dashboards']['environment']['TREZOR_PAGE_URL']}/w/${{world:text}}/'" in shown
    again = service.here.run(service.services["dashboards"])
    assert again.returncode == 0, again.stdout + again.stderr
    assert "made" not in again.stdout


def test_the_doctor_finds_nothing_wrong(service: Service) -> None:
    tools = service.services["tools"]
    assert tools["command"] == ["doctor"]
    done = service.here.run(tools)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("Tout va bien.\n")
    for word in ("TLSv1.3", "abonnement partagé", "garde 400 jours", "pannes", "comptes", "Grafana 11.6.0"):
        assert word in done.stdout


def test_tools_back_it_up_and_make_accounts(service: Service, tmp_path: Path) -> None:
    tools = service.services["tools"]
    done = service.here.run(tools, "backup", str(tmp_path / "backup"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "backup" / "trezor-backup.json").exists()
    drill = ["--world", "drill", "--store", f"duckdb:///{tmp_path}/drill.duckdb"]
    drill += ["--casebook", f"sqlite:///{tmp_path}/drill.sqlite", "--fleet", str(tmp_path / "fleet.toml")]
    restored = service.here.run(tools, "restore", str(tmp_path / "backup"), *drill)
    assert restored.returncode == 0, restored.stderr
    account = service.here.run(tools, "account", "add", "awa", "--role", "technician", "--password", "long enough")
    assert account.returncode == 0, account.stderr


def test_lamps_may_not_play_in_the_living_world(service: Service) -> None:
    lamps = service.services["lamps"]
    living = {**lamps, "environment": {**lamps["environment"], "TREZOR_WORLD": "trezor"}}
    done = service.here.run(living)
    assert done.returncode == 1
    assert "Not authorized" in done.stderr


def test_all_stop_when_told(service: Service) -> None:
    """The last: within the time that Compose gives them."""
    assert [name for name, child in service.children.items() if child.poll() is not None] == [], service.logs()
    for name, child in service.children.items():
        began = time.monotonic()
        code = service.here.stop(child)
        assert code in (0, 130), f"{name}: {code}\n{service.here.log(name)[-2000:]}"
        assert time.monotonic() - began < 30, name
        assert "Traceback" not in service.here.log(name), name
