"""Makes everything that the service needs and that must never be in version control: one folder, safe to make again.

Doing it twice changes nothing; a secret that is there stays, unless it is asked to rotate. The folder itself is closed
to everybody else on the machine, so what the broker's container must read may be readable inside it.
"""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from deploy.broker_files import (
    SERVICES,
    hashed,
    is_hash_of,
    lamps_access,
    new_password,
    read_passwords,
    services_access,
    write_passwords,
)
from deploy.certificates import Pair, check_host, make_authority, make_server, why_renew
from deploy.files import PRIVATE, SHARED, Settings, make_folder, write
from gateway.fleet import Fleet, Lamp
from gateway.options import LIVE, SHARE
from monitor.web.accounts import OPERATOR, parse_accounts, write_account

ALWAYS: Final = ("localhost", "127.0.0.1", "::1", "mosquitto")  # by these names the service itself reaches the broker
LAMPS_PORT: Final = 8883
CONTAINER_USER: Final = 10001  # of the image, where root provisions
ROTATE: Final = ("authority", "server", "services", "lamps", "page")
NAME: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class ProvisionError(Exception):
    """It cannot be done like this; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was looked at. `did` is made, changed, kept or note."""

    did: str
    what: str


@dataclass(frozen=True)
class Place:
    """What is where in the folder."""

    root: Path

    @property
    def settings(self) -> Path:
        return self.root / ".env"

    @property
    def contacts(self) -> Path:
        return self.root / "contacts.env"

    @property
    def authority_key(self) -> Path:
        """Needed to make a certificate, and for nothing else: better kept elsewhere meanwhile."""
        return self.root / "authority.key"

    @property
    def broker(self) -> Path:
        """Mounted into the broker's container, and only there."""
        return self.root / "broker"

    @property
    def authority(self) -> Path:
        """The authority's certificate, which is no secret."""
        return self.root / "public" / "ca.pem"

    @property
    def accounts(self) -> Path:
        return self.root / "page" / "accounts.toml"

    @property
    def revoked(self) -> Path:
        return self.root / "revoked-lamps"

    def lamp(self, lamp: str) -> Path:
        return self.root / "lamps" / f"{lamp}.json"


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What is written into a lamp's controller: MQTT 5 over TLS 1.2 or newer, trusting `ca` (PEM) and nobody else."""

    host: str
    port: int
    username: str
    password: str
    topics: str  # the lamp's own prefix: …/telemetry, …/status, …/event, …/resend
    ca: str


class Provisioner:
    """`run()` makes the folder what it should be; `add_lamp` and `revoke_lamp` change one lamp."""

    def __init__(
        self, root: Path, fleet: Fleet, now: datetime, tell: Callable[[Step], None], *, for_containers: bool = False
    ) -> None:
        """`for_containers`: what root makes is given to the number that the containers run as."""
        self.place = Place(root)
        self.fleet = fleet
        self._now = now
        self._tell = tell
        self._for_containers = for_containers
        self._settings = Settings(self.place.settings)

    def run(
        self, fleet_file: str, folder: str, *, world: str | None = None, hosts: Sequence[str] = (),
        rotate: frozenset[str] = frozenset(),
    ) -> None:  # fmt: skip
        """`fleet_file` and `folder`: paths as compose shall read them. `world` and `hosts` as before where they are not
        given. Raises ProvisionError.
        """
        named = self._hosts(hosts)
        self._make_folders()
        self._write_settings(world, named, fleet_file, folder, rotate)
        self._write_certificates((*named, *ALWAYS), rotate)
        self._write_services()
        self._write_lamps(rotate)
        self._write_contacts()
        self._write_account("page" in rotate)
        self._give_away()

    def add_lamp(self, lamp: str, renew: bool = False) -> Path:
        """Gives a lamp of the fleet its credentials; returns their file. Raises ProvisionError."""
        self._check_there()
        if lamp not in self.fleet.lamps:
            raise ProvisionError(f"lamp {lamp!r} is not in the fleet file: write it there first, then add it")
        entries = self._lamps_passwords()
        if lamp in entries and not renew:
            raise ProvisionError(f"lamp {lamp} has credentials already; --rotate gives it new ones")
        self._revoked(without=lamp)
        entries[lamp] = self._new_lamp(self.fleet.lamps[lamp])
        self._write_lamps_files(entries)
        self._give_away()
        return self.place.lamp(lamp)

    def revoke_lamp(self, lamp: str) -> None:
        """Takes a lamp's credentials away, for this and every later run. Raises ProvisionError."""
        self._check_there()
        entries = self._lamps_passwords()
        if entries.pop(lamp, None) is None:
            raise ProvisionError(f"lamp {lamp!r} has no credentials here")
        self._revoked(with_=lamp)
        self.place.lamp(lamp).unlink(missing_ok=True)
        self._write_lamps_files(entries)
        self._give_away()

    # --- the steps, in the order in which `run` takes them -------------------------------------------------------

    def _hosts(self, hosts: Sequence[str]) -> tuple[str, ...]:
        try:
            checked = tuple(dict.fromkeys(check_host(host) for host in hosts))
        except ValueError as error:
            raise ProvisionError(str(error)) from None
        return checked or tuple(filter(None, (self._settings.get("TREZOR_HOSTS") or "").split(",")))

    def _make_folders(self) -> None:
        root = self.place.root
        make_folder(root, 0o700)
        for path, mode in (
            (self.place.broker, 0o755), (self.place.authority.parent, 0o755), (root / "lamps", 0o700),
            (self.place.accounts.parent, 0o755),
        ):  # fmt: skip
            make_folder(path, mode)
        if not (root / ".gitignore").exists():
            write(root / ".gitignore", "*\n", SHARED)

    def _write_settings(
        self, world: str | None, hosts: tuple[str, ...], fleet_file: str, folder: str, rotate: frozenset[str]
    ) -> None:
        settings, new = self._settings, not self.place.settings.exists()
        settings.comment("Made by `trezor provision` for docker-compose.yml; add and change lines as you need.")
        chosen = world or settings.get("TREZOR_WORLD") or LIVE
        uid = os.geteuid() or CONTAINER_USER
        put = {
            "TREZOR_WORLD": chosen,
            "TREZOR_HOSTS": ",".join(hosts),
            "TREZOR_FLEET_FILE": fleet_file,
            "TREZOR_PROVISIONED": folder,
            "TREZOR_UID": str(uid),
            "TREZOR_GID": str(os.getegid() if os.geteuid() else CONTAINER_USER),
        }
        if world is not None or new:  # a world that is not the living one is played, and has its own time
            put["TREZOR_CLOCK"] = "live" if chosen == LIVE else "event"
        for name, value in put.items():
            settings.put(name, value)
        self._default("TREZOR_LANGUAGE", "fr")
        settings.comment("Where the machine listens: lamps from anywhere, the rest from this machine only.")
        self._default("TREZOR_LAMPS_AT", f"0.0.0.0:{LAMPS_PORT}")
        self._default("TREZOR_SERVICES_AT", "127.0.0.1:8884")
        self._default("TREZOR_PAGE_AT", "127.0.0.1:8080")
        self._default("TREZOR_GRAFANA_AT", "127.0.0.1:3000")
        self._default("TREZOR_PAGE_URL", "http://127.0.0.1:8080")
        settings.comment("Secrets of the broker: `trezor provision --rotate services` makes new ones.")
        self._default("TREZOR_SHARE", f"{SHARE}-{new_password()}")
        for service in SERVICES:
            self._default(_password_of(service), new_password(), renew="services" in rotate)
        settings.comment("Secrets that live inside the servers too: change them there first, then here.")
        self._default("TREZOR_INFLUX_TOKEN", new_password() + new_password())
        for name in ("INFLUX", "POSTGRES", "GRAFANA"):
            self._default(f"TREZOR_{name}_PASSWORD", new_password())
        self._default("TREZOR_SECRET", new_password())
        if settings.save():
            self._tell(Step("made" if new else "changed", f"{self.place.settings}: world {chosen}, tokens, passwords"))
        else:
            self._tell(Step("kept", str(self.place.settings)))

    def _default(self, name: str, value: str, renew: bool = False) -> None:
        if renew or not self._settings.get(name):
            self._settings.put(name, value)

    def _write_certificates(self, hosts: tuple[str, ...], rotate: frozenset[str]) -> None:
        authority = self._authority("authority" in rotate)
        broker, hosts = self.place.broker, tuple(dict.fromkeys(hosts))
        served, key = broker / "server.pem", broker / "server.key"
        why = "asked to" if "server" in rotate else None
        if not served.exists() or not key.exists():
            why = "there is none"
        why = why or why_renew(served.read_bytes(), authority.certificate, hosts, self._now)
        self._write_if(broker / "ca.pem", authority.certificate.decode(), SHARED)
        if why is None:
            self._tell(Step("kept", f"{served}: for {', '.join(hosts)}"))
            return
        if not authority.key:
            raise ProvisionError(
                f"the broker's certificate must be made anew ({why}), and {self.place.authority_key} is not here: "
                "bring it back from where you keep it"
            )
        pair = make_server(authority, hosts, self._now)
        write(key, pair.key, SHARED)
        write(served, pair.certificate, SHARED)
        self._tell(Step("made", f"{served}: for {', '.join(hosts)} ({why}); restart the broker"))

    def _authority(self, renew: bool) -> Pair:
        place = self.place
        if place.authority.exists() and not renew:
            self._tell(Step("kept", str(place.authority)))
            key = place.authority_key.read_bytes() if place.authority_key.exists() else b""
            return Pair(place.authority.read_bytes(), key)
        pair = make_authority("TREZOR lamps", self._now)
        write(place.authority_key, pair.key, PRIVATE)
        write(place.authority, pair.certificate, SHARED)
        self._tell(Step("made", f"{place.authority}: every lamp and every program needs it to know the broker"))
        return pair

    def _write_services(self) -> None:
        path = self.place.broker / "services.passwords"
        there = read_passwords(path.read_text()) if path.exists() else {}
        entries = {}
        for service in SERVICES:
            password, entry = self._settings.get(_password_of(service)) or "", there.get(service, "")
            entries[service] = entry if is_hash_of(entry, password) else hashed(password)
        self._write_if(path, write_passwords(entries), SHARED)
        self._write_if(self.place.broker / "services.access", services_access(), SHARED)

    def _write_lamps(self, rotate: frozenset[str]) -> None:
        entries, revoked = self._lamps_passwords(), self._revoked()
        made = 0
        for lamp in self.fleet.lamps.values():
            if lamp.id not in revoked and (lamp.id not in entries or "lamps" in rotate):
                entries[lamp.id] = self._new_lamp(lamp)
                made += 1
        for lamp_id in entries:
            if lamp_id in self.fleet.lamps:
                self._refresh(self.fleet.lamps[lamp_id])
        strangers = sorted(set(entries) - set(self.fleet.lamps))
        if strangers:
            shown = ", ".join(strangers[:5]) + (" …" if len(strangers) > 5 else "")
            self._tell(Step("note", f"not in the fleet, and may say nothing: {shown}; trezor provision lamp revoke ID"))
        self._write_lamps_files(entries)
        what = f"{self.place.root / 'lamps'}: credentials of {len(entries)} lamps"
        self._tell(Step("made" if made else "kept", f"{what}, {made} of them new" if made else what))
        if revoked:
            self._tell(Step("note", f"revoked: {', '.join(sorted(revoked))}"))

    def _lamps_passwords(self) -> dict[str, str]:
        path = self.place.broker / "lamps.passwords"
        return read_passwords(path.read_text()) if path.exists() else {}

    def _new_lamp(self, lamp: Lamp) -> str:
        """Writes the lamp's own file; returns its entry for the broker."""
        password = new_password()
        write(self.place.lamp(lamp.id), self._credentials(lamp, password), PRIVATE)
        return hashed(password)

    def _refresh(self, lamp: Lamp) -> None:
        """Where to connect and what to say there may have changed. The file may be gone: that is wise."""
        path = self.place.lamp(lamp.id)
        if path.exists():
            there = msgspec.json.decode(path.read_bytes(), type=Credentials)
            self._write_if(path, self._credentials(lamp, there.password), PRIVATE)

    def _credentials(self, lamp: Lamp, password: str) -> str:
        """What is written into the lamp's controller."""
        hosts = (self._settings.get("TREZOR_HOSTS") or "").split(",")
        credentials = Credentials(
            host=hosts[0] or "localhost",
            port=LAMPS_PORT,
            username=lamp.id,
            password=password,
            topics=f"{self._settings.get('TREZOR_WORLD')}/{lamp.commune}/{lamp.id}",
            ca=self.place.authority.read_text(),
        )
        return msgspec.json.format(msgspec.json.encode(credentials)).decode() + "\n"

    def _write_lamps_files(self, entries: dict[str, str]) -> None:
        ordered = {lamp: entries[lamp] for lamp in sorted(entries)}
        world = self._settings.get("TREZOR_WORLD") or LIVE
        allowed = (self.fleet.lamps[lamp] for lamp in ordered if lamp in self.fleet.lamps)
        self._write_if(self.place.broker / "lamps.passwords", write_passwords(ordered), SHARED)
        self._write_if(self.place.broker / "lamps.access", lamps_access(world, allowed), SHARED)

    def _write_contacts(self) -> None:
        """A line for every `${NAME}` of the fleet's contacts, to be filled in by people."""
        settings, new = Settings(self.place.contacts), not self.place.contacts.exists()
        settings.comment("Addresses of the fleet file's contacts: any Apprise URL, mailto://, ntfys://, tgram:// …")
        everybody = [c for commune in self.fleet.communes for c in self.fleet.contacts(commune)]
        for name in dict.fromkeys(name for contact in everybody for name in NAME.findall(contact.url)):
            if settings.get(name) is None:
                settings.put(name, "")
        changed = settings.save()
        empty = sum(not value for value in settings.all().values())
        what = f"{self.place.contacts}: {empty} addresses still to be filled in" if empty else str(self.place.contacts)
        self._tell(Step("made" if new else "changed" if changed else "kept", what))

    def _write_account(self, renew: bool) -> None:
        path, settings = self.place.accounts, self._settings
        if not renew and path.exists() and parse_accounts(path.read_text(encoding="utf-8")):
            self._tell(Step("kept", str(path)))
            return
        password = new_password()
        write_account(path, OPERATOR, password, OPERATOR)
        settings.comment(f"First account of the page: {OPERATOR}. Nothing reads this line; delete it when you know it.")
        settings.put("TREZOR_PAGE_PASSWORD", password)
        settings.save()
        self._tell(Step("made", f"{path}: {OPERATOR}, password in {self.place.settings}"))

    # --- what several steps need ---------------------------------------------------------------------------------

    def _write_if(self, path: Path, content: str, mode: int) -> None:
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            write(path, content, mode)

    def _revoked(self, with_: str | None = None, without: str | None = None) -> frozenset[str]:
        path = self.place.revoked
        there = frozenset(path.read_text().split()) if path.exists() else frozenset()
        wanted = (there | ({with_} if with_ else set())) - {without}
        if wanted != there:
            write(path, "".join(f"{lamp}\n" for lamp in sorted(wanted)), PRIVATE)
        return wanted

    def _check_there(self) -> None:
        if not self.place.settings.exists():
            raise ProvisionError(f"{self.place.root} is not provisioned yet: run `trezor provision` first")

    def _give_away(self) -> None:
        """Nothing runs as root in a container, so what root makes must be somebody else's."""
        if self._for_containers and os.geteuid() == 0:
            for path in (self.place.root, *self.place.root.rglob("*")):
                os.chown(path, CONTAINER_USER, CONTAINER_USER, follow_symlinks=False)


def link_settings(place: Place, beside: Path) -> Step | None:
    """Compose looks for `.env` beside its file: a link leads from there into the folder. None where it is there.

    Makes the folder for backups too: made by Docker, it would be root's, and closed to the container.
    """
    backups = beside / "backups"
    if not backups.exists():
        make_folder(backups, 0o700)
        if os.geteuid() == 0:
            os.chown(backups, CONTAINER_USER, CONTAINER_USER)
    link = beside / ".env"
    if link.is_symlink() and link.resolve() == place.settings.resolve():
        return None
    if link.exists() or link.is_symlink():
        return Step("note", f"{link} is yours and stays: start with docker compose --env-file {place.settings} …")
    link.symlink_to(os.path.relpath(place.settings, beside))
    return Step("made", f"{link}: leads to {place.settings}")


def _password_of(service: str) -> str:
    return f"TREZOR_{service.upper()}_PASSWORD"
