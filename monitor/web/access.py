"""Who is looking: sessions, Basic for machines, forms that cannot be forged, and a brake on guessing."""

import base64
import binascii
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, g, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from monitor.web.accounts import LOCAL, Account, Accounts, Viewer

TRIES: Final = 10
TRIES_WINDOW_S: Final = 300.0
REMEMBERED: Final = 1000  # names or headers kept in memory at most


class Brake:
    """At most TRIES wrong passwords per name and address in TRIES_WINDOW_S seconds. Times are `clock`'s, seconds."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._wrong: OrderedDict[tuple[str, str], list[float]] = OrderedDict()

    def holds(self, name: str, address: str) -> bool:
        return len(self._recent((name, address))) >= TRIES

    def wrong(self, name: str, address: str) -> None:
        key = (name, address)
        self._wrong[key] = [*self._recent(key), self._clock()]
        self._wrong.move_to_end(key)
        while len(self._wrong) > REMEMBERED:
            self._wrong.popitem(last=False)

    def _recent(self, key: tuple[str, str]) -> list[float]:
        return [at for at in self._wrong.get(key, []) if self._clock() - at < TRIES_WINDOW_S]


class Door:
    """Finds the viewer of a request. Without accounts everybody is the operator: only this machine can ask then."""

    def __init__(self, accounts: Accounts | None) -> None:
        self.accounts = accounts
        self.brake = Brake()
        # Right Basic headers, by digest: machines send one with every request, and scrypt is slow on purpose.
        self._known: OrderedDict[bytes, tuple[str, str]] = OrderedDict()

    def viewer(self) -> Viewer | None:
        if self.accounts is None:
            return LOCAL
        name = session.get("account")
        if isinstance(name, str):
            account = self.accounts.get(name)
            if account and hmac.compare_digest(account.stamp, str(session.get("stamp"))):
                return account.viewer
        header = request.headers.get("Authorization", "")
        return self._basic(header) if header.startswith("Basic ") else None

    def _basic(self, header: str) -> Viewer | None:
        assert self.accounts is not None
        digest = sha256(header.encode()).digest()
        if digest in self._known:
            name, stamp = self._known[digest]
            account = self.accounts.get(name)
            return account.viewer if account and account.stamp == stamp else None
        try:
            name, _, password = base64.b64decode(header[6:], validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        found = self.enter(name, password)
        if found is None:
            return None
        self._known[digest] = (found.name, found.stamp)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return found.viewer

    def enter(self, name: str, password: str) -> Account | None:
        """The account, if the password is right and not too many wrong ones came before."""
        assert self.accounts is not None
        address = request.remote_addr or ""
        if self.brake.holds(name, address):
            abort(429)
        account = self.accounts.check(name, password)
        if account is None:
            self.brake.wrong(name, address)
        return account


def csrf_token() -> str:
    """A fresh token of this session: never twice the same text, so that compression gives nothing away."""
    seed = session.get("csrf")
    if not isinstance(seed, str):
        seed = session["csrf"] = secrets.token_urlsafe(16)
    nonce = secrets.token_urlsafe(8)
    return f"{nonce}.{_sign(seed, nonce)}"


def check_csrf() -> None:
    """Ends a POST (400) whose form was not made by this site for this session."""
    nonce, _, signed = request.form.get("csrf", "").partition(".")
    seed = session.get("csrf")
    if not isinstance(seed, str) or not hmac.compare_digest(_sign(seed, nonce), signed):
        abort(400)


def _sign(seed: str, nonce: str) -> str:
    return hmac.new(seed.encode(), nonce.encode(), sha256).hexdigest()[:32]


def make_access(door: Door) -> Blueprint:
    """The pages to come in and to leave."""
    access = Blueprint("access", __name__)

    @access.get("/login")
    def login() -> str:
        return render_template("login.html", next=local_path(request.args.get("next", "")), wrong=False)

    @access.post("/login")
    def enter() -> AnyResponse | tuple[str, int]:
        check_csrf()
        onward = local_path(request.form.get("next", ""))
        if door.accounts is None:
            return redirect(onward, 303)
        account = door.enter(request.form.get("name", ""), request.form.get("password", ""))
        if account is None:
            return render_template("login.html", next=onward, wrong=True), 403
        session.clear()
        session.update(account=account.name, stamp=account.stamp)
        session.permanent = True
        return redirect(onward, 303)

    @access.post("/logout")
    def logout() -> AnyResponse:
        check_csrf()
        session.clear()
        return redirect(url_for("access.login"), 303)

    return access


def require_viewer(door: Door, machine: bool) -> AnyResponse | None:
    """Sets `g.viewer`, or answers: machines are asked for a password, people are led to the form."""
    g.viewer = door.viewer()
    if g.viewer is not None:
        return None
    if machine:
        return Response(
            '{"error": "an account is needed"}',
            401,
            {"WWW-Authenticate": 'Basic realm="trezor"'},
            mimetype="application/json",
        )
    onward = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("access.login", next=onward), 303)


def local_path(target: str) -> str:
    """`target` if it is a path of this site, else the first page: a login link must not lead elsewhere."""
    parts = urlsplit(target.replace("\\", "/"))
    if not target.startswith("/") or target.startswith("//") or parts.scheme or parts.netloc:
        return "/"
    return target if target.isprintable() else "/"
