"""Who may look and who may act: a file of accounts with hashed passwords, each with one role."""

import hashlib
import ipaddress
import secrets
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from werkzeug.security import check_password_hash, generate_password_hash

from gateway.topic import PART
from gateway.trouble import Trouble

TECHNICIAN: Final = "technician"
OPERATOR: Final = "operator"
COMMUNE: Final = "commune"
MIN_PASSWORD: Final = 8


class AccountsError(Trouble):
    """The accounts file has a mistake: its key, what was found and what was expected."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who looks at pages. `commune` is set for a commune's account, which sees that commune and no other."""

    name: str
    role: str  # technician, operator or commune
    commune: str | None = None

    def sees(self, commune: str) -> bool:
        return self.commune is None or self.commune == commune

    @property
    def acknowledges(self) -> bool:
        """Taking a case on is a promise to go there: technicians and operators make it."""
        return self.role in (TECHNICIAN, OPERATOR)


# Without accounts only this machine may look, and whoever sits at it may do everything.
LOCAL: Final = Viewer("", OPERATOR)


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    password: str  # a werkzeug hash
    role: str  # technician, operator or commune:ID

    @property
    def viewer(self) -> Viewer:
        role, _, commune = self.role.partition(":")
        return Viewer(self.name, role, commune or None)

    @property
    def stamp(self) -> str:
        """Changes with the password, so that a new password ends the old sessions."""
        return hashlib.sha256(self.password.encode()).hexdigest()[:16]


class Accounts:
    """The accounts of one file (`[account.NAME]` with `password` and `role`), read again when the file changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        # A password nobody has, so that an unknown name costs as much time as a wrong password.
        self._nobody = generate_password_hash(secrets.token_hex())
        self._accounts: Mapping[str, Account] = {}
        self._refresh()

    def _refresh(self) -> None:
        try:
            stat = self._path.stat()
            if (stat.st_mtime_ns, stat.st_size) == self._seen:
                return
            text = self._path.read_text(encoding="utf-8")
        except OSError as error:
            raise AccountsError(f"{self._path} cannot be read: {error.strerror or error}") from None
        self._accounts = parse_accounts(text)
        self._seen = (stat.st_mtime_ns, stat.st_size)

    def get(self, name: str) -> Account | None:
        self._refresh()
        return self._accounts.get(name)

    def check(self, name: str, password: str) -> Account | None:
        """The account, if the password is right. Takes the same time whether or not the name exists."""
        account = self.get(name)
        right = check_password_hash(account.password if account else self._nobody, password)
        return account if right else None


def parse_accounts(text: str) -> dict[str, Account]:
    """The accounts of a TOML text. Raises AccountsError at the first mistake."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise AccountsError(f"accounts: not valid TOML: {error}") from None
    tables = data.get("account", {})
    if not isinstance(tables, dict) or set(data) - {"account"}:
        raise AccountsError("accounts: expected tables [account.NAME] and nothing else")
    accounts = {}
    for name, table in tables.items():
        where = f"account {name!r}"
        check_name(name)
        if not isinstance(table, dict) or set(table) - {"password", "role"}:
            raise AccountsError(f"{where}: expected the keys password and role")
        password = table.get("password")
        if not isinstance(password, str) or not password.startswith(("scrypt:", "pbkdf2:")):
            raise AccountsError(f"{where}.password: expected a hash made by `trezor account add`, not a plain password")
        accounts[name] = Account(name, password, check_role(table.get("role"), where))
    return accounts


def check_name(name: str) -> str:
    if not PART.fullmatch(name):
        raise AccountsError(f"account {name!r}: a name is 1 to 32 of a-z, 0-9 and '-'")
    return name


def check_role(role: object, where: str = "role") -> str:
    expected = "technician, operator or commune:ID"
    if not isinstance(role, str):
        raise AccountsError(f"{where}.role: found {role!r}, expected {expected}")
    kind, _, commune = role.partition(":")
    if role in (TECHNICIAN, OPERATOR) or (kind == COMMUNE and PART.fullmatch(commune)):
        return role
    raise AccountsError(f"{where}.role: found {role!r}, expected {expected}")


def hash_password(password: str) -> str:
    """The hash to keep (scrypt, salted). Raises AccountsError for a password that is too short."""
    if len(password) < MIN_PASSWORD:
        raise AccountsError(f"password: {len(password)} characters, expected at least {MIN_PASSWORD}")
    return generate_password_hash(password)


def write_account(path: Path, name: str, password: str, role: str) -> None:
    """Adds an account to the file, or replaces the one of that name; the file is readable by its owner only."""
    check_name(name)
    account = Account(name, hash_password(password), check_role(role))
    accounts = parse_accounts(path.read_text(encoding="utf-8")) if path.exists() else {}
    accounts[name] = account
    _write(path, accounts)


def remove_account(path: Path, name: str) -> bool:
    """Whether there was one. Its sessions end at their next page."""
    accounts = parse_accounts(path.read_text(encoding="utf-8"))
    gone = accounts.pop(name, None)
    if gone:
        _write(path, accounts)
    return gone is not None


def _write(path: Path, accounts: Mapping[str, Account]) -> None:
    # Hashes and checked names hold no quote or backslash, so the TOML needs no escaping.
    text = "# Who may open the page. Made by `trezor account add`; passwords are hashed.\n" + "".join(
        f'\n[account.{a.name}]\npassword = "{a.password}"\nrole = "{a.role}"\n' for a in accounts.values()
    )
    fresh = path.with_name(path.name + ".new")
    fresh.touch(mode=0o600)
    fresh.write_text(text, encoding="utf-8")
    fresh.replace(path)


def check_bind(host: str, accounts: Accounts | None) -> None:
    """Raises AccountsError when pages without accounts would be open to others than this machine."""
    if accounts is not None or host == "localhost":
        return
    try:
        alone = ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        alone = False
    if not alone:
        raise AccountsError(
            f"the page would be open to everybody at {host or 'every address'}: without accounts it may only listen on "
            "127.0.0.1. Add an account first (trezor account add NAME --role technician) and name the file with "
            "--accounts, or leave the address at 127.0.0.1"
        )
