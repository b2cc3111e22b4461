"""The station without Docker: its unit, its settings, and Mosquitto's configuration moved to where Debian has it."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
import yaml

from deploy.files import Settings
from tests.broker.lamps import wait_until
from tests.deploy.compose import ROOT, Here
from tests.gateway.wire import FLEET_FILE, fleet
from tests.mosquitto_server import free_port, need
from tests.provisioned_broker import DEPLOYED, ProvisionedBroker
from trezor import cli

UNIT = ROOT / "deploy" / "systemd" / "trezor-station.service"
EXAMPLE = ROOT / "deploy" / "systemd" / "station.env.example"
DOCS = ROOT / "docs" / "deployment.md"


def entries(section: str) -> dict[str, str]:
    text = UNIT.read_text(encoding="utf-8").partition(f"[{section}]")[2].partition("\n[")[0]
    return dict(re.findall(r"^(\w+)=(.*)$", text, re.M))


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    analyze = need(shutil.which("systemd-analyze"), "systemd")
    there = UNIT.read_text(encoding="utf-8").replace(entries("Service")["ExecStart"], sys.executable)
    (tmp_path / UNIT.name).write_text(there)
    done = subprocess.run([analyze, "verify", str(tmp_path / UNIT.name)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_is_closed_and_comes_back() -> None:
    service = entries("Service")
    assert service["User"] == "trezor"
    assert service["Restart"] == "always"
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""
    assert service["NoNewPrivileges"] == "yes"
    assert service["EnvironmentFile"] == "/etc/trezor/station.env"
    assert service["ExecStart"] == "/opt/trezor/.venv/bin/trezor station"
    assert service["WorkingDirectory"] == f"/var/lib/{service['StateDirectory']}"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ProvisionedBroker]:
    broker = ProvisionedBroker(tmp_path / "provisioned", fleet(), lambda: datetime.now(UTC))
    broker.server.start()
    yield broker
    broker.server.stop()


@pytest.mark.mosquitto
def test_the_station_runs_with_the_example_settings(tmp_path: Path, served: ProvisionedBroker) -> None:
    settings, port = Settings(EXAMPLE).all(), free_port()
    places = {
        "/etc/trezor/ca.pem": str(served.place.authority), "/etc/trezor/fleet.toml": str(FLEET_FILE),
        "/var/lib/trezor": str(tmp_path / "state"), "localhost:8884": f"localhost:{served.port}",
        "PASSWORD": served.settings["TREZOR_GATEWAY_PASSWORD"], "127.0.0.1:8080": f"127.0.0.1:{port}",
    }  # fmt: skip
    here = Here(tmp_path, places)
    (tmp_path / "state").mkdir()
    command = entries("Service")["ExecStart"].split()[1:]
    service = {"command": command, "environment": settings}
    child = here.start(service, "station")
    try:
        ask = f"import urllib.request as u; u.urlopen('http://127.0.0.1:{port}/health', timeout=10)"
        well = {**service, "healthcheck": {"test": ["CMD", "python", "-c", ask]}}
        wait_until(lambda: child.poll() is not None or here.healthy(well, "station"), 60, "a healthy station")
        assert child.poll() is None, here.log("station")
        assert "refuses" not in here.log("station")
        assert here.stop(child) == 0
    finally:
        here.close()
    assert (tmp_path / "state" / "trezor.duckdb").exists()
    assert (tmp_path / "state" / "trezor.casebook.sqlite").exists()


def test_the_documented_command_moves_mosquittos_paths_and_nothing_else(tmp_path: Path) -> None:
    (script,) = re.findall(r"^sed ('[^']+') /opt/trezor/deploy/mosquitto/mosquitto.conf", DOCS.read_text(), re.M)
    moved = subprocess.run(["sh", "-c", f"sed {script} {DEPLOYED}"], capture_output=True, text=True, check=True).stdout
    settings = [line for line in moved.splitlines() if line and not line.startswith("#")]
    assert not any("/mosquitto/" in line for line in settings if not re.search(" /(etc|var/lib)/mosquitto/", line))
    assert "certfile /etc/mosquitto/trezor/server.pem" in settings
    assert "persistence_location /var/lib/mosquitto/" in settings
    assert len(settings) == len([line for line in DEPLOYED.read_text().splitlines() if line and line[0] != "#"])


def test_the_readme_leads_from_the_clone_to_the_dashboard_in_ten_lines() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = (block for block in re.findall(r"```\n(git clone.*?)```", text, re.S))
    lines = [line.partition("  #")[0].strip() for line in block.splitlines()]
    assert len(lines) <= 10
    for line in lines:
        if found := re.search(r"trezor:local (?!\.)(.+)$|run --rm tools (.+)$", line):
            name, *words = shlex.split(found[1] or found[2])
            command = cli.get_command(click.Context(cli), name)
            assert command is not None, name
            command.make_context(name, words)  # raises on an option that is none
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert {word for line in lines for word in re.findall(r"--profile (\w+)", line)} == {"demo"}
    assert compose["services"]["lamps"]["profiles"] == ["demo"]
    assert compose["services"]["gateway"]["image"] in lines[1]
    assert "127.0.0.1:3000" in block
    assert "127.0.0.1:3000" in str(compose["services"]["grafana"]["ports"])


def test_every_file_and_command_of_the_guide_is_there() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for path in re.findall(r"/opt/trezor/((?:deploy|fleet)[\w./-]*)", text):
        assert (ROOT / path).exists(), path
    from_env = set(re.findall(r"`(TREZOR_[A-Z_]+)`", text))
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    known = compose + (ROOT / "deploy" / "provision.py").read_text(encoding="utf-8")
    assert {name for name in from_env if name not in known} == set()
    services = set(re.findall(r"docker compose (?:run --rm (?:-T )?|up -d (?:--force-recreate )?)([a-z]+)", text))
    assert all(f"\n  {name}:\n" in compose for name in services), services
