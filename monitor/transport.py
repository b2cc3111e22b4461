"""One message through Apprise, and what its failure means: one error with one bit, permanent or not."""

import logging
import re
from collections.abc import Mapping
from typing import Any, Final

import apprise

NAME: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_NOWHERE: Final = logging.NullHandler()
# Of what Apprise says when an HTTP service refuses: the message itself will never be taken. Anything else, wrong
# credentials included, somebody may mend while we go on trying.
REFUSED: Final = re.compile(r"error=(400|410|413|422)\b")


class TransportError(Exception):
    """It was not told. `permanent`: trying again is of no use."""

    def __init__(self, why: str, permanent: bool) -> None:
        super().__init__(why)
        self.permanent = permanent


def address(url: str, environ: Mapping[str, str]) -> tuple[str | None, str]:
    """The URL with every `${NAME}` filled in, or None and the name that has no value."""
    missing = [name for name in NAME.findall(url) if not environ.get(name)]
    if missing:
        return None, missing[0]
    return NAME.sub(lambda match: environ[match[1]], url), ""


def send(url: str, title: str, text: str, alert: str) -> None:
    """Tells one contact. Returns when the service has taken the message; raises TransportError.

    `alert` goes with it as a header where the service has headers (HTTP: Idempotency-Key), the same at every retry.
    Services without a title (SMS) get the text alone, so that one segment stays one.
    """
    try:
        service = apprise.Apprise.instantiate(url, suppress_exceptions=False)
    except Exception as error:  # each plugin raises what it likes
        raise TransportError(f"address not usable: {_without(url, str(error))}", permanent=True) from None
    if service is None:
        raise TransportError("address not understood by Apprise", permanent=True)
    headers = getattr(service, "headers", None)
    if isinstance(headers, dict):
        headers["Idempotency-Key"] = alert
    postbox = apprise.Apprise()
    postbox.add(service)
    try:
        result = postbox.notify(body=text, title=title if service.title_maxlen > 0 else "", body_format="text")
    except Exception as error:
        raise TransportError(_without(url, f"{type(error).__name__}: {error}"), permanent=False) from error
    if not result:
        why = _without(url, _last_words(result))
        raise TransportError(why, permanent=bool(REFUSED.search(why)))


def quiet() -> None:
    """Apprise logs every failure in its own words; what matters of it is in the alert's `why`."""
    logger = logging.getLogger("apprise")
    logger.propagate = False  # a level would silence what results remember, too
    logger.addHandler(_NOWHERE)


def _last_words(result: Any) -> str:
    """Results carry the service's own log from Apprise 2 on."""
    logs = result.logs() if hasattr(result, "logs") else ()
    said = [str(entry.message) for entry in logs]
    return said[-1] if said else "the service did not take it"


def _without(url: str, why: str) -> str:
    """Secrets of the address do not belong in a casebook."""
    for secret in sorted(set(re.split(r"[/:@?&=]+", url)[1:]), key=len, reverse=True):
        if len(secret) >= 8:
            why = why.replace(secret, "…")
    return why
