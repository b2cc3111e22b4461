"""A strict stand-in of Grafana's HTTP API, from its public documentation (HTTP API reference, 9.3 to 12).

It knows the calls that publishing makes and no other: an unknown path is 404, a known path with another method 405, a
missing field 400, no or a wrong credential 401, too small a role 403, in the words that Grafana uses. What is written
can be read back, versions count up, and a foreign object is as protected as there.
"""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN: Final = "glsa_right"
VIEWER_TOKEN: Final = "glsa_viewer"
ADMIN: Final = ("admin", "secret")
MAX_UID: Final = 40

Answer = tuple[int, Any]


@dataclass
class FakeGrafana:
    version: str = "10.4.2"
    hide_version: bool = False
    url: str = ""
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    permissions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    boards: dict[str, dict[str, Any]] = field(default_factory=dict)
    history: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    teams: dict[int, dict[str, Any]] = field(default_factory=dict)
    members: dict[int, list[int]] = field(default_factory=dict)
    team_preferences: dict[int, dict[str, Any]] = field(default_factory=dict)
    preferences: dict[str, Any] = field(default_factory=lambda: {"theme": "", "homeDashboardId": 0, "timezone": ""})
    users: dict[int, dict[str, Any]] = field(
        default_factory=lambda: {1: {"login": "admin", "email": "", "role": "Admin"}}
    )
    store_away: str = ""  # why Grafana cannot ask InfluxDB
    newcomers: str = "Viewer"  # auto_assign_org_role; '' where auto_assign_org is off
    calls: list[tuple[str, str]] = field(default_factory=list)

    @property
    def writes(self) -> list[tuple[str, str]]:
        return [call for call in self.calls if call[0] != "GET"]

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        parts = urlsplit(target)
        path = unquote(parts.path)
        if re.search(r"[^\x21-\x7e]", target):
            return 400, {"message": "bad request target"}
        self.calls.append((method, path))
        if path == "/api/health":
            version = {} if self.hide_version else {"version": self.version, "commit": "abc"}
            return (200, {"database": "ok"} | version) if method == "GET" else (405, {"message": "Method Not Allowed"})
        role = self.role(headers.get("authorization", ""))
        if role is None:
            return 401, {"message": "Invalid API key"} if "authorization" in headers else {"message": "Unauthorized"}
        sent: Any = None
        if method in ("POST", "PUT", "PATCH"):
            if headers.get("content-type", "").split(";")[0] != "application/json":
                return 415, {"message": "Unsupported Media Type"}
            try:
                sent = json.loads(body)
            except ValueError:
                return 400, {"message": "bad request data"}
        known = False
        for pattern, verb, least, call in self.routes():
            found = re.fullmatch(pattern, path)
            if not found:
                continue
            known = True
            if verb != method:
                continue
            if least == "Server" and role != "Server":
                return 403, {"message": "You'll need additional permissions to perform this action."}
            if least == "Admin" and role == "Viewer":
                return 403, {
                    "message": "You'll need additional permissions to perform this action. Permissions needed: x"
                }
            arguments = list(found.groups())
            if sent is not None:
                arguments.append(sent)
            if parts.query:
                arguments.append({key: values[0] for key, values in parse_qs(parts.query).items()})
            return call(*arguments)
        return (405, {"message": "Method Not Allowed"}) if known else (404, {"message": "Not found"})

    def role(self, authorization: str) -> str | None:
        basic = "Basic " + b64encode(":".join(ADMIN).encode()).decode()
        return {f"Bearer {TOKEN}": "Admin", f"Bearer {VIEWER_TOKEN}": "Viewer", basic: "Server"}.get(authorization)

    def routes(self) -> Iterator[tuple[str, str, str, Callable[..., Answer]]]:
        yield r"/api/org", "GET", "Viewer", lambda: (200, {"id": 1, "name": "Main Org."})
        yield r"/api/frontend/settings", "GET", "Viewer", lambda: (200, {"buildInfo": {"version": self.version}})
        yield r"/api/datasources", "GET", "Admin", lambda: (200, [self.told(s) for s in self.sources.values()])
        yield r"/api/datasources", "POST", "Admin", self.add_source
        yield r"/api/datasources/uid/([^/]+)", "GET", "Admin", self.get_source
        yield r"/api/datasources/uid/([^/]+)", "PUT", "Admin", self.put_source
        yield r"/api/datasources/uid/([^/]+)/health", "GET", "Viewer", self.try_source
        yield r"/api/folders", "POST", "Admin", self.add_folder
        yield r"/api/folders/([^/]+)", "GET", "Viewer", self.get_folder
        yield r"/api/folders/([^/]+)/permissions", "GET", "Admin", self.get_permissions
        yield r"/api/folders/([^/]+)/permissions", "POST", "Admin", self.put_permissions
        yield r"/api/dashboards/db", "POST", "Admin", self.save_board
        yield r"/api/dashboards/uid/([^/]+)", "GET", "Viewer", self.get_board
        yield r"/api/dashboards/uid/([^/]+)/versions", "GET", "Admin", self.get_versions
        yield r"/api/teams/search", "GET", "Admin", self.search_teams
        yield r"/api/teams", "POST", "Admin", self.add_team
        yield r"/api/teams/(\d+)/members", "GET", "Admin", self.get_members
        yield r"/api/teams/(\d+)/members", "POST", "Admin", self.add_member
        yield r"/api/teams/(\d+)/preferences", "GET", "Admin", self.get_team_preferences
        yield r"/api/teams/(\d+)/preferences", "PUT", "Admin", self.put_team_preferences
        yield r"/api/org/preferences", "GET", "Admin", lambda: (200, self.preferences)
        yield r"/api/org/preferences", "PATCH", "Admin", self.patch_preferences
        yield (
            r"/api/org/users",
            "GET",
            "Admin",
            lambda: (200, [self.person(i) for i, one in self.users.items() if one["role"]]),
        )
        yield r"/api/org/users", "POST", "Admin", self.let_in
        yield r"/api/org/users/(\d+)", "PATCH", "Admin", self.patch_user
        yield r"/api/admin/users", "POST", "Server", self.add_user

    # data sources

    def told(self, source: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in source.items() if key not in ("secureJsonFields", "version")}

    def add_source(self, sent: dict[str, Any]) -> Answer:
        for key in ("name", "type", "access"):
            if not sent.get(key):
                return 400, {"message": "bad request data"}
        if len(sent.get("uid", "")) > MAX_UID:
            return 400, {"message": "uid too long, max 40 characters"}
        if any(sent["name"] == one["name"] for one in self.sources.values()) or sent["uid"] in self.sources:
            return 409, {"message": "data source with the same name already exists"}
        self.keep_source(sent, 1)
        kept = self.sources[sent["uid"]]
        return 200, {"datasource": kept, "id": kept["id"], "message": "Datasource added", "name": sent["name"]}

    def keep_source(self, sent: dict[str, Any], version: int) -> None:
        secrets = self.secrets.setdefault(sent["uid"], {})
        secrets.update(sent.get("secureJsonData") or {})
        # Grafana adds defaults of its own to what it was given.
        defaults = {"id": len(self.sources) + 1, "orgId": 1, "typeLogoUrl": "", "readOnly": False}
        kept = {key: value for key, value in sent.items() if key != "secureJsonData"}
        fields = {"secureJsonFields": dict.fromkeys(secrets, True), "version": version}
        self.sources[sent["uid"]] = defaults | kept | fields

    def get_source(self, uid: str) -> Answer:
        return (200, self.sources[uid]) if uid in self.sources else (404, {"message": "Data source not found"})

    def try_source(self, uid: str) -> Answer:
        if uid not in self.sources:
            return 404, {"message": "Data source not found"}
        if self.store_away:
            return 400, {"message": f"error performing influxQL query {self.store_away}", "status": "ERROR"}
        return 200, {"message": "datasource is working. 0 measurements found", "status": "OK"}

    def put_source(self, uid: str, sent: dict[str, Any]) -> Answer:
        if uid not in self.sources:
            return 404, {"message": "Data source not found"}
        if self.sources[uid]["readOnly"]:
            return 403, {"message": "Cannot update read-only data source"}
        if sent.get("version") not in (None, self.sources[uid]["version"]):
            return 409, {"message": "Datasource has already been updated by someone else. Please reload and try again"}
        self.keep_source(sent, self.sources[uid]["version"] + 1)
        return 200, {"datasource": self.sources[uid], "message": "Datasource updated", "name": sent["name"]}

    # folders

    def add_folder(self, sent: dict[str, Any]) -> Answer:
        if not sent.get("title"):
            return 400, {"message": "folder title cannot be empty"}
        if sent.get("uid") in self.folders:
            return 409, {"message": "a folder with the same UID already exists"}
        if self.major < 11 and any(sent["title"] == one["title"] for one in self.folders.values()):
            return 409, {"message": "a folder with the same name already exists in the current location"}
        folder = {"id": len(self.folders) + 1, "uid": sent["uid"], "title": sent["title"], "version": 1}
        self.folders[sent["uid"]] = folder
        self.permissions[sent["uid"]] = [
            {"userId": 7, "teamId": 0, "role": "", "permission": 4, "inherited": False},
            {"userId": 0, "teamId": 0, "role": "Viewer", "permission": 1, "inherited": False},
            {"userId": 0, "teamId": 0, "role": "Editor", "permission": 2, "inherited": False},
            {"userId": 0, "teamId": 3, "role": "", "permission": 1, "inherited": True},
        ]
        return 200, folder

    def get_folder(self, uid: str) -> Answer:
        return (200, self.folders[uid]) if uid in self.folders else (404, {"message": "folder not found"})

    def get_permissions(self, uid: str) -> Answer:
        return (200, self.permissions[uid]) if uid in self.folders else (404, {"message": "folder not found"})

    def put_permissions(self, uid: str, sent: dict[str, Any]) -> Answer:
        if uid not in self.folders:
            return 404, {"message": "folder not found"}
        kept = []
        for item in sent["items"]:
            who = [key for key in ("role", "teamId", "userId") if item.get(key)]
            if len(who) != 1 or item.get("permission") not in (1, 2, 4) or set(item) != {who[0], "permission"}:
                return 400, {"message": "bad request data"}
            if who == ["teamId"] and item["teamId"] not in self.teams:
                return 400, {"message": "team not found"}
            kept.append({"userId": 0, "teamId": 0, "role": "", "inherited": False} | item)
        self.permissions[uid] = kept
        return 200, {"message": "Folder permissions updated"}

    # dashboards

    def save_board(self, sent: dict[str, Any]) -> Answer:
        board = sent.get("dashboard")
        if not isinstance(board, dict) or not board.get("title"):
            return 400, {"message": "Dashboard title cannot be empty", "status": "empty-name"}
        uid = board["uid"]
        if len(uid) > MAX_UID:
            return 400, {"message": "uid too long, max 40 characters"}
        if sent.get("folderUid") not in self.folders:
            return 400, {"message": "folder not found"}
        namesakes = [
            key for key, one in self.boards.items()
            if key != uid and one["folder"] == sent["folderUid"] and one["model"]["title"] == board["title"]
        ]  # fmt: skip
        if namesakes and self.major < 11 and not sent.get("overwrite"):
            return 412, {
                "message": "A dashboard with the same name in the folder already exists",
                "status": "name-exists",
            }
        if namesakes and self.major < 11:  # the trap: with `overwrite` the stranger's is replaced
            del self.boards[namesakes[0]]
        there = self.boards.get(uid)
        version = there["model"]["version"] if there else 0
        if there and there["provisioned"]:
            return 400, {"message": "Cannot save provisioned dashboard"}
        if there and board.get("version") != version and not sent.get("overwrite"):
            return 412, {"message": "The dashboard has been changed by someone else", "status": "version-mismatch"}
        self.keep_board(uid, board, sent["folderUid"], version + 1, sent.get("message", ""))
        return 200, {
            "id": 1,
            "uid": uid,
            "status": "success",
            "version": version + 1,
            "slug": "x",
            "url": f"/d/{uid}/x",
        }

    def keep_board(self, uid: str, board: dict[str, Any], folder: str, version: int, message: str) -> None:
        model = board | {"id": len(self.boards) + 1, "version": version}
        if self.major >= 12:  # it migrates what it is given
            model |= {
                "schemaVersion": 41,
                "panels": [panel | {"pluginVersion": self.version} for panel in board["panels"]],
            }
            model.pop("style", None)
        self.boards[uid] = {"model": model, "folder": folder, "provisioned": False}
        self.history.setdefault(uid, []).insert(0, {"version": version, "message": message, "createdBy": "sa-trezor"})

    def get_board(self, uid: str) -> Answer:
        if uid not in self.boards:
            return 404, {"message": "Dashboard not found"}
        one = self.boards[uid]
        meta = {"folderUid": one["folder"], "provisioned": one["provisioned"], "version": one["model"]["version"]}
        return 200, {"dashboard": one["model"], "meta": meta}

    def get_versions(self, uid: str, query: dict[str, str]) -> Answer:
        if uid not in self.boards:
            return 404, {"message": "Dashboard not found"}
        newest = self.history[uid][: int(query.get("limit", "1000"))]
        return 200, {"continueToken": "", "versions": newest} if self.major >= 11 else newest

    # people

    def search_teams(self, query: dict[str, str]) -> Answer:
        teams = [team for team in self.teams.values() if team["name"] == query.get("name", team["name"])]
        return 200, {"totalCount": len(teams), "teams": teams, "page": 1, "perPage": 1000}

    def add_team(self, sent: dict[str, Any]) -> Answer:
        if not sent.get("name"):
            return 400, {"message": "bad request data"}
        if any(team["name"] == sent["name"] for team in self.teams.values()):
            return 409, {"message": "Team name taken"}
        ident = 11 + len(self.teams)
        team = {"id": ident, "orgId": 1, "name": sent["name"], "email": sent.get("email", ""), "memberCount": 0}
        self.teams[ident] = team
        return 200, {"message": "Team created", "teamId": ident}

    def person(self, ident: int) -> dict[str, Any]:
        return {"orgId": 1, "userId": ident} | self.users[ident]

    def get_members(self, team: str) -> Answer:
        if int(team) not in self.teams:
            return 404, {"message": "Team not found"}
        return 200, [{"userId": ident, "teamId": int(team)} for ident in self.members.get(int(team), [])]

    def add_member(self, team: str, sent: dict[str, Any]) -> Answer:
        if int(team) not in self.teams:
            return 404, {"message": "Team not found"}
        if sent.get("userId") not in self.users:
            return 400, {"message": "bad request data"}
        if sent["userId"] in self.members.setdefault(int(team), []):
            return 400, {"message": "User is already added to this team"}
        self.members[int(team)].append(sent["userId"])
        return 200, {"message": "Member added to Team"}

    def get_team_preferences(self, team: str) -> Answer:
        return 200, {"theme": "", "homeDashboardId": 0, "timezone": ""} | self.team_preferences.get(int(team), {})

    def put_team_preferences(self, team: str, sent: dict[str, Any]) -> Answer:
        if sent.get("homeDashboardUID") not in (None, *self.boards):
            return 404, {"message": "Dashboard not found"}
        self.team_preferences[int(team)] = sent
        return 200, {"message": "Preferences updated"}

    def patch_preferences(self, sent: dict[str, Any]) -> Answer:
        if sent.get("homeDashboardUID") not in (None, *self.boards):
            return 404, {"message": "Dashboard not found"}
        self.preferences |= sent
        return 200, {"message": "Preferences updated"}

    def add_user(self, sent: dict[str, Any]) -> Answer:
        if not sent.get("login") or len(sent.get("password", "")) < 4:
            return 400, {"message": "Validation error, need specify either username or email"}
        if any(sent["login"] == one["login"] for one in self.users.values()):
            return 412, {"message": f"User with email '' or username '{sent['login']}' already exists"}
        ident = max(self.users) + 1
        self.users[ident] = {"login": sent["login"], "email": sent.get("email", ""), "role": self.newcomers}
        return 200, {"id": ident, "message": "User created"}

    def let_in(self, sent: dict[str, Any]) -> Answer:
        for one in self.users.values():
            if sent.get("loginOrEmail") in (one["login"], one["email"] or None) and sent.get("role"):
                if one["role"]:
                    return 409, {"message": "User is already member of this organization"}
                one["role"] = sent["role"]
                return 200, {"message": "User added to organization"}
        return 404, {"message": "User not found"}

    def patch_user(self, ident: str, sent: dict[str, Any]) -> Answer:
        if sent.get("role") not in ("Viewer", "Editor", "Admin"):
            return 400, {"message": "Invalid role specified"}
        self.users[int(ident)]["role"] = sent["role"]
        return 200, {"message": "Organization user updated"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body go out as two packets: the second would wait 40 ms for an answer
    grafana: FakeGrafana
    prefix = ""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {key.lower(): value for key, value in self.headers.items()}
        if not self.path.startswith(self.prefix + "/"):
            status, answer = 404, {"message": "Not found"}
        else:
            status, answer = self.grafana.answer(self.command, self.path.removeprefix(self.prefix), headers, body)
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


@contextmanager
def serving(grafana: FakeGrafana, prefix: str = "") -> Iterator[FakeGrafana]:
    """The stand-in on a free port of this machine, under a path if `prefix` says so."""
    handler = type("Handler", (_Handler,), {"grafana": grafana, "prefix": prefix})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    grafana.url = f"http://127.0.0.1:{server.server_port}{prefix}"
    try:
        yield grafana
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
