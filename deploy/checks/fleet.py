"""The fleet file, and whether those who should be told can be."""

from collections.abc import Iterator

import apprise

from deploy.checks.finding import Finding, Setup, note, ok, wrong
from gateway.fleet import Contact, Fleet, FleetError, parse_fleet
from monitor.transport import address, quiet


def check_fleet(setup: Setup) -> Iterator[Finding]:
    path = setup.fleet
    try:
        fleet = parse_fleet(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        yield wrong(
            f"fichier du parc {path} : illisible ({error})",
            f"fleet file {path}: cannot be read ({error})",
            "indiquer le bon fichier avec --fleet (TREZOR_FLEET)",
            "name the right file with --fleet (TREZOR_FLEET)",
        )
        return
    except FleetError as error:
        count, first = len(error.mistakes), error.mistakes[0]
        yield wrong(
            f"fichier du parc {path} : {count} erreur(s) ; la première : {first}",
            f"fleet file {path}: {count} mistake(s); the first: {first}",
            f"les corriger toutes : trezor fleet check {path}",
            f"mend them all: trezor fleet check {path}",
        )
        return
    yield ok(
        f"fichier du parc : {len(fleet.lamps)} lampes, {len(fleet.communes)} communes",
        f"fleet file: {len(fleet.lamps)} lamps, {len(fleet.communes)} communes",
    )
    yield from _contacts(fleet, setup)


def _contacts(fleet: Fleet, setup: Setup) -> Iterator[Finding]:
    quiet()
    for commune in fleet.communes.values():
        if not fleet.contacts(commune.id):
            yield note(
                f"{commune.name} : personne n'est prévenu (aucun contact dans le fichier du parc)",
                f"{commune.name}: nobody is told (no contact in the fleet file)",
            )
    everybody = dict.fromkeys(contact for commune in fleet.communes for contact in fleet.contacts(commune))
    troubles = [finding for contact in everybody for finding in _contact(contact, setup)]
    yield from troubles
    if everybody and not troubles:
        yield ok(f"{len(everybody)} contacts ont une adresse", f"{len(everybody)} contacts have an address")


def _contact(contact: Contact, setup: Setup) -> Iterator[Finding]:
    url, missing = address(contact.url, setup.environ)
    if url is None:
        yield wrong(
            f"contact « {contact.role} » : la variable {missing} n'a pas de valeur, ses alertes restent en attente",
            f"contact {contact.role!r}: the variable {missing} has no value, its alerts wait",
            f"écrire {missing}=mailto://… (ou toute adresse Apprise) dans contacts.env, puis redémarrer le moniteur",
            f"write {missing}=mailto://… (or any Apprise URL) into contacts.env, then restart the monitor",
        )
    elif apprise.Apprise.instantiate(url) is None:
        yield wrong(
            f"contact « {contact.role} » : son adresse n'est pas comprise par Apprise",
            f"contact {contact.role!r}: Apprise does not understand its address",
            "corriger l'adresse ; exemples : mailto://utilisateur:motdepasse@serveur, ntfys://sujet",
            "correct the address; examples: mailto://user:password@server, ntfys://topic",
        )
