"""The compose file itself: Compose accepts it, and every service is as closed as it can be."""

import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.files import Settings
from deploy.provision import Provisioner, link_settings
from tests.deploy.compose import FILE, PROFILES, ROOT, compose, configured
from tests.gateway.wire import FLEET_FILE, fleet

OURS = ("gateway", "monitor", "dashboards", "lamps", "tools")
ENDS = ("dashboards", "tools", "lamps")  # what nobody waits for needs no health check


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone after `trezor provision`."""
    folder = tmp_path_factory.mktemp("clone")
    shutil.copy(FILE, folder)
    shutil.copy(FLEET_FILE, folder)
    provisioner = Provisioner(folder / "provisioned", fleet(), datetime(2026, 11, 23, tzinfo=UTC), lambda _: None)
    provisioner.run("./fleet.toml", "./provisioned")
    link_settings(provisioner.place, folder)
    return folder


@pytest.fixture(scope="module")
def services(project: Path) -> dict[str, Any]:
    return configured(project)


def test_compose_accepts_it_and_nothing_is_left_open(project: Path, services: dict[str, Any]) -> None:
    done = compose(project, "config", "--quiet")
    assert (done.returncode, done.stderr) == (0, ""), "no variable without a value"
    assert set(services) == {"mosquitto", "influxdb", "postgres", "grafana", *OURS}
    assert {name for name, service in services.items() if "profiles" in service} == {"lamps", "tools"}
    assert PROFILES == ("demo", "tools")


def test_before_provisioning_it_says_what_to_do(tmp_path: Path) -> None:
    shutil.copy(FILE, tmp_path)
    done = compose(tmp_path, "config")
    assert done.returncode != 0
    assert "run trezor provision first" in done.stderr


def test_every_container_is_closed(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not re.match(r"(0|root)(:|$)", service["user"]), name
        assert not {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices"} & set(service), name
        assert service["mem_limit"], name
        assert service["pids_limit"], name
        assert service["cpus"], name
        assert not any("docker.sock" in str(volume) for volume in service.get("volumes", ())), name
        assert service["logging"]["options"]["max-size"], name


def test_every_service_comes_back_and_is_waited_for(services: dict[str, Any]) -> None:
    restart = {name: service["restart"] for name, service in services.items()}
    assert restart.pop("dashboards") == "on-failure"
    assert restart.pop("tools") == "no"
    assert set(restart.values()) == {"unless-stopped"}
    for name, service in services.items():
        assert ("healthcheck" in service) == (name not in ENDS), name
        for other, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}, name
            assert "healthcheck" in services[other], other
    assert set(services["gateway"]["depends_on"]) == {"mosquitto", "influxdb"}
    assert set(services["monitor"]["depends_on"]) == {"influxdb", "postgres"}
    assert set(services["dashboards"]["depends_on"]) == {"grafana", "influxdb"}


def test_only_lamps_reach_it_from_outside(services: dict[str, Any]) -> None:
    ports = {str(port).removesuffix("/tcp") for service in services.values() for port in service.get("ports", ())}
    assert {port for port in ports if not port.startswith("127.0.0.1:")} == {"0.0.0.0:8883:8883"}
    assert "ports" not in services["influxdb"]
    assert "ports" not in services["postgres"]
    assert "ports" not in services["gateway"], "several of them could not share one"


def test_images_are_of_a_version(services: dict[str, Any]) -> None:
    for name, service in services.items():
        if name not in OURS:
            assert re.search(r":\d+\.?\d*", service["image"]), name
    assert {services[name]["image"] for name in OURS} == {"trezor:local"}


def test_no_secret_is_in_the_file(project: Path) -> None:
    text = FILE.read_text(encoding="utf-8")
    for name, value in Settings(project / ".env").all().items():
        if name.endswith(("PASSWORD", "TOKEN", "SECRET", "SHARE")):
            assert value not in text
    literal = [
        (name, key)
        for name, service in yaml.safe_load(text)["services"].items()
        for key, value in service.get("environment", {}).items()
        if re.search("PASSWORD|TOKEN|SECRET|_URL|_STORE|_BROKER|CASEBOOK", key) and "${" not in str(value)
    ]
    assert literal == []


def test_nobody_sees_secrets_that_are_not_its_own(project: Path, services: dict[str, Any]) -> None:
    secrets = {n: v for n, v in Settings(project / ".env").all().items() if n.endswith(("PASSWORD", "TOKEN", "SECRET"))}
    seen = {
        name: {secret for secret, value in secrets.items() if value in str(service)}
        for name, service in services.items()
    }
    assert seen == {
        "mosquitto": {"TREZOR_HEALTH_PASSWORD"},
        "influxdb": {"TREZOR_INFLUX_PASSWORD", "TREZOR_INFLUX_TOKEN"},
        "postgres": {"TREZOR_POSTGRES_PASSWORD"},
        "grafana": {"TREZOR_GRAFANA_PASSWORD"},
        "gateway": {"TREZOR_GATEWAY_PASSWORD", "TREZOR_INFLUX_TOKEN"},
        "monitor": {"TREZOR_INFLUX_TOKEN", "TREZOR_POSTGRES_PASSWORD", "TREZOR_SECRET"},
        "dashboards": {"TREZOR_INFLUX_TOKEN", "TREZOR_GRAFANA_PASSWORD"},
        "lamps": {"TREZOR_OPERATOR_PASSWORD"},
        "tools": {
            "TREZOR_GATEWAY_PASSWORD", "TREZOR_INFLUX_TOKEN", "TREZOR_POSTGRES_PASSWORD", "TREZOR_GRAFANA_PASSWORD",
        },
    }  # fmt: skip


def test_the_authoritys_key_and_lamps_passwords_reach_no_container(services: dict[str, Any]) -> None:
    mounted = {str(v).split(":")[0] for service in services.values() for v in service.get("volumes", ())}
    provisioned = {path.split("/provisioned/")[1] for path in mounted if "/provisioned/" in path}
    assert provisioned == {"broker", "public", "page"}


def test_the_image_holds_what_runs_and_nothing_else() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = set(re.findall(r"[\w.-]+(?= )", " ".join(re.findall(r"^COPY (?!--)(.*)$", dockerfile, re.M)) + " "))
    assert ignored[1] == "*"
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    assert let_in == copied - {"."}
    assert all((ROOT / name).exists() for name in let_in)
    assert re.search(r"^USER (?!0|root)", dockerfile, re.M)
    assert not re.search("ENV.*(PASSWORD|TOKEN|SECRET)|ARG", dockerfile)


def test_git_ignores_what_provisioning_makes() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"provisioned/", ".env", "backups/"} <= set(ignored)
