"""The page as a Flask application: wiring, in the order in which a request passes through."""

import base64
import gzip
import hashlib
import logging
import secrets
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from flask import Blueprint, Flask, Response, abort, g, jsonify, render_template, request
from markupsafe import Markup
from werkzeug.exceptions import HTTPException, SecurityError
from werkzeug.wrappers import Response as AnyResponse

from gateway.fleet import Fleet
from gateway.options import LIVE
from gateway.store import StoreAway
from monitor import sentence, speech
from monitor.web import context, view
from monitor.web.access import Door, csrf_token, make_access, require_viewer
from monitor.web.accounts import Accounts
from monitor.web.api import add_api
from monitor.web.pages import add_pages
from monitor.web.strip import patterns, square
from monitor.web.vitals import add_vitals
from monitor.web.words import PHRASES, say
from monitor.web.world import NoSuchWorld, World

STYLE: Final = Path(__file__).parent / "templates" / "style.css"
SMALLEST_TO_PRESS: Final = 1000  # bytes; smaller ones gain nothing from gzip
MAX_FORM: Final = 16 * 1024  # bytes
PLAIN: Final = {"Content-Type": "text/plain; charset=utf-8"}
LOCAL_HOSTS: Final = ("localhost", "127.0.0.1", "[::1]")

log = logging.getLogger(__name__)


def create_app(
    world: World | Callable[[str], World],
    fleet: Fleet,
    clock: Callable[[], datetime],
    accounts: Accounts | None = None,
    counters: Callable[[], Mapping[str, float]] | None = None,
    language: str = "fr",
    *,
    live: str = LIVE,
    https: bool = False,
    secret: str | None = None,
) -> Flask:
    """The pages of one world, or of all that `world` opens by name: `live` at `/`, the others at `/w/NAME/`.

    `clock` is UTC and is used where a world has none of its own. `counters` are the gateway's, for /metrics and
    /health. Without `accounts` everybody may do everything, so serve it on this machine only (`accounts.check_bind`).
    `https`: the page is behind TLS, and its cookies say so. `secret` signs the sessions; without one they end with the
    process.
    """
    app = Flask(__name__)
    app.config.update(
        SECRET_KEY=secret or secrets.token_hex(32),
        SESSION_COOKIE_NAME="trezor",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SECURE=https,
        PERMANENT_SESSION_LIFETIME=timedelta(days=30),
        MAX_CONTENT_LENGTH=MAX_FORM,
    )
    if accounts is None:  # only this machine may ask, and no foreign page by a name that it makes point here
        app.config["TRUSTED_HOSTS"] = list(LOCAL_HOSTS)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it
    door = Door(accounts)
    css = _pressed(STYLE.read_text(encoding="utf-8"))
    worlds = _opener(world, live)

    @app.before_request
    def speak() -> None:
        g.lang = context.choose_language(request, language)

    site = Blueprint("site", __name__)
    add_pages(site)
    add_api(site)
    add_vitals(site, counters)
    _guard(site, door, worlds, fleet, clock, live)
    app.register_blueprint(site, name="live")
    app.register_blueprint(site, name="world", url_prefix="/w/<world>")
    app.register_blueprint(make_access(door))
    app.add_url_rule("/favicon.ico", "favicon", lambda: Response(status=204))

    @app.url_defaults
    def same_world(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint.startswith("world.") and "world_name" in g:
            values.setdefault("world", g.world_name)

    @app.context_processor
    def words() -> dict[str, Any]:
        return {
            "t": context.t,
            "link": context.link,
            "lang": context.language(),
            "viewer": g.get("viewer"),
            "now": g.get("now"),
            "moment": lambda when: speech.moment(when, g.now, context.language()),
            "home": context.link("fleet"),
            "replay": g.get("site") == "world",
            "world_name": g.get("world_name", ""),
            "other_language": context.other_language(),
            "csrf": csrf_token,
            "css": Markup(css),
            "patterns": patterns(),
            "square": square,
            "whole": view.whole,
            "urgency_word": lambda level: sentence.URGENCY[context.language()][level],
        }

    _answer_errors(app)
    _finish(app, css, https)
    return app


def _opener(world: World | Callable[[str], World], live: str) -> Callable[[str], World]:
    if callable(world):
        return world
    only = world

    def open_only(name: str) -> World:
        if name not in (live, only.name):
            raise NoSuchWorld(name)
        return only

    return open_only


def _guard(
    site: Blueprint,
    door: Door,
    worlds: Callable[[str], World],
    fleet: Fleet,
    clock: Callable[[], datetime],
    live: str,
) -> None:
    """Before a page: whose eyes, which world, what time."""

    @site.url_value_preprocessor
    def take_world(endpoint: str | None, values: dict[str, Any] | None) -> None:
        name = values.pop("world", None) if values else None
        g.site = "world" if name is not None else "live"
        g.world_name = live if name is None else name

    @site.before_request
    def admit() -> AnyResponse | None:
        endpoint = (request.endpoint or "").rpartition(".")[2]
        machine = endpoint.startswith("api_") or endpoint == "metrics"
        if endpoint != "health":
            refused = require_viewer(door, machine)
            if refused is not None:
                return refused
            # A replay shows faults that are not there: for those who train with it, not for a commune.
            if g.site == "world" and context.viewer().commune:
                abort(403)
        try:
            g.world = worlds(g.world_name)
        except (NoSuchWorld, KeyError):
            g.site = "live"  # its links must lead somewhere
            abort(404)
        g.fleet = g.world.fleet or fleet
        g.now = (g.world.clock or clock)().astimezone(UTC)
        return None


def _answer_errors(app: Flask) -> None:
    """What went wrong, in plain words; to machines the same as JSON."""

    def answer(code: int) -> Response:
        title = f"error.{code}" if f"error.{code}" in PHRASES else "error.400"
        why = f"error.{code}_why" if f"error.{code}_why" in PHRASES else "error.400_why"
        if "/api/" in request.path:
            response = jsonify({"error": say("en", title), "why": say("en", why)})
        else:
            response = Response(render_template("error.html", title=context.t(title), why=context.t(why)))
        response.status_code = code
        return response

    @app.errorhandler(HTTPException)
    def refused(error: HTTPException) -> AnyResponse | HTTPException:
        if error.code is None or error.code < 400:
            return error  # a redirect of the router, as it is
        response = answer(error.code)
        if error.code == 405:
            response.headers["Allow"] = ", ".join(getattr(error, "valid_methods", None) or ["GET"])
        return response

    @app.errorhandler(SecurityError)
    def foreign_name(error: SecurityError) -> tuple[str, int, dict[str, str]]:
        return "Without accounts this page is for this machine only: open it at http://127.0.0.1", 400, PLAIN

    @app.errorhandler(StoreAway)
    def store_away(error: StoreAway) -> AnyResponse:
        log.warning("store: %s", error)
        return answer(503)

    @app.errorhandler(Exception)
    def broken(error: Exception) -> AnyResponse:
        log.exception("%s %s", request.method, request.path)
        return answer(500)


def _finish(app: Flask, css: str, https: bool) -> None:
    """After a page: what browsers may do with it, one tag per content, and gzip for slow networks."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )

    @app.after_request
    def finish(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cache-Control"] = "private, no-cache"
        response.headers["Vary"] = "Accept-Encoding, Accept-Language, Cookie"
        if https:
            response.headers["Strict-Transport-Security"] = "max-age=31536000"
        if request.args.get("lang") in ("fr", "en"):
            response.set_cookie(
                context.LANGUAGE_COOKIE, request.args["lang"], max_age=31_536_000, samesite="Lax", secure=https
            )
        if request.method == "GET" and response.status_code == 200 and not response.direct_passthrough:
            response.add_etag(weak=True)
            response.make_conditional(request)
        if (
            response.status_code == 200
            and request.accept_encodings.quality("gzip") > 0
            and response.mimetype in ("text/html", "application/json", "text/plain")
            and len(body := response.get_data()) >= SMALLEST_TO_PRESS
        ):
            response.set_data(gzip.compress(body, 6, mtime=0))
            response.headers["Content-Encoding"] = "gzip"
        return response


def _pressed(css: str) -> str:
    """Without line ends: the style goes out with every page."""
    return "".join(line.strip() for line in css.splitlines())
