"""A token of InfluxDB 2.x that may read and nothing else, for programs that only show: whoever looks at a dashboard can
make Grafana send a query of his own, and with the service's token a DROP too.
"""

from typing import Final

from influxdb_client import Authorization, Permission, PermissionResource

from gateway.store import StoreAway
from gateway.stores.influx_buckets import call
from gateway.stores.influx_http import Address, Http

DESCRIPTION: Final = "trezor: may read, for dashboards"  # by it we know our own
REFUSED: Final = (401, 403)


def reading_token(address: Address, *, make: bool) -> str | None:
    """The organisation's reading token, made where `make` and there is none.

    None where there is none: other versions have no such tokens, and a token that may not make any is perhaps such a
    one itself. Raises StoreAway.
    """
    http = Http(address)
    try:
        major, _ = http.version()
        if major != 2 or not address.org or not address.token:
            return None
        tokens = http.client.authorizations_api()
        known = call(http, lambda: tokens.find_authorizations(org=address.org), REFUSED)
        if known is None:
            return None
        ours = [one.token for one in known if one.description == DESCRIPTION and one.status == "active"]
        if ours:  # a server may be set up to tell no token twice: then there is none for us
            return next(filter(None, ours), None)
        return _made(http) if make else None
    finally:
        http.close()


def _made(http: Http) -> str | None:
    organisations = call(http, lambda: http.client.organizations_api().find_organizations(org=http.address.org))
    if not organisations:
        raise StoreAway(f"InfluxDB at {http.address.url} has no organisation {http.address.org}")
    org = organisations[0].id
    readable = [Permission(action="read", resource=PermissionResource(type="buckets", org_id=org))]
    wanted = Authorization(org_id=org, permissions=readable)
    wanted.description = DESCRIPTION
    made = call(http, lambda: http.client.authorizations_api().create_authorization(authorization=wanted), (401, 403))
    return str(made.token) if made is not None and made.token else None
