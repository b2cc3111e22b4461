"""Looks at every connection and setting, in the order in which data pass, and says what to do about what is wrong."""

import logging
from collections.abc import Callable, Iterator
from typing import Final

from deploy.checks.broker import check_broker
from deploy.checks.casebook import check_casebook
from deploy.checks.finding import Finding, Setup, wrong
from deploy.checks.fleet import check_fleet
from deploy.checks.grafana import check_grafana
from deploy.checks.machine import check_machine
from deploy.checks.page import check_page
from deploy.checks.store import check_store

log = logging.getLogger(__name__)

CHECKS: Final[tuple[Callable[[Setup], Iterator[Finding]], ...]] = (
    check_machine,
    check_fleet,
    check_broker,
    check_store,
    check_casebook,
    check_page,
    check_grafana,
)


def examine(setup: Setup) -> Iterator[Finding]:
    """What is found, as it is found. Changes nothing; one check that breaks does not stop the others."""
    for check in CHECKS:
        try:
            yield from check(setup)
        except Exception as error:  # a doctor that dies of the illness helps nobody
            log.exception("%s broke", check.__name__)
            yield wrong(
                f"{check.__name__} : {type(error).__name__}: {error}",
                f"{check.__name__}: {type(error).__name__}: {error}",
                "signaler cette erreur, avec le journal",
                "report this mistake, with the log",
            )
