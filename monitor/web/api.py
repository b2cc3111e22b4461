"""The same figures for machines: JSON under /api/v1, documented in docs/api.md. Times are ISO 8601 UTC."""

from datetime import date, datetime, timedelta
from typing import Any, Final

from flask import Blueprint, Response, abort, jsonify, request

from gateway.fleet import Lamp
from monitor import sentence
from monitor.case import Alert, Case, State
from monitor.fault import WORDS, Kind
from monitor.web import context, dates, view
from monitor.web.context import (
    asked_date,
    find_case,
    find_commune,
    find_lamp,
    fleet,
    language,
    last_night,
    link,
    now,
    only_seen,
    seen_communes,
    seen_lamps,
    viewer,
    whole,
    world,
)
from monitor.web.ledger import LETTERS, NOT_YET, Ledger, read_ledger, service

NIGHTS: Final = 30
LIMIT: Final = 500
MAX_LIMIT: Final = 5000
NIGHT_COLUMNS: Final = (
    "commune", "lamp", "time", "verdict", "lit_minutes", "scheduled_minutes", "completeness", "pv_wh", "battery_in_wh",
    "led_wh", "dusk_v", "dawn_v", "charge_ah", "discharge_ah", "sun", "yield_ratio", "soiling", "capacity", "autonomy",
    "dark_risk",
)  # fmt: skip


def add_api(site: Blueprint) -> None:
    """Registers the addresses on the blueprint of one world."""
    for path, name, answer in (
        ("fleet", "api_fleet", api_fleet),
        ("communes/<ident>", "api_commune", api_commune),
        ("lamps/<ident>", "api_lamp", api_lamp),
        ("cases", "api_cases", api_cases),
        ("cases/<int:ident>", "api_case", api_case),
        ("nights", "api_nights", api_nights),
    ):
        site.add_url_rule(f"/api/v1/{path}", name, answer)


def api_fleet() -> Response:
    lamps = seen_lamps()
    ledger = read_ledger(world().store, lamps, last_night(), _nights())
    cases = only_seen(world().casebook.cases(open_only=True, commune=viewer().commune))
    return jsonify(
        {
            "title": fleet().title,
            "now": iso(now()),
            "last_night": _night(ledger, lamps),
            "service": _service(ledger, lamps),
            "open_cases": _open_cases(cases),
            "communes": [
                {
                    "id": commune.id,
                    "name": commune.name,
                    "latitude": commune.latitude,
                    "longitude": commune.longitude,
                    "last_night": _night(ledger, fleet().by_commune[commune.id]),
                    "open_cases": _open_cases([case for case in cases if case.commune == commune.id]),
                    "url": link("api_commune", ident=commune.id),
                }
                for commune in seen_communes()
            ],
        }
    )


def api_commune(ident: str) -> Response:
    commune = find_commune(ident)
    lamps = fleet().by_commune[commune.id]
    ledger = read_ledger(world().store, lamps, last_night(), _nights())
    cases = world().casebook.cases(open_only=True, commune=commune.id)
    return jsonify(
        {
            "id": commune.id,
            "name": commune.name,
            "latitude": commune.latitude,
            "longitude": commune.longitude,
            "now": iso(now()),
            "contacts": sorted({contact.role for contact in fleet().contacts(commune.id)}),
            "last_night": _night(ledger, lamps),
            "service": _service(ledger, lamps),
            "dates": [day.isoformat() for day in ledger.dates],
            "lamps": [
                {
                    "id": lamp.id,
                    "note": lamp.note,
                    "nights": _verdicts(ledger, lamp),
                    "url": link("api_lamp", ident=lamp.id),
                }
                for lamp in lamps
            ],
            "cases": [case_json(case) for case in cases],
        }
    )


def api_lamp(ident: str) -> Response:
    lamp = find_lamp(ident)
    ledger = read_ledger(world().store, [lamp], last_night(), _nights())
    model = lamp.model
    return jsonify(
        {
            "id": lamp.id,
            "commune": lamp.commune,
            "note": lamp.note,
            "latitude": lamp.latitude,
            "longitude": lamp.longitude,
            "installed": lamp.installed.isoformat() if lamp.installed else None,
            "model": model.name,
            "panel_watts": model.panel.watts,
            "battery_amp_hours": model.battery.amp_hours,
            "luminaire_watts": model.luminaire.watts,
            "now": iso(now()),
            "dates": [day.isoformat() for day in ledger.dates],
            "nights": _verdicts(ledger, lamp),
            "service": _service(ledger, [lamp]),
            "learned": {key: _plain(value) for key, value in context.learned(lamp).items()},
            "cases": [case_json(case) for case in world().casebook.cases(subject=lamp.id)],
            "repairs": [
                {"id": repair.id, "at": iso(repair.at), "what": repair.what, "by": repair.by, "case": repair.case}
                for repair in world().casebook.repairs(lamp.id)
            ],
        }
    )


def api_cases() -> Response:
    """Newest first. `state`, `kind`, `commune`, `lamp` choose; cases explained by another come with `hidden=1`."""
    state = _one_of("state", [state.value for state in State])
    kind = _one_of("kind", [kind.value for kind in Kind])
    commune = request.args.get("commune") or viewer().commune
    if commune and not viewer().sees(commune):
        abort(403)
    if lamp := request.args.get("lamp"):
        find_lamp(lamp)
    cases = world().casebook.cases(
        open_only=state in ("open", "acknowledged"),
        commune=commune,
        subject=lamp or None,
        kind=Kind(kind) if kind else None,
        hidden=request.args.get("hidden") == "1",
        withdrawn=state == "withdrawn",
    )
    chosen = [case for case in only_seen(cases) if state is None or case.state.value == state]
    offset, limit = whole("offset", 0, 0, 10_000_000), whole("limit", LIMIT, 1, MAX_LIMIT)
    return jsonify(
        {
            "total": len(chosen),
            "cases": [case_json(case) for case in chosen[offset : offset + limit]],
            "next": _next("api_cases", offset, limit, len(chosen)),
        }
    )


def api_case(ident: int) -> Response:
    case = find_case(ident)
    book = world().casebook
    return jsonify(
        {
            **case_json(case),
            "figures": [
                {
                    "name": figure.name,
                    "value": figure.value,
                    "unit": figure.unit,
                    "at": iso(figure.at),
                    "peers": figure.peers,
                    "limit": figure.limit,
                }
                for figure in case.figures
            ],
            "alerts": [_alert(alert) for alert in book.alerts(case.id)],
            "timeline": [
                {"at": iso(moment.at), "what": moment.what, "who": moment.who, "text": moment.text}
                for moment in book.timeline(case.id)
            ],
            "trace": case.trace,
        }
    )


def api_nights() -> Response:
    """Rows of the ledger of nights, oldest first, of `since`…`until` (dates of dusk, both included)."""
    until = asked_date("until", last_night())
    since = asked_date("since", until - timedelta(days=NIGHTS - 1))
    if since > until:
        abort(400)
    lamps = [lamp.id for lamp in _chosen_lamps()]
    frame = world().store.read(
        "nights",
        dates.midnight(since),
        dates.midnight(until + timedelta(days=1)),
        lamps=lamps if len(lamps) < len(fleet().lamps) else None,
        columns=list(NIGHT_COLUMNS),
    )
    offset, limit = whole("offset", 0, 0, 100_000_000), whole("limit", LIMIT, 1, MAX_LIMIT)
    rows = [
        {
            "date": row["time"].date().isoformat(),
            **{name: _rounded(value) for name, value in row.items() if name != "time"},
        }
        for row in frame.slice(offset, limit).iter_rows(named=True)
    ]
    return jsonify({"total": frame.height, "nights": rows, "next": _next("api_nights", offset, limit, frame.height)})


def case_json(case: Case) -> dict[str, Any]:
    """A case as machines read it; the evidence is one sentence in the asked language."""
    word = WORDS[case.kind]
    return {
        "id": case.id,
        "commune": case.commune,
        "lamp": case.lamp,
        "kind": case.kind.value,
        "since": iso(case.since),
        "until": iso(case.until),
        "opened_at": iso(case.opened_at),
        "closed_at": iso(case.closed_at),
        "acknowledged_at": iso(case.acknowledged_at),
        "acknowledged_by": case.acknowledged_by,
        "withdrawn_at": iso(case.withdrawn_at),
        "state": case.state.value,
        "urgency": word.urgency,
        "symptom": word.symptom,
        "hidden_by": case.hidden_by.value if case.hidden_by else None,
        "causes": [{"cause": cause.cause, "likelihood": cause.likelihood} for cause in case.causes],
        "estimate": case.estimate,
        "headline": sentence.headline(case, fleet(), now(), language()),
        "evidence": sentence.evidence(case, fleet(), now(), language()),
        "url": link("api_case", ident=case.id),
    }


def _alert(alert: Alert) -> dict[str, Any]:
    """Without its address, which may hold a password."""
    return {
        "id": alert.id,
        "change": alert.change.value,
        "contact": alert.contact,
        "language": alert.language,
        "text": alert.text,
        "owed_at": iso(alert.owed_at),
        "told_at": iso(alert.told_at),
        "attempts": alert.attempts,
        "failed_at": iso(alert.failed_at),
    }


def _night(ledger: Ledger, lamps: Any) -> dict[str, Any]:
    letters = ledger.letters(lamps)
    return {
        "date": ledger.dates[-1].isoformat(),
        "lamps": len(letters) - letters.count(NOT_YET),
        **{verdict: letters.count(letter) for letter, verdict in LETTERS.items()},
    }


def _service(ledger: Ledger, lamps: Any) -> dict[str, Any]:
    figures = service(ledger, lamps)
    return {
        "nights": figures.nights,
        "served": figures.served,
        "unknown": figures.unknown,
        "served_share_low": round(figures.low, 5),
        "served_share_high": round(figures.high, 5),
        "lit_hours": round(figures.lit_minutes / 60, 1),
        "scheduled_hours": round(figures.scheduled_minutes / 60, 1),
        "completeness": round(figures.completeness, 5),
        "longest_dark_nights": figures.longest_dark,
        "longest_dark_lamp": figures.longest_lamp,
    }


def _open_cases(cases: Any) -> dict[str, int]:
    levels = [WORDS[case.kind].urgency for case in cases if view.actionable(case)]
    return {str(level): levels.count(level) for level in (1, 2, 3)}


def _verdicts(ledger: Ledger, lamp: Lamp) -> list[str | None]:
    return [LETTERS.get(letter) for letter in ledger.verdicts[lamp.id]]


def _chosen_lamps() -> list[Lamp]:
    if ident := request.args.get("lamp"):
        return [find_lamp(ident)]
    if commune := request.args.get("commune"):
        return list(fleet().by_commune[find_commune(commune).id])
    return seen_lamps()


def _nights() -> int:
    return whole("nights", NIGHTS, 1, 366)


def _one_of(name: str, choices: list[str]) -> str | None:
    value = request.args.get(name)
    if value and value not in choices:
        abort(400)
    return value or None


def _next(endpoint: str, offset: int, limit: int, total: int) -> str | None:
    if offset + limit >= total:
        return None
    arguments = request.args.to_dict()
    arguments.update(offset=str(offset + limit), limit=str(limit))
    return link(endpoint, **arguments)


def iso(when: datetime | None) -> str | None:
    return when.isoformat().replace("+00:00", "Z") if when else None


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso(value)
    return value.isoformat() if isinstance(value, date) else value


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value
