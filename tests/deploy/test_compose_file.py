"""The compose file itself: Compose accepts it, and every service is as closed as it can be."""

import re
import shutil
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from deploy.files import Settings
from deploy.provision import Provisioner, link_settings
from tests.deploy.compose import FILE, PROFILES, ROOT, compose, configured
from tests.gateway.wire import FLEET_FILE, fleet
from trezor import cli

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


@pytest.mark.parametrize("name", OURS)
def test_every_setting_is_one_that_its_command_reads(project: Path, services: dict[str, Any], name: str) -> None:
    """A variable that nobody reads is a setting that somebody believes in."""
    found: click.Command | None = cli
    for word in services[name]["command"]:
        found = found.get_command(click.Context(found), word) if isinstance(found, click.Group) else found
    assert found is not None
    read = {parameter.envvar for parameter in found.params}
    read |= {"monitor": {"TREZOR_SECRET"}, "tools": {"TREZOR_CASEBOOK", "TREZOR_ACCOUNTS"}}.get(name, set())
    contacts = Settings(project / "provisioned" / "contacts.env").all()  # read where an alert is sent
    given = {variable for variable in services[name]["environment"] if variable.startswith("TREZOR_")}
    assert given - set(contacts) - read == set()


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


def test_the_command_starts_from_what_the_image_holds(tmp_path: Path) -> None:
    """What the build stage copies is put aside here: a module that it forgets would only be missed in a container."""
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    for *sources, target in (line.split() for line in re.findall(r"^COPY (?!--)(.*)$", dockerfile, re.M)):
        for name in sources:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, tmp_path / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(ROOT / name, tmp_path / target)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    ours = {*settings["py-modules"], *(name.rstrip("*") for name in settings["packages"]["find"]["include"])}
    ask = (
        "import click, sys, trezor; cli = trezor.cli; "
        "[cli.get_command(click.Context(cli), name) for name in trezor.LATER]; "
        "print(*(m.__file__ for n, m in sys.modules.items() "
        f"if n.partition('.')[0] in {ours} and m.__file__), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", ask], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.split()
    assert [path for path in loaded if not path.startswith(str(tmp_path))] == [], "not copied by the Dockerfile"
    assert {Path(path).relative_to(tmp_path).parts[0].removesuffix(".py") for path in loaded} == ours


def test_every_file_that_is_no_module_goes_into_the_image_with_its_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    patterns = settings["package-data"]["*"]
    packages = [name.rstrip("*") for name in settings["packages"]["find"]["include"]]
    files = [path for name in packages for path in (ROOT / name).rglob("*") if path.is_file()]
    left = {path for path in files if path.suffix not in (".py", ".pyc") and not any(map(path.match, patterns))}
    # What a machine without Docker copies from the clone by hand.
    assert {path.parent for path in left} == {ROOT / "deploy" / "systemd"}


def test_git_ignores_what_provisioning_makes() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"provisioned/", ".env", "backups/"} <= set(ignored)
