"""The casebook: can it be opened, and do its alerts go out."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from deploy.checks.finding import Finding, Setup, ok, wrong
from deploy.checks.machine import writable
from monitor.casebook import Casebook, CasebookError, open_casebook
from monitor.places import file_of

LATEST: Final = 500  # alerts looked at


def check_casebook(setup: Setup) -> Iterator[Finding]:
    file = file_of(setup.casebook, setup.world)
    if file is not None and not file.exists():  # opening would make it, and it would be ours instead of the service's
        yield writable("pannes", "casebook", file.parent)
        return
    try:
        casebook = open_casebook(setup.casebook, setup.world)
    except CasebookError as error:
        yield wrong(
            f"pannes : {error}",
            f"{error}",
            "démarrer PostgreSQL (docker compose up -d postgres), vérifier l'adresse et le mot de passe",
            "start PostgreSQL (docker compose up -d postgres), check address and password",
        )
        return
    try:
        yield from _content(casebook)
        if file is not None:
            yield writable("pannes", "casebook", file)
    except SQLAlchemyError as error:
        yield wrong(
            f"pannes : {type(error).__name__}, la base ne répond plus",
            f"casebook: {type(error).__name__}, the database does not answer any more",
            "voir le journal de la base de données",
            "look into the database's log",
        )
    finally:
        casebook.close()


def _content(casebook: Casebook) -> Iterator[Finding]:
    cases = casebook.cases(open_only=True)
    yield ok(f"pannes ouvertes : {len(cases)}", f"casebook: {len(cases)} cases open")
    waiting = [
        alert for alert in casebook.alerts(limit=LATEST)
        if alert.told_at is None and alert.cancelled_at is None
        and (alert.why or alert.failed_at)  # taken and without words: it is being told at this moment
    ]  # fmt: skip
    for contact in dict.fromkeys(alert.contact for alert in waiting):
        of_contact = [alert for alert in waiting if alert.contact == contact]
        yield wrong(
            f"alertes : {len(of_contact)} n'ont pas pu être dites à « {contact} » : {of_contact[-1].why}",
            f"alerts: {len(of_contact)} could not be told to {contact!r}: {of_contact[-1].why}",
            "vérifier l'adresse de ce contact (contacts.env) et la connexion de cette machine à internet",
            "check this contact's address (contacts.env) and this machine's connection to the internet",
        )
