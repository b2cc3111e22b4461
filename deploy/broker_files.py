"""Mosquitto's password and access files. Two listeners, two sets of files: lamps know nothing of the services' door.

A lamp's rules name its topics in full. A pattern with %u would let it speak under another commune's name.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping
from typing import Final

from gateway.fleet import Lamp
from gateway.options import LIVE

GATEWAY: Final = "gateway"
OPERATOR: Final = "operator"
HEALTH: Final = "health"
SERVICES: Final = (GATEWAY, OPERATOR, HEALTH)
SAYS: Final = ("telemetry", "status", "event")
HEARS: Final = "resend"
# Mosquitto's own default. Stretching protects guessable passwords, and ours have 192 random bits; the broker would pay
# for it 200 times at once whenever the network of all lamps comes back.
ITERATIONS: Final = 101
SALT_BYTES: Final = 12  # the only length that Mosquitto 2.0 reads


def new_password() -> str:
    """192 random bits that need no quoting in an URL, a shell or a file, and that no program takes for an option."""
    return secrets.token_hex(24)


def hashed(password: str, salt: bytes | None = None) -> str:
    """As mosquitto_passwd writes it: $7$ITERATIONS$SALT$HASH, PBKDF2 with SHA-512, base64."""
    chosen = secrets.token_bytes(SALT_BYTES) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), chosen, ITERATIONS)
    return f"$7${ITERATIONS}${base64.b64encode(chosen).decode()}${base64.b64encode(digest).decode()}"


def is_hash_of(entry: str, password: str) -> bool:
    """Whether the entry of a password file was made of this password."""
    parts = entry.split("$")
    return (
        len(parts) == 5
        and parts[:3] == ["", "7", str(ITERATIONS)]
        and hmac.compare_digest(entry, hashed(password, base64.b64decode(parts[3])))
    )


def read_passwords(text: str) -> dict[str, str]:
    """Hashes by user."""
    pairs = (line.partition(":") for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return {user: entry for user, _, entry in pairs}


def write_passwords(entries: Mapping[str, str]) -> str:
    return "".join(f"{user}:{entry}\n" for user, entry in entries.items())


def lamps_access(world: str, lamps: Iterable[Lamp]) -> str:
    """What each lamp may: say its own three kinds of message, hear what is asked of it, and nothing else."""
    rules = ["# Made by `trezor provision`; do not edit."]
    for lamp in lamps:
        own = f"{world}/{lamp.commune}/{lamp.id}"
        rules += ["", f"user {lamp.id}", *(f"topic write {own}/{kind}" for kind in SAYS), f"topic read {own}/{HEARS}"]
    return "\n".join(rules) + "\n"


def services_access() -> str:
    """The gateway hears every world and may ask lamps; operators play lamps in every world but the living one."""
    every = "+/+/+"
    rules = [
        "# Made by `trezor provision`; do not edit.",
        "",
        f"user {GATEWAY}",
        *(f"topic read {every}/{kind}" for kind in SAYS),
        f"topic write {every}/{HEARS}",
        "",
        f"user {OPERATOR}",
        f"topic deny {LIVE}/#",
        *(f"topic readwrite {every}/{kind}" for kind in SAYS),
        f"topic read {every}/{HEARS}",
        "topic read $SYS/#",
        "",
        f"user {HEALTH}",
        "topic read $SYS/broker/uptime",
    ]
    return "\n".join(rules) + "\n"
