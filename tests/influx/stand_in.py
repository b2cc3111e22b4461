"""A strict small stand-in for the parts of InfluxDB 2.x and 3 Core that make databases, from InfluxData's public API
documentation (v2 OpenAPI: orgs, buckets, dbrps; v3: configure/database). What the documentation does not allow is
answered 400, so that a wrong call fails here before it fails in the field. It stores no points.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

ORG_ID = "00000000000000aa"
Answer = tuple[int, Any]


@dataclass
class Server:
    version: str = "v2.7.11"
    token: str = "a-token=="
    org: str = "trezor"
    virtual: bool = True  # newer 2.x list a mapping for every bucket by themselves
    port: int = 0
    requests: list[str] = field(default_factory=list)
    buckets: dict[str, dict[str, Any]] = field(default_factory=dict)
    mappings: dict[str, dict[str, Any]] = field(default_factory=dict)
    databases: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: list[dict[str, Any]] = field(default_factory=list)
    refuse: dict[str, int] = field(default_factory=dict)  # "METHOD /path" -> status
    _ids: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def url(self) -> str:
        return f"influxdb://{self.token}@127.0.0.1:{self.port}/{self.org}"

    def answer(self, method: str, path: str, query: dict[str, str], body: Any, authorization: str) -> Answer:
        if f"{method} {path}" in self.refuse:
            return self.refuse[f"{method} {path}"], {"code": "forbidden", "message": "insufficient permissions"}
        if path == "/ping":
            return 204, None
        allowed = (f"Bearer {self.token}",) if path.startswith("/api/v3/") else (f"Token {self.token}",)
        if authorization not in allowed:
            return 401, {"code": "unauthorized", "message": "unauthorized access"}
        head, _, id = path.rpartition("/")
        match method, path, head:
            case "GET", "/api/v2/orgs", _:
                return self._orgs(query)
            case "GET", "/api/v2/buckets", _:
                return self._find_buckets(query)
            case "POST", "/api/v2/buckets", _:
                return self._make_bucket(body)
            case "GET", _, "/api/v2/buckets":
                return (200, self.buckets[id]) if id in self.buckets else _missing("bucket")
            case "DELETE", _, "/api/v2/buckets":
                return (204, None) if self.buckets.pop(id, None) else _missing("bucket")
            case "GET", "/api/v2/dbrps", _:
                return self._find_mappings(query)
            case "POST", "/api/v2/dbrps", _:
                return self._make_mapping(body)
            case "DELETE", _, "/api/v2/dbrps":
                if not self._org_of(query):
                    return _invalid("org or orgID must be provided")
                return (204, None) if self.mappings.pop(id, None) else _missing("mapping")
            case "GET", "/api/v2/authorizations", _:
                return self._find_tokens(query)
            case "POST", "/api/v2/authorizations", _:
                return self._make_token(body)
            case _, "/api/v3/configure/database", _:
                return self._databases(method, query, body)
        return 404, {"code": "not found", "message": "path not found"}

    def _orgs(self, query: dict[str, str]) -> Answer:
        if query.get("org", self.org) != self.org:
            return 404, {"code": "not found", "message": f'organization name "{query["org"]}" not found'}
        return 200, {"orgs": [{"id": ORG_ID, "name": self.org}]}

    def _org_of(self, query: dict[str, str]) -> bool:
        return query.get("orgID") == ORG_ID or query.get("org") == self.org

    def _find_buckets(self, query: dict[str, str]) -> Answer:
        if "org" in query and query["org"] != self.org:
            return 404, {"code": "not found", "message": f'organization name "{query["org"]}" not found'}
        found = [b for b in self.buckets.values() if query.get("name", b["name"]) == b["name"]]
        if "name" in query and not found:
            return 404, {"code": "not found", "message": f'bucket "{query["name"]}" not found'}
        return 200, {"buckets": found[: int(query.get("limit", 20))], "links": {"self": "/api/v2/buckets"}}

    def _make_bucket(self, body: dict[str, Any]) -> Answer:
        if unknown := set(body) - {"orgID", "name", "description", "rp", "retentionRules", "schemaType"}:
            return _invalid(f"unknown keys {unknown}")
        if body.get("orgID") != ORG_ID or not body.get("name") or body["name"].startswith("_"):
            return _invalid("orgID and a name not beginning with _ are required")
        for rule in body.get("retentionRules", []):
            every, shard = rule.get("everySeconds"), rule.get("shardGroupDurationSeconds", 3600)
            if rule.get("type") != "expire" or not isinstance(every, int) or 0 < every < 3600:
                return _invalid("a rule is of type expire, with everySeconds 0 (for ever) or at least 3600")
            if shard < 3600 or (every and shard > every):
                return 422, {"code": "unprocessable entity", "message": "shard group duration out of range"}
        if any(b["name"] == body["name"] for b in self.buckets.values()):
            return 422, {"code": "conflict", "message": f"bucket with name {body['name']} already exists"}
        id = f"{next(self._ids):016x}"
        self.buckets[id] = {"id": id, "type": "user", **body}
        return 201, self.buckets[id]

    def _find_mappings(self, query: dict[str, str]) -> Answer:
        if unknown := set(query) - {"orgID", "org", "id", "bucketID", "default", "db", "rp"}:
            return _invalid(f"unknown parameters {unknown}")
        if not self._org_of(query):
            return _invalid("org or orgID must be provided")
        wanted = {key: query[name] for key, name in (("database", "db"), ("bucketID", "bucketID")) if name in query}
        return 200, {"content": [m for m in self._all_mappings() if wanted.items() <= m.items()]}

    def _all_mappings(self) -> list[dict[str, Any]]:
        """An imagined one stays beside a made one of the same bucket, but is not the default then."""
        mapped = {mapping["bucketID"] for mapping in self.mappings.values()}
        imagined = [
            {"id": b["id"], "bucketID": b["id"], "database": b["name"], "retention_policy": "autogen",
             "default": b["id"] not in mapped, "virtual": True, "orgID": ORG_ID}
            for b in self.buckets.values() if self.virtual
        ]  # fmt: skip
        return [*self.mappings.values(), *imagined]

    def found_by_influxql(self, database: str) -> str:
        """The bucket that `SELECT … FROM` reads: by the default policy, and then by database and policy together."""
        there = [mapping for mapping in self._all_mappings() if mapping["database"] == database]
        (default,) = [mapping for mapping in there if mapping["default"]]
        found = [mapping for mapping in there if mapping["retention_policy"] == default["retention_policy"]]
        assert len(found) == 1, f"finding DBRP mappings: expected 1, found {len(found)}"
        return str(self.buckets[found[0]["bucketID"]]["name"])

    def _make_mapping(self, body: dict[str, Any]) -> Answer:
        if set(body) - {"orgID", "org", "bucketID", "database", "retention_policy", "default"}:
            return _invalid("unknown key")
        if not self._org_of(body) or not body.get("database") or not body.get("retention_policy"):
            return _invalid("org or orgID, database and retention_policy are required")
        if body.get("bucketID") not in self.buckets:
            return _missing("bucket")
        name = (body["database"], body["retention_policy"])
        if name in {(m["database"], m["retention_policy"]) for m in self.mappings.values()}:
            return 400, {"code": "conflict", "message": "another DBRP mapping with same orgID, db, and rp exists"}
        id = f"{next(self._ids):016x}"
        self.mappings[id] = {"id": id, "virtual": False, **body}
        return 201, self.mappings[id]

    def _find_tokens(self, query: dict[str, str]) -> Answer:
        if unknown := set(query) - {"org", "orgID", "user", "userID"}:
            return _invalid(f"unknown parameters {unknown}")
        if query.get("org", self.org) != self.org:
            return _missing("organization")
        return 200, {"links": {"self": "/api/v2/authorizations"}, "authorizations": self.tokens}

    def _make_token(self, body: dict[str, Any]) -> Answer:
        if unknown := set(body) - {"orgID", "userID", "description", "status", "permissions"}:
            return _invalid(f"unknown keys {unknown}")
        if body.get("orgID") != ORG_ID or not body.get("permissions"):
            return _invalid("orgID and permissions are required")
        for one in body["permissions"]:
            if set(one) != {"action", "resource"} or one["action"] not in ("read", "write"):
                return _invalid("a permission has an action and a resource")
            if set(one["resource"]) - {"type", "id", "name", "orgID", "org"} or "type" not in one["resource"]:
                return _invalid("a resource has a type, and may have id, name, orgID and org")
        id = f"{next(self._ids):016x}"
        self.tokens.append({"id": id, "status": "active", "org": self.org, "token": f"made-{id}==", **body})
        return 201, self.tokens[-1]

    def _databases(self, method: str, query: dict[str, str], body: Any) -> Answer:
        match method:
            case "GET" if query == {"format": "json"}:
                return 200, [{"iox::database": name} for name in ("_internal", *self.databases)]
            case "POST" if body and body.get("db") and set(body) <= {"db", "retention_period"}:
                if body["db"] in self.databases:
                    return 409, {"error": "attempted to create a resource that already exists"}
                self.databases[body["db"]] = body
                return 200, None
            case "DELETE" if query.get("db"):
                return (200, None) if self.databases.pop(query["db"], None) else _missing("database")
        return _invalid("not as documented")


def _invalid(message: str) -> Answer:
    return 400, {"code": "invalid", "message": message}


def _missing(what: str) -> Answer:
    return 404, {"code": "not found", "message": f"{what} not found"}


@contextmanager
def running(server: Server) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            server.requests.append(f"{self.command} {parts.path}")
            body = json.loads(raw) if raw else None
            status, answer = server.answer(self.command, parts.path, query, body, self.headers.get("Authorization", ""))
            said = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("X-Influxdb-Version", server.version)
            self.send_header("Content-Type", "application/json")
            if status != 204:
                self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = do_DELETE = _serve

        def log_message(self, *_: object) -> None:
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.port = web.server_address[1]
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        web.shutdown()
        web.server_close()
        thread.join()
