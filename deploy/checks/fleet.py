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
    everybody = tuple(dict.fromkeys(contact for commune in fleet.communes for contact in fleet.contacts(commune)))
    troubles = [*_without_address(everybody, setup), *(f for contact in everybody for f in _not_usable(contact, setup))]
    yield from troubles
    if everybody and not troubles:
        yield ok(f"{len(everybody)} contacts ont une adresse", f"{len(everybody)} contacts have an address")


def _without_address(everybody: tuple[Contact, ...], setup: Setup) -> Iterator[Finding]:
    missing = {contact.role: address(contact.url, setup.environ)[1] for contact in everybody}
    names = list(dict.fromkeys(filter(None, missing.values())))
    if not names:
        return
    roles = ", ".join(role for role, name in missing.items() if name)
    yield wrong(
        f"contacts sans adresse, leurs alertes ne vont que dans le dossier des alertes : {roles}",
        f"contacts without an address, their alerts only go to the alerts folder: {roles}",
        f"remplir dans contacts.env, puis redémarrer le moniteur : {', '.join(names)}",
        f"fill in contacts.env, then restart the monitor: {', '.join(names)}",
    )


def _not_usable(contact: Contact, setup: Setup) -> Iterator[Finding]:
    url, _ = address(contact.url, setup.environ)
    if url is not None and apprise.Apprise.instantiate(url) is None:
        yield wrong(
            f"contact « {contact.role} » : son adresse n'est pas comprise par Apprise",
            f"contact {contact.role!r}: Apprise does not understand its address",
            "corriger l'adresse ; exemples : mailto://utilisateur:motdepasse@serveur, ntfys://sujet",
            "correct the address; examples: mailto://user:password@server, ntfys://topic",
        )
