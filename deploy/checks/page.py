"""The monitor's page: may it be there, who may look, does it answer."""

import http.client
import json
from collections.abc import Iterator
from typing import Final

from deploy.checks.finding import Finding, Setup, note, ok, wrong
from monitor.web.accounts import AccountsError, check_bind, parse_accounts

PATIENCE_S: Final = 10.0
EVERYWHERE: Final = ("0.0.0.0", "::", "[::]")


def check_page(setup: Setup) -> Iterator[Finding]:
    if setup.page == "off":
        yield note("page : arrêtée (off)", "page: off")
        return
    host, _, port = setup.page.rpartition(":")
    if not host or not port.isdigit():
        yield wrong(
            f"page : adresse {setup.page!r} non comprise",
            f"page: address {setup.page!r} not understood",
            "écrire MACHINE:PORT dans --page (TREZOR_PAGE), par exemple 127.0.0.1:8080",
            "write HOST:PORT into --page (TREZOR_PAGE), like 127.0.0.1:8080",
        )
        return
    yield from _accounts(setup, host)
    yield from _answer("127.0.0.1" if host in EVERYWHERE else host.strip("[]"), int(port))


def _accounts(setup: Setup, host: str) -> Iterator[Finding]:
    try:
        if setup.accounts is None:
            check_bind(host, None)
            yield ok(
                "page : pour cette machine seulement, sans comptes", "page: for this machine only, without accounts"
            )
            return
        accounts = parse_accounts(setup.accounts.read_text(encoding="utf-8"))
    except (AccountsError, OSError) as error:
        yield wrong(
            f"page : comptes : {error}",
            f"page: accounts: {error}",
            "créer un compte : trezor account add NOM --role technician, et nommer le fichier avec --accounts",
            "make an account: trezor account add NAME --role technician, and name the file with --accounts",
        )
        return
    if accounts:
        yield ok(f"page : {len(accounts)} comptes", f"page: {len(accounts)} accounts")
    else:
        yield wrong(
            "page : aucun compte, personne ne peut entrer",
            "page: no account, nobody can enter",
            "en créer un : trezor account add NOM --role operator",
            "make one: trezor account add NAME --role operator",
        )


def _answer(host: str, port: int) -> Iterator[Finding]:
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE_S)
    try:
        connection.request("GET", "/health")
        health = json.loads(connection.getresponse().read())
        troubles, warnings = list(health["troubles"]), list(health["warnings"])
    except (OSError, http.client.HTTPException) as error:
        yield wrong(
            f"page : http://{host}:{port} ne répond pas ({error})",
            f"page: http://{host}:{port} does not answer ({error})",
            "démarrer le moniteur (docker compose up -d monitor, ou systemctl start trezor-station), voir son journal",
            "start the monitor (docker compose up -d monitor, or systemctl start trezor-station), look into its log",
        )
        return
    except (ValueError, KeyError, TypeError):
        yield wrong(
            f"page : un autre programme répond à http://{host}:{port}",
            f"page: another program answers at http://{host}:{port}",
            "choisir un autre port avec --page (TREZOR_PAGE)",
            "choose another port with --page (TREZOR_PAGE)",
        )
        return
    finally:
        connection.close()
    for warning in warnings:
        yield note(f"moniteur : {warning}", f"monitor: {warning}")
    for trouble in troubles:
        yield wrong(
            f"moniteur : {trouble}",
            f"monitor: {trouble}",
            "voir son journal (docker compose logs monitor)",
            "look into its log (docker compose logs monitor)",
        )
    if not troubles:
        yield ok(
            f"page : http://{host}:{port} répond, le moniteur va bien", f"page: http://{host}:{port} answers, well"
        )
