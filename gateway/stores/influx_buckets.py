"""Makes a world's two databases ready, each version in its own words, and removes them; asking twice is harmless.

A database that is there keeps the retention it has: somebody may have chosen it, and shortening it deletes data.

InfluxDB 1.x: databases by InfluxQL. 2.x: buckets, and the v1 mapping (DBRP) that lets InfluxQL find them. 3 Core:
databases by its own API; it has no DELETE, so there a null does not erase the value that it replaces, and it answers
queries over recent data only (its limit of files per query), so it serves live dashboards, not a year's judgement.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from influxdb_client import BucketRetentionRules, DBRPCreate, DBRPsService
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from gateway.store import StoreAway
from gateway.stores.influx_http import Http

log = logging.getLogger(__name__)

DAY_S: Final = 86_400
POLICY: Final = "autogen"  # the retention policy's name in 1.x
# The name in our v1 mapping of 2.x. Not `autogen`: 2.4 and newer imagine a mapping of every bucket under that name,
# keep it beside one that is made, and refuse to query where they find two.
MAPPED: Final = "trezor"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A database of 1.x and 3, a bucket of 2.x. `keep_days` None = for ever."""

    name: str
    keep_days: int | None

    @property
    def shard_days(self) -> int:
        """Files by the week for what expires; by the year for what stays, which is little: 73 000 rows a year."""
        return 364 if self.keep_days is None else 7


def prepare(http: Http, buckets: tuple[Bucket, ...]) -> int:
    """Makes what is missing. Returns the server's major version. Raises StoreAway with what to do."""
    major, said = http.version()
    for bucket in buckets:
        _PREPARE.get(major, _unknown)(http, bucket)
    log.info("InfluxDB %s at %s is ready: %s", said, http.address.url, ", ".join(bucket.name for bucket in buckets))
    return major


def drop(http: Http, buckets: tuple[Bucket, ...]) -> None:
    """Removes the databases and all they hold, for ever; one that is not there is no error."""
    major, _ = http.version()
    for bucket in buckets:
        _DROP.get(major, _unknown)(http, bucket)


def kept_days(http: Http, name: str) -> float | None:
    """How long a database keeps what it holds, in days; 0 is for ever, None where it is not there (or of version 3).

    Makes nothing. Raises StoreAway.
    """
    major, _ = http.version()
    if major == 1:
        if (name,) not in {tuple(row) for series in http.query("", "SHOW DATABASES") for row in series.values}:
            return None
        return _kept_1(http, name) / DAY_S
    found = _find_2(http, name) if major == 2 else None
    return None if found is None else sum(rule.every_seconds or 0 for rule in found.retention_rules or []) / DAY_S


def _unknown(http: Http, bucket: Bucket) -> None:
    raise StoreAway(f"{http.address.url} is an InfluxDB of a version that is not known here (1, 2 and 3 are)")


def _prepare_1(http: Http, bucket: Bucket) -> None:
    if (bucket.name,) in {tuple(row) for series in http.query("", "SHOW DATABASES") for row in series.values}:
        _warn_if_other(bucket, _kept_1(http, bucket.name))
        return
    keep = "INF" if bucket.keep_days is None else f"{bucket.keep_days}d"
    _do(
        http,
        f'CREATE DATABASE "{bucket.name}" WITH DURATION {keep} REPLICATION 1 '
        f'SHARD DURATION {bucket.shard_days}d NAME "{POLICY}"',
    )


def _kept_1(http: Http, name: str) -> int:
    """Seconds, 0 for ever."""
    policies = http.query(name, f'SHOW RETENTION POLICIES ON "{name}"')
    rows = [dict(zip(series.columns, row, strict=True)) for series in policies for row in series.values]
    hours = next((str(row.get("duration")).partition("h")[0] for row in rows if row.get("default")), "0")
    return int(hours) * 3600 if hours.isdecimal() else 0


def _drop_1(http: Http, bucket: Bucket) -> None:
    _do(http, f'DROP DATABASE "{bucket.name}"')


def _prepare_2(http: Http, bucket: Bucket) -> None:
    if not http.address.org:
        raise StoreAway(f"{http.address.url} is InfluxDB 2: name the organisation, influxdb://TOKEN@HOST:PORT/ORG")
    found = _find_2(http, bucket.name)
    if found is None:
        rule = BucketRetentionRules(
            type="expire",
            every_seconds=(bucket.keep_days or 0) * DAY_S,
            shard_group_duration_seconds=bucket.shard_days * DAY_S,
        )
        buckets = http.client.buckets_api()
        call(http, lambda: buckets.create_bucket(bucket_name=bucket.name, retention_rules=[rule]), tolerate=(422,))
        found = _find_2(http, bucket.name)
        if found is None:
            raise StoreAway(f"InfluxDB at {http.address.url}: bucket {bucket.name} was made, but is not there")
    else:
        _warn_if_other(bucket, sum(rule.every_seconds or 0 for rule in found.retention_rules or []))
    _map_2(http, bucket.name, found)


def _map_2(http: Http, database: str, bucket: Any) -> None:
    """Lets InfluxQL find the bucket under its own name, by exactly one mapping."""
    mappings = DBRPsService(http.client.api_client)
    known = call(http, lambda: mappings.get_dbr_ps(org=http.address.org, db=database), tolerate=(401, 403))
    if known is None:
        log.warning("InfluxDB: the token may not see v1 mappings; without one for %s reading will fail", database)
        return
    made = [mapping for mapping in known.content or [] if not mapping.virtual]
    imagined = {(mapping.bucket_id, mapping.retention_policy) for mapping in known.content or [] if mapping.virtual}
    if any(
        mapping.bucket_id == bucket.id and mapping.default and (bucket.id, mapping.retention_policy) not in imagined
        for mapping in made
    ):
        return
    for mapping in made:
        find = partial(http.client.buckets_api().find_bucket_by_id, mapping.bucket_id)
        if mapping.bucket_id != bucket.id and call(http, find, tolerate=(404,)) is not None:
            raise StoreAway(
                f"InfluxDB at {http.address.url} maps database {database} to another bucket ({mapping.bucket_id}): "
                f"remove that mapping (influx v1 dbrp delete --id {mapping.id}) or choose another world"
            )
        _unmap_2(http, mapping)  # its bucket is gone, it is not the default, or an imagined one bears the same name
    mapping = DBRPCreate(
        org_id=bucket.org_id, bucket_id=bucket.id, database=database, retention_policy=MAPPED, default=True
    )
    call(http, lambda: mappings.post_dbrp(dbrp_create=mapping))


def _unmap_2(http: Http, mapping: Any) -> None:
    mappings = DBRPsService(http.client.api_client)
    call(http, partial(mappings.delete_dbrpid, dbrp_id=mapping.id, org=http.address.org), tolerate=(404,))


def _drop_2(http: Http, bucket: Bucket) -> None:
    found = _find_2(http, bucket.name)
    if found is None:
        return
    mappings = DBRPsService(http.client.api_client)
    known = call(http, lambda: mappings.get_dbr_ps(org=http.address.org, bucket_id=found.id), tolerate=(401, 403))
    for mapping in (known.content or []) if known is not None else []:
        if not mapping.virtual:
            _unmap_2(http, mapping)
    call(http, lambda: http.client.buckets_api().delete_bucket(found.id), tolerate=(404,))


def _find_2(http: Http, name: str) -> Any:
    """The bucket of that name, None when it is not there: some versions answer 404, some an empty list."""
    buckets = http.client.buckets_api()
    found = call(http, lambda: buckets.find_buckets(name=name, org=http.address.org), tolerate=(404,))
    return next(iter(found.buckets or []), None) if found is not None else None


def _prepare_3(http: Http, bucket: Bucket) -> None:
    answer = http.ask("GET", "/api/v3/configure/database", params={"format": "json"}, headers=_bearer(http))
    if any(row.get("iox::database") == bucket.name for row in answer.json()):
        return
    wanted = {"db": bucket.name} | ({"retention_period": f"{bucket.keep_days}d"} if bucket.keep_days else {})
    http.ask("POST", "/api/v3/configure/database", json=wanted, headers=_bearer(http))


def _drop_3(http: Http, bucket: Bucket) -> None:
    answer = http.ask("GET", "/api/v3/configure/database", params={"format": "json"}, headers=_bearer(http))
    if any(row.get("iox::database") == bucket.name for row in answer.json()):
        http.ask("DELETE", "/api/v3/configure/database", params={"db": bucket.name}, headers=_bearer(http))


def _bearer(http: Http) -> dict[str, str]:
    return {"Authorization": f"Bearer {http.address.token}"} if http.address.token else {}


_PREPARE: Final[dict[int, Callable[[Http, Bucket], None]]] = {1: _prepare_1, 2: _prepare_2, 3: _prepare_3}
_DROP: Final[dict[int, Callable[[Http, Bucket], None]]] = {1: _drop_1, 2: _drop_2, 3: _drop_3}


def _do(http: Http, statement: str) -> None:
    for _ in http.query("", statement):
        pass


def call(http: Http, ask: Callable[[], Any], tolerate: tuple[int, ...] = ()) -> Any:
    """The answer of a call of influxdb-client; None when the status is one that is tolerated."""
    try:
        return ask()
    except ApiException as error:
        if error.status in tolerate:
            return None
        raise StoreAway(http.complaint(error.status, error.body or error.reason)) from error
    except (InfluxDBError, HTTPError, OSError) as error:
        raise StoreAway(f"InfluxDB at {http.address.url}: {error}") from error


def _warn_if_other(bucket: Bucket, seconds: int) -> None:
    wanted = (bucket.keep_days or 0) * DAY_S
    if seconds != wanted:
        kept = f"{seconds / DAY_S:g} days" if seconds else "for ever"
        wish = f"{bucket.keep_days} days" if bucket.keep_days else "for ever"
        log.warning(
            "InfluxDB keeps %s %s, not %s; left as it is: change it there if you want it", bucket.name, kept, wish
        )
