"""Who looks at the dashboards: a team of technicians that may look, its members, and what they see first."""

import secrets
from collections.abc import Sequence
from typing import Any, Final

from grafana_client.model import PersonalPreferences

from dashboards.catalogue import HOME
from dashboards.desk import Change, Desk
from dashboards.grafana import GrafanaAway

TEAM: Final = "TREZOR techniciens"
TEAM_ADDRESS: Final = "techniciens@trezor.invalid"  # nobody's (RFC 2606): it marks the team as ours
MAY_LOOK: Final = 1  # Grafana's number of the permission View
VIEWER: Final = "Viewer"


def make_team(desk: Desk) -> int | None:
    """The team's id; None in a dry run in which it is not there yet."""
    api, what = desk.grafana.api.teams, f"team {TEAM!r}"
    teams = desk.found(f"look for the {what}", api.get_team_by_name, TEAM) or []
    there = next((team for team in teams if team["name"] == TEAM), None)
    if there is None:
        made = desk.write(f"make the {what}", api.add_team, {"name": TEAM, "email": TEAM_ADDRESS})
        desk.tell(Change("create", what))
        return int(made["teamId"]) if made else None
    if there.get("email") != TEAM_ADDRESS:
        raise GrafanaAway(
            f"{desk.grafana.url}: there is a {what} that was not made here (its address is not {TEAM_ADDRESS}), and it "
            "stays as it is. Rename it in Grafana, then try again."
        )
    desk.tell(Change("same", what))
    return int(there["id"])


def let_team_look(desk: Desk, folder: str, team: int | None) -> None:
    """Adds the team to the folder's permissions; those that are there stay."""
    api, what = desk.grafana.api.folder, f"{TEAM!r} may look into the folder"
    there = desk.found("read the folder's permissions", api.get_folder_permissions, folder) or []
    if team is not None and any(item.get("teamId") == team and item["permission"] >= MAY_LOOK for item in there):
        desk.tell(Change("same", what))
        return
    kept = [_permission(item) for item in there if not item.get("inherited")]
    items = [*filter(None, kept), {"teamId": team, "permission": MAY_LOOK}]
    try:
        desk.write("set the folder's permissions", api.update_folder_permissions, folder, {"items": items})
    except GrafanaAway as error:  # viewers may look into folders anyway, unless somebody has changed that
        desk.tell(Change("refuse", what, str(error)))
    else:
        desk.tell(Change("create", what))


def _permission(item: dict[str, Any]) -> dict[str, Any] | None:
    """An entry as it must be sent, from how it is told; None for one that stands for nobody."""
    for key in ("role", "teamId", "userId"):
        if item.get(key):
            return {key: item[key], "permission": item["permission"]}
    return None


def add_members(desk: Desk, team: int | None, logins: Sequence[str]) -> None:
    """Puts people into the team. Who has no account gets one that may only look, if we may make it."""
    if not logins:
        return
    api = desk.grafana.api
    people = desk.ask("list the people", api.organization.get_current_organization_users)
    members = desk.ask("list the team's members", api.teams.get_team_members, team) if team is not None else []
    inside = {member["userId"] for member in members}
    for login in logins:
        what = f"technician {login!r}"
        person = next((one for one in people if login in (one.get("login"), one.get("email"))), None)
        ident = person["userId"] if person else _make_account(desk, login, what)
        if person is not None and ident in inside:
            desk.tell(Change("same", what))
        elif person is not None or ident is not None or (desk.dry_run and desk.grafana.basic):
            desk.write(f"put {what} into the team", api.teams.add_team_member, team, ident)
            desk.tell(Change("update" if person else "create", what, "is in the team now" if person else ""))
        if person is not None and person.get("role") not in (VIEWER, None):
            desk.tell(Change("note", what, f"has the role {person['role']} in Grafana and may change things there"))


def _make_account(desk: Desk, login: str, what: str) -> int | None:
    if not desk.grafana.basic:
        why = (
            "has no account, and a token may not make one: make it in Grafana (role Viewer), or publish with the "
            "server administrator's user and password in --url"
        )
        desk.tell(Change("refuse", what, why))
        return None
    password = secrets.token_urlsafe(12)
    body = {"name": login, "login": login, "password": password} | ({"email": login} if "@" in login else {})
    made = desk.write(f"make an account for {what}", desk.grafana.api.admin.create_user, body)
    if made is None:
        return None
    desk.tell(Change("note", what, f"first password: {password} (shown only now; to be changed at the first visit)"))
    ident = int(made["id"])
    people = desk.ask("list the people", desk.grafana.api.organization.get_current_organization_users)
    role = next((one.get("role") for one in people if one["userId"] == ident), None)
    # Grafana gives newcomers the role that its settings say (auto_assign_org_role): ours shall only look.
    if role is None:
        newcomer = {"loginOrEmail": login, "role": VIEWER}
        desk.write(f"let {what} in", desk.grafana.api.organization.add_user_current_organization, newcomer)
    elif role != VIEWER:
        call = desk.grafana.api.organization.update_user_current_organization
        desk.write(f"make {what} a viewer", call, ident, {"role": VIEWER})
    return ident


def set_team_home(desk: Desk, team: int | None) -> None:
    api, what = desk.grafana.api.teams, "first dashboard of the technicians"
    there = desk.ask("read the team's preferences", api.get_preferences, team) if team is not None else {}
    if there.get("homeDashboardUID") == HOME:
        desk.tell(Change("same", what))
        return
    # What is not sent is reset: the team's other preferences go along.
    kept = {key: there[key] for key in ("theme", "timezone", "weekStart") if there.get(key)}
    wanted = PersonalPreferences(homeDashboardUID=HOME, **kept)
    desk.write("set the team's first dashboard", api.update_preferences, team, wanted)
    desk.tell(Change("create", what))


def set_org_home(desk: Desk) -> None:
    """Only where the organisation has none: somebody's choice stays."""
    api, what = desk.grafana.api.organization, "first dashboard of everyone"
    there = desk.ask("read the organisation's preferences", api.get_preferences)
    if there.get("homeDashboardUID") == HOME:
        desk.tell(Change("same", what))
    elif there.get("homeDashboardUID") or there.get("homeDashboardId"):
        desk.tell(Change("refuse", what, "another one is chosen already, and stays"))
    else:
        desk.write("set everyone's first dashboard", api.patch_preferences, PersonalPreferences(homeDashboardUID=HOME))
        desk.tell(Change("create", what))
