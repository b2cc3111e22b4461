"""Publishes to Grafana what is not there or has changed, and touches nothing that is not ours.

Ours is what bears our mark: data sources `jsonData.madeBy`, dashboards the tag, the team its address; the folder is
known by its uid. Where the mark lacks, it refuses; it never overwrites.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from dashboards.catalogue import dashboards
from dashboards.desk import Change, Desk, differences, holds, part
from dashboards.grafana import Grafana, GrafanaAway
from dashboards.people import add_members, let_team_look, make_team, set_org_home, set_team_home
from dashboards.sources import MADE_BY, Influx, data_sources
from dashboards.view import KEPT_WORD, PREFIX, TAG, Language, View
from gateway.fleet import Fleet

FOLDER_UID: Final = PREFIX + "dashboards"
FOLDER_TITLE: Final = "TREZOR"
SAVED_BY: Final = "trezor"  # first word of our messages in a dashboard's history
FINGERPRINT: Final = 12  # hexadecimal digits

Home = Literal["everyone", "team", "none"]


@dataclass(frozen=True)
class Wish:
    """What shall be in Grafana afterwards."""

    influx: Influx
    worlds: tuple[str, ...]
    language: Language = "fr"
    page: str | None = None
    fleet: Fleet | None = None
    technicians: tuple[str, ...] = ()  # logins or addresses
    home: Home = "everyone"
    overwrite: bool = False  # also dashboards of ours that somebody has changed by hand


def publish(grafana: Grafana, wish: Wish, tell: Callable[[Change], None], *, dry_run: bool = False) -> None:
    """Does it, telling each step; a dry run only tells. Raises GrafanaAway at the first thing that fails."""
    desk = Desk(grafana, dry_run, tell)
    known = desk.ask("list the data sources", grafana.api.datasource.list_datasources)
    for source in data_sources(wish.influx, wish.worlds):
        _source(desk, source, known)
    others = [world for world in published_worlds(known) if world not in wish.worlds]
    if others:
        tell(Change("note", f"worlds shown besides: {', '.join(others)}"))
    view = View((*wish.worlds, *others), wish.language, wish.page, wish.fleet, grafana.version)
    _folder(desk)
    for board in dashboards(view):
        _dashboard(desk, board, wish.overwrite)
    team = make_team(desk)
    let_team_look(desk, FOLDER_UID, team)
    add_members(desk, team, wish.technicians)
    if wish.home != "none":
        set_team_home(desk, team)
    if wish.home == "everyone":
        set_org_home(desk)


def published_worlds(known: Sequence[dict[str, Any]]) -> list[str]:
    """Worlds that have data sources of ours already: the dashboards shall go on to show them."""
    ours = [str(one["name"]) for one in known if _is_ours(one)]
    return sorted(name for name in ours if not name.endswith(f" {KEPT_WORD}"))


def _is_ours(source: dict[str, Any]) -> bool:
    return (source.get("jsonData") or {}).get("madeBy") == MADE_BY


def _source(desk: Desk, wanted: dict[str, Any], known: Sequence[dict[str, Any]]) -> None:
    api, what = desk.grafana.api.datasource, f"data source {wanted['name']!r}"
    there = next((one for one in known if one["uid"] == wanted["uid"]), None)
    namesake = next((one for one in known if one["name"] == wanted["name"]), None)
    if (namesake is not None and namesake["uid"] != wanted["uid"]) or (there is not None and not _is_ours(there)):
        raise GrafanaAway(
            f"{desk.grafana.url}: there is a {what} that was not made here (or one with uid {wanted['uid']!r}), and it "
            "stays as it is. Rename or remove it in Grafana, then try again."
        )
    if there is None:
        desk.write(f"make {what}", api.create_datasource, wanted)
        desk.tell(Change("create", what))
        return
    if there.get("readOnly"):
        desk.tell(Change("refuse", what, "it comes from a provisioning file of Grafana; change it there"))
        return
    # Lists of data sources leave out what is secret; which secrets are set is only in the single answer.
    there = desk.ask(f"read {what}", api.get_datasource_by_uid, wanted["uid"])
    visible = {key: value for key, value in wanted.items() if key not in ("secureJsonData", "isDefault")}
    visible["secureJsonFields"] = dict.fromkeys(wanted["secureJsonData"], True)
    same = holds(there, visible)
    # Secrets cannot be read back to be compared: they are sent every time, so that a new token arrives.
    if not same or wanted["secureJsonData"]:
        body = wanted | {"isDefault": bool(there.get("isDefault")), "version": there.get("version")}
        desk.write(f"change {what}", api.update_datasource_by_uid, wanted["uid"], body)
    diff = "" if same else differences(part(there, visible), visible)
    desk.tell(Change("same" if same else "update", what, diff=diff))


def _folder(desk: Desk) -> None:
    api, what = desk.grafana.api.folder, f"folder {FOLDER_TITLE!r}"
    if desk.found(f"read {what}", api.get_folder, FOLDER_UID) is not None:
        desk.tell(Change("same", what))
        return
    desk.write(f"make {what}", api.create_folder, FOLDER_TITLE, FOLDER_UID)
    desk.tell(Change("create", what))


def fingerprint(board: dict[str, Any]) -> str:
    """Of the JSON as we made it; Grafana may keep it in another shape (newer versions migrate what they are given)."""
    text = json.dumps(board, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:FINGERPRINT]


def _dashboard(desk: Desk, wanted: dict[str, Any], overwrite: bool) -> None:
    api, what = desk.grafana.api.dashboard, f"dashboard {wanted['title']!r}"
    message = f"{SAVED_BY} {fingerprint(wanted)}"
    there = desk.found(f"read {what}", api.get_dashboard, wanted["uid"])
    if there is None:
        _save(desk, what, wanted, message, None)
        desk.tell(Change("create", what))
        return
    board, meta = there["dashboard"], there.get("meta", {})
    if TAG not in (board.get("tags") or []):
        raise GrafanaAway(
            f"{desk.grafana.url}: the dashboard {wanted['uid']!r} was not made here (it lacks the tag {TAG!r}), and "
            "stays as it is. Give it another uid or remove it, then try again."
        )
    if meta.get("provisioned"):
        desk.tell(Change("refuse", what, "it comes from a provisioning file of Grafana; change it there"))
        return
    last = _last_message(desk, wanted["uid"], int(board.get("version") or 0))
    if last == message or holds(board, wanted):
        desk.tell(Change("same", what))
        return
    if last is not None and not last.startswith(SAVED_BY) and not overwrite:
        why = "somebody has changed it in Grafana; --overwrite puts ours in its place (theirs stays in its history)"
        desk.tell(Change("refuse", what, why))
        return
    _save(desk, what, wanted, message, int(board.get("version") or 0))
    desk.tell(Change("update", what, diff=differences(part(board, wanted), wanted)))


def _save(desk: Desk, what: str, wanted: dict[str, Any], message: str, version: int | None) -> None:
    # Never with `overwrite`: up to Grafana 10 it would also replace a stranger's dashboard of the same title. The
    # version says which one of ours this replaces.
    board = wanted | ({"version": version} if version is not None else {})
    body = {"dashboard": board, "folderUid": FOLDER_UID, "message": message, "overwrite": False}
    desk.write(f"save {what}", desk.grafana.api.dashboard.update_dashboard, body)


def _last_message(desk: Desk, uid: str, version: int) -> str | None:
    """What was said when the present version was saved; None where Grafana does not tell."""
    call = desk.grafana.api.client.GET
    answer = desk.found("read a dashboard's history", call, f"/dashboards/uid/{uid}/versions?limit=1")
    versions = answer.get("versions") if isinstance(answer, dict) else answer  # a dict since Grafana 11
    newest = next(iter(versions or []), None)
    if newest is None or int(newest.get("version") or 0) != version:
        return None
    return str(newest.get("message") or "")
