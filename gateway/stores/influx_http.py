"""How to talk with an InfluxDB server, whatever its version: where it is, writing lines, asking InfluxQL."""

import gzip
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
import requests
from influxdb_client import InfluxDBClient, WriteService
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from gateway.store import RAW_DAYS, StoreAway, WriteRefused

SCHEMES: Final = {"influxdb": "http", "influxdbs": "https"}
EXPECTED: Final = (
    "expected influxdb[s]://TOKEN@HOST:PORT/ORG, or influxdb://USER:PASSWORD@HOST:PORT for InfluxDB 1.x; "
    "percent-encode /, @, # and ? in a token; ?raw_days=0 keeps raw data for ever"
)
PORT: Final = 8086
CONNECT_S: Final = 5.0
ANSWER_S: Final = 60.0
CHUNK_ROWS: Final = 20_000
# nginx lets 1 MB pass unless told otherwise; lines shrink to a quarter by gzip.
BODY_BYTES: Final = 2_500_000


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server is, how to be let in, and how long raw data stay there (days, None = for ever)."""

    url: str  # http[s]://host:port
    org: str  # empty for InfluxDB 1.x
    token: str | None = None
    user: str | None = None
    password: str | None = None
    raw_days: int | None = RAW_DAYS

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Raises ValueError that says what was expected, without showing secrets."""
        parts = urlsplit(url)
        try:
            port = parts.port or PORT
        except ValueError:
            raise ValueError(f"store {without_secrets(url)!r}: the port is not a number; {EXPECTED}") from None
        org = unquote(parts.path.strip("/"))
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        raw_days = options.pop("raw_days", str(RAW_DAYS))
        if parts.scheme not in SCHEMES or not parts.hostname or "/" in org or parts.fragment or options:
            raise ValueError(f"store {without_secrets(url)!r}: {EXPECTED}")
        if not raw_days.isdecimal():
            raise ValueError(f"store {without_secrets(url)!r}: raw_days is {raw_days!r}, not a number; {EXPECTED}")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        name = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password is not None else None
        return cls(
            url=f"{SCHEMES[parts.scheme]}://{host}:{port}",
            org=org,
            token=name if password is None else None,
            user=name if password is not None else None,
            password=password,
            raw_days=int(raw_days) or None,
        )


@dataclass(frozen=True, slots=True)
class Series:
    """One piece of an answer: rows of one combination of tags, in the order of the query."""

    tags: Mapping[str, str]
    columns: Sequence[str]
    values: Sequence[Sequence[Any]]


class Http:
    """One server. Every failure comes out as StoreAway or WriteRefused; nothing is retried here."""

    def __init__(self, address: Address) -> None:
        self.address = address
        secret = address.token if address.user is None else f"{address.user}:{address.password}"
        self.client = InfluxDBClient(
            url=address.url,
            token=secret,
            org=address.org or "-",
            timeout=(int(CONNECT_S * 1000), int(ANSWER_S * 1000)),
            auth_basic=address.user is not None,
            retries=False,
        )
        self._writes = WriteService(self.client.api_client)
        self.session = requests.Session()
        self.session.trust_env = False  # a proxy of the environment has no business between gateway and store
        if self.client.auth_header_value:
            self.session.headers["Authorization"] = self.client.auth_header_value

    def close(self) -> None:
        self.client.close()
        self.session.close()

    def version(self) -> tuple[int, str]:
        """Major version and what the server says of itself, from /ping, which every version has."""
        answer = self.ask("GET", "/ping")
        said = answer.headers.get("X-Influxdb-Version", "")
        found = re.match(r"v?(\d+)\.", said) or re.search(r'"version":\s*"(\d+)\.', answer.text)
        if not found:
            raise StoreAway(f"{self.address.url} answers, but not as InfluxDB does (/ping names no version)")
        return int(found[1]), said

    def ask(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """A plain request. Raises StoreAway on no connection and on every status but 2xx."""
        try:
            answer = self.session.request(
                method, self.address.url + path, timeout=(CONNECT_S, ANSWER_S), allow_redirects=False, **arguments
            )
        except requests.RequestException as error:
            raise StoreAway(f"InfluxDB at {self.address.url} cannot be reached: {error}") from error
        if not 200 <= answer.status_code < 300:
            with answer:
                raise StoreAway(self.complaint(answer.status_code, answer.text))
        return answer

    def query(self, database: str, text: str) -> Iterator[Series]:
        """What InfluxQL answers, piece by piece as it comes; times are integers of microseconds.

        Raises StoreAway also when the answer breaks off in the middle.
        """
        arguments = {"db": database, "q": text, "epoch": "u", "chunked": "true", "chunk_size": str(CHUNK_ROWS)}
        with self.ask("POST", "/query", data=arguments, stream=True) as answer:
            try:
                for line in _by_line(answer.iter_content(1 << 18)):
                    yield from self._series(line)
            except requests.RequestException as error:
                raise StoreAway(f"InfluxDB at {self.address.url} broke off its answer: {error}") from error
            except msgspec.DecodeError as error:
                raise StoreAway(f"InfluxDB at {self.address.url} answered what is no JSON: {error}") from error

    def write(self, bucket: str, lines: Sequence[str]) -> None:
        """Writes lines with times in nanoseconds; on return the server has said 204, that is: durable."""
        start = size = 0
        for i, line in enumerate(lines):
            length = len(line.encode()) + 1
            if size + length > BODY_BYTES and i > start:
                self._write(bucket, lines[start:i])
                start, size = i, 0
            size += length
        if start < len(lines):
            self._write(bucket, lines[start:])

    def _write(self, bucket: str, lines: Sequence[str]) -> None:
        try:
            # Level 1: the fastest; level 9 takes four times as long for a tenth less.
            body = gzip.compress("\n".join(lines).encode(), compresslevel=1)
            _, status, _ = self._writes.post_write_with_http_info(
                org=self.address.org or "-",
                bucket=bucket,
                body=body,
                precision="ns",
                content_type="text/plain; charset=utf-8",
                content_encoding="gzip",
            )
        except ApiException as error:
            if error.status == 413 and len(lines) > 1:
                middle = len(lines) // 2
                self._write(bucket, lines[:middle])
                self._write(bucket, lines[middle:])
                return
            said = self.complaint(error.status, error.body or error.reason)
            if error.status in (400, 413, 422):
                raise WriteRefused(said) from error
            raise StoreAway(said) from error
        except (HTTPError, OSError) as error:
            raise StoreAway(f"InfluxDB at {self.address.url} cannot be reached: {error}") from error
        if status != 204:
            raise StoreAway(f"{self.address.url} took a write with status {status} instead of 204: is that InfluxDB?")

    def _series(self, line: bytes) -> Iterator[Series]:
        answer = _ANSWER.decode(line)
        for result in [answer, *answer.results]:
            if result.error:
                raise StoreAway(f"InfluxDB at {self.address.url}: {result.error}")
            for series in result.series:
                yield Series(series.tags, series.columns, series.values)

    def complaint(self, status: int, body: str | bytes | None) -> str:
        """What the server, or a proxy before it, said; and what to do about it where that is known."""
        text = body.decode(errors="replace") if isinstance(body, bytes) else body or ""
        said = " ".join(re.sub("<[^>]*>", " ", text).split())[:500]  # proxies speak HTML
        hint = _HINTS.get(status, "") if status != 404 or "page not found" in said else ""
        return f"InfluxDB at {self.address.url} answered {status}: {said}{hint}"


_HINTS: Final = {
    401: "; check token, or user and password, in the store's URL",
    403: "; the token may not do this: it needs to read and write this organisation's buckets, and make them",
    404: "; InfluxDB before 1.8 needs a proxy that turns /api/v2/write into /write",
}


class _Part(msgspec.Struct):
    columns: list[str] = []
    values: list[list[Any]] = []
    tags: dict[str, str] = {}


class _Result(msgspec.Struct):
    series: list[_Part] = []
    error: str = ""


class _Answer(_Result):
    results: list[_Result] = []


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def _by_line(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Lines of a stream; line feeds inside JSON texts are escaped, so every one of them ends an object."""
    rest: list[bytes] = []
    for piece in pieces:
        *whole, last = piece.split(b"\n")
        for line in whole:
            if complete := b"".join([*rest, line]).strip():
                yield complete
            rest = []
        rest.append(last)
    if complete := b"".join(rest).strip():
        yield complete


def without_secrets(url: str) -> str:
    scheme, at, rest = url.rpartition("@")
    return f"{scheme.split('://')[0]}://…@{rest}" if at else rest
