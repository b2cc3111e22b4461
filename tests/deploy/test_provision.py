"""Provisioning: everything is there, closed to others, and the same after the second time."""

import os
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from deploy.broker_files import hashed, is_hash_of, read_passwords, write_passwords
from deploy.certificates import ends, hosts_of
from deploy.commands import provision
from deploy.files import Settings
from deploy.provision import Credentials, Place, Provisioner, ProvisionError, Step
from monitor.web.accounts import Accounts
from tests.gateway.wire import FLEET_FILE, fleet

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WHOLE = fleet()
FLEET = replace(
    WHOLE,
    communes={name: WHOLE.communes[name] for name in ("fatoma", "sio")},
    lamps={name: lamp for name, lamp in WHOLE.lamps.items() if lamp.commune in ("fatoma", "sio")},
)


def provisioner(root: Path, now: datetime = NOW, steps: list[Step] | None = None) -> Provisioner:
    return Provisioner(root, FLEET, now, (steps if steps is not None else []).append)


def run(root: Path, now: datetime = NOW, rotate: frozenset[str] = frozenset(), **rest: object) -> list[Step]:
    steps: list[Step] = []
    provisioner(root, now, steps).run("./fleet.toml", "./provisioned", rotate=rotate, **rest)  # type: ignore[arg-type]  # world, hosts
    return steps


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "provisioned"
    run(folder, hosts=("lamps.example.org",))
    return folder


def test_a_second_run_changes_nothing(root: Path) -> None:
    before = contents(root)
    steps = run(root, NOW + timedelta(days=1))
    assert contents(root) == before
    assert {step.did for step in steps} == {"kept"}


def test_nobody_else_on_the_machine_gets_in(root: Path) -> None:
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    closed = [root / ".env", root / "contacts.env", Place(root).authority_key, Place(root).accounts]
    for path in (*closed, *(root / "lamps").iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert (root / ".gitignore").read_text() == "*\n", "also where the folder has another name than git ignores"


def test_what_a_container_sees_is_readable_there_and_holds_no_more_than_it_needs(root: Path) -> None:
    """The broker runs under a number of its own, behind the closed door of the folder above."""
    for folder in ("broker", "public"):
        assert stat.S_IMODE((root / folder).stat().st_mode) == 0o755
        for path in (root / folder).iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o644, path
    assert [path.name for path in (root / "public").iterdir()] == ["ca.pem"]
    secrets = [value for name, value in Settings(root / ".env").all().items() if name.endswith(("PASSWORD", "TOKEN"))]
    assert len(secrets) >= 8
    in_broker = b"".join(contents(root / "broker").values()).decode()
    assert not any(secret in in_broker for secret in secrets), "hashes only"


def test_every_secret_is_its_own(root: Path) -> None:
    secrets = [value for name, value in Settings(root / ".env").all().items() if name.endswith(("PASSWORD", "TOKEN"))]
    lamps = [msgspec.json.decode(p.read_bytes(), type=Credentials).password for p in (root / "lamps").iterdir()]
    assert len(lamps) == len(FLEET.lamps)
    assert len({*secrets, *lamps}) == len(secrets) + len(lamps)
    assert min(map(len, (*secrets, *lamps))) >= 32


def test_a_lamps_file_is_all_that_its_controller_needs(root: Path) -> None:
    own = msgspec.json.decode(Place(root).lamp("fatoma-07").read_bytes(), type=Credentials)
    assert (own.host, own.port, own.username) == ("lamps.example.org", 8883, "fatoma-07")
    assert own.topics == "trezor/fatoma/fatoma-07"
    assert own.ca == Place(root).authority.read_text()
    entries = read_passwords((root / "broker" / "lamps.passwords").read_text())
    assert is_hash_of(entries["fatoma-07"], own.password)


def test_another_name_makes_a_new_certificate_of_the_same_authority(root: Path) -> None:
    authority, served = Place(root).authority.read_bytes(), root / "broker" / "server.pem"
    assert hosts_of(served.read_bytes()) == ("lamps.example.org", "localhost", "mosquitto", "127.0.0.1", "::1")
    run(root, hosts=("mqtt.example.org", "192.0.2.7"))
    assert {"mqtt.example.org", "192.0.2.7", "mosquitto"} <= set(hosts_of(served.read_bytes()))
    assert Place(root).authority.read_bytes() == authority
    assert msgspec.json.decode(Place(root).lamp("sio-01").read_bytes(), type=Credentials).host == "mqtt.example.org"


def test_the_certificate_is_made_anew_before_it_ends(root: Path) -> None:
    served = root / "broker" / "server.pem"
    end = ends(served.read_bytes())
    run(root, end - timedelta(days=91))
    assert ends(served.read_bytes()) == end
    run(root, end - timedelta(days=89))
    assert ends(served.read_bytes()) > end + timedelta(days=4 * 365)


def test_the_authoritys_key_may_live_elsewhere_until_it_is_needed(root: Path) -> None:
    Place(root).authority_key.unlink()
    assert {step.did for step in run(root)} == {"kept"}
    provisioner(root).revoke_lamp("sio-01")
    with pytest.raises(ProvisionError, match=r"authority\.key is not here"):
        run(root, hosts=("new.example.org",))


@pytest.mark.parametrize(
    ("what", "changed"),
    [
        ("server", {"broker/server.pem", "broker/server.key"}),
        ("services", {".env", "broker/services.passwords"}),
        ("page", {".env", "page/accounts.toml"}),
    ],
)  # fmt: skip
def test_rotating_changes_what_was_named_and_nothing_else(root: Path, what: str, changed: set[str]) -> None:
    before = contents(root)
    run(root, rotate=frozenset({what}))
    after = contents(root)
    assert {name for name in after if after[name] != before[name]} == changed


def test_rotating_the_lamps_or_the_authority_reaches_every_lamp(root: Path) -> None:
    for what in ("lamps", "authority"):
        before = contents(root / "lamps")
        run(root, rotate=frozenset({what}))
        after = contents(root / "lamps")
        assert all(after[name] != before[name] for name in before), what


def test_what_people_wrote_stays(root: Path) -> None:
    contacts = Settings(root / "contacts.env")
    contacts.put("TREZOR_FATOMA_URL", "ntfys://mairie")
    contacts.put("TREZOR_TECHNICIAN_URL", '"mailto://a:b@c"')
    contacts.save()
    with (root / ".env").open("a") as file:
        file.write("# our own\nOURS=1\nTREZOR_PAGE_AT=192.0.2.7:80\n")
    run(root, world="demo")
    settings = Settings(root / ".env").all()
    assert settings["OURS"] == "1"
    assert "# our own\n" in (root / ".env").read_text()
    assert (settings["TREZOR_WORLD"], settings["TREZOR_CLOCK"]) == ("demo", "event"), "a played world has its own time"
    assert "topic write demo/sio/sio-01/telemetry" in (root / "broker" / "lamps.access").read_text()
    assert Settings(root / "contacts.env").get("TREZOR_FATOMA_URL") == "ntfys://mairie"
    assert Settings(root / "contacts.env").get("TREZOR_TECHNICIAN_URL") == "mailto://a:b@c"


def test_every_address_that_the_fleet_needs_has_its_line(root: Path) -> None:
    names = set(Settings(root / "contacts.env").all())
    assert "TREZOR_TECHNICIAN_URL" in names
    assert len(names) == 1 + len(FLEET.communes)


def test_lamps_come_and_go(root: Path) -> None:
    with pytest.raises(ProvisionError, match="already"):
        provisioner(root).add_lamp("sio-01")
    with pytest.raises(ProvisionError, match="not in the fleet"):
        provisioner(root).add_lamp("sio-99")
    with pytest.raises(ProvisionError, match="no credentials"):
        provisioner(root).revoke_lamp("sio-99")
    before = Place(root).lamp("sio-01").read_bytes()
    provisioner(root).add_lamp("sio-01", renew=True)
    assert Place(root).lamp("sio-01").read_bytes() != before
    provisioner(root).revoke_lamp("sio-01")
    for name in ("lamps.passwords", "lamps.access"):
        assert "sio-01" not in (root / "broker" / name).read_text()
        assert "sio-02" in (root / "broker" / name).read_text()
    assert not Place(root).lamp("sio-01").exists()
    assert [step.what for step in run(root) if step.did == "note"] == ["revoked: sio-01"]
    with pytest.raises(ProvisionError, match="provision` first"):
        provisioner(root / "elsewhere").add_lamp("sio-01")


def test_a_lamp_that_left_the_fleet_may_say_nothing(root: Path) -> None:
    steps: list[Step] = []
    rest = {name: lamp for name, lamp in FLEET.lamps.items() if name != "sio-01"}
    Provisioner(root, replace(FLEET, lamps=rest), NOW, steps.append).run("./fleet.toml", "./provisioned")
    assert "sio-01" not in (root / "broker" / "lamps.access").read_text()
    assert any("sio-01" in step.what for step in steps if step.did == "note")


def test_files_given_to_lamps_may_be_deleted_here(root: Path) -> None:
    Place(root).lamp("sio-01").unlink()
    before = (root / "broker" / "lamps.passwords").read_bytes()
    assert {step.did for step in run(root)} == {"kept"}
    assert (root / "broker" / "lamps.passwords").read_bytes() == before
    assert not Place(root).lamp("sio-01").exists()


def test_the_first_account_opens_the_page(root: Path) -> None:
    password = Settings(root / ".env").get("TREZOR_PAGE_PASSWORD")
    assert password is not None
    account = Accounts(Place(root).accounts).check("operator", password)
    assert account is not None
    assert account.role == "operator"


@pytest.mark.parametrize("host", ["https://lamps.example.org", "lamps:8883", "a b", "", "lampes.örg/", "x@y"])
def test_what_is_no_host_is_refused_before_anything_is_made(tmp_path: Path, host: str) -> None:
    with pytest.raises(ProvisionError, match="expected a name"):
        run(tmp_path / "p", hosts=(host,))
    assert not (tmp_path / "p").exists()


@given(st.text(max_size=40), st.binary(min_size=12, max_size=12))
def test_a_hash_knows_its_password(password: str, salt: bytes) -> None:
    entry = hashed(password, salt)
    assert is_hash_of(entry, password)
    assert not is_hash_of(entry, password + "x")
    assert read_passwords(write_passwords({"a": entry})) == {"a": entry}


@pytest.mark.parametrize("entry", ["", "x", "$7$101$", "$6$salt$hash", "plain", "$7$1$AAAA$BBBB"])
def test_another_hash_is_nobodys(entry: str) -> None:
    assert not is_hash_of(entry, "")


def command(folder: Path, *arguments: str) -> Result:
    """As on the command line, in a folder with a compose file."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        return CliRunner().invoke(provision, ["--fleet", str(FLEET_FILE), *arguments])
    finally:
        os.chdir(here)


def test_the_commands(tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text("")
    made = command(tmp_path, "--host", "lamps.example.org")
    assert made.exit_code == 0, made.output
    assert (tmp_path / ".env").resolve() == tmp_path / "provisioned" / ".env"
    settings = Settings(tmp_path / ".env").all()
    assert settings["TREZOR_PROVISIONED"] == "./provisioned"
    assert (tmp_path / "backups").stat().st_uid == (tmp_path / "provisioned").stat().st_uid, (
        "the container writes to it"
    )
    assert settings["TREZOR_FLEET_FILE"] == str(FLEET_FILE)
    assert not any(value in made.output for name, value in settings.items() if name.endswith("PASSWORD"))
    revoked = command(tmp_path, "lamp", "revoke", "sio-01")
    assert revoked.exit_code == 0
    assert "kill -s HUP mosquitto" in revoked.output
    assert command(tmp_path, "lamp", "add", "sio-01").exit_code == 0
    again = command(tmp_path, "lamp", "add", "sio-01")
    assert again.exit_code == 1
    assert "already" in again.output


def test_an_env_file_of_somebody_else_stays(tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text("")
    (tmp_path / ".env").write_text("THEIRS=1\n")
    made = command(tmp_path)
    assert made.exit_code == 0
    assert "--env-file" in made.output
    assert (tmp_path / ".env").read_text() == "THEIRS=1\n"


def test_a_fleet_with_mistakes_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("title = 3")
    result = CliRunner().invoke(provision, ["--fleet", str(tmp_path / "bad.toml"), "--folder", str(tmp_path / "p")])
    assert result.exit_code == click.UsageError.exit_code
    assert not (tmp_path / "p").exists()
