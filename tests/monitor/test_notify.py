"""Alerts reach people through real transports, once where one can know it, and a sick contact delays nobody."""

import json
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway.fleet import Contact
from monitor.casebook import Casebook, open_casebook
from monitor.notify import LEASE, Notifier
from monitor.transport import TransportError, address, send
from tests.monitor.cases import HORIZON, NOW, closed, episode, fleet
from tests.mosquitto_server import free_port

MINUTE = timedelta(minutes=1)


class Service:
    """A messaging service on this machine: answers with `codes` in order, then with 200; `wait` holds answers back."""

    def __init__(self) -> None:
        self.codes: list[int] = []
        self.heard: list[tuple[str, dict[str, Any]]] = []  # alert id, body
        self.wait = threading.Event()
        self.wait.set()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.heard.append((self.headers["Idempotency-Key"], json.loads(body)))
                service.wait.wait(20)
                self.send_response(service.codes.pop(0) if service.codes else 200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self._server.server_port}/alerts"

    def stop(self) -> None:
        self.wait.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def service() -> Iterator[Service]:
    running = Service()
    yield running
    running.stop()


@pytest.fixture
def book(sqlite_book: Casebook) -> Casebook:
    return sqlite_book


def owe(book: Casebook, *urls: str, lamps: tuple[str, ...] = ("fatoma-02",), now: datetime = NOW) -> None:
    """One dark lamp per name, told to one contact per URL."""
    contacts = [Contact(f"contact {n}", url, "fr") for n, url in enumerate(urls)]
    book.reconcile([episode(lamp) for lamp in lamps], now, HORIZON, fleet(*contacts))


def until(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_alert_is_told_through_apprise_and_once(book, service, tmp_path):
    owe(book, service.url)
    notifier = Notifier(book, tmp_path / "out", {})
    (told,) = notifier.round(NOW).told
    (alert,) = book.alerts()
    ((key, body),) = service.heard
    assert (key, body["message"], body["title"]) == (alert.id, alert.text, "TREZOR: fatoma-02")
    assert told.id == alert.id
    assert alert.told_at == NOW
    notifier.round(NOW + MINUTE)
    assert len(service.heard) == 1
    assert notifier.totals == {"told": 1, "no_address": 0, "failed": 0, "given_up": 0}


def test_a_service_that_fails_is_asked_again_under_the_same_id(book, service):
    service.codes = [500]
    owe(book, service.url)
    notifier = Notifier(book, None, {})
    assert len(notifier.round(NOW).failed) == 1
    (alert,) = book.alerts()
    assert alert.told_at is None
    assert "500" in alert.why
    notifier.round(NOW + timedelta(seconds=59))
    assert len(service.heard) == 1  # in its pause
    notifier.round(NOW + MINUTE)
    assert [key for key, _ in service.heard] == [alert.id, alert.id]
    assert book.alerts()[0].told_at == NOW + MINUTE


def test_a_service_that_refuses_the_message_itself_is_not_asked_again(book, service):
    service.codes = [410]
    owe(book, service.url)
    notifier = Notifier(book, None, {})
    assert len(notifier.round(NOW).given_up) == 1
    notifier.round(NOW + timedelta(days=1))
    assert len(service.heard) == 1
    assert book.alerts()[0].failed_at == NOW


def test_a_refused_connection_and_a_bad_address_do_not_stop_the_others(book, service):
    dead = f"json://127.0.0.1:{free_port()}/"
    owe(book, dead, "nonsense://somewhere", "${BAD}", service.url, lamps=("fatoma-01", "fatoma-02", "fatoma-03"))
    done = Notifier(book, None, {"BAD": "sns://only-half-a-key"}).round(NOW)
    assert len(done.told) == len(service.heard) == 3
    assert len(done.given_up) == 6
    assert {alert.url for alert in done.given_up} == {"nonsense://somewhere", "${BAD}"}
    assert len(done.failed) == 1  # the first of three: the others were not even tried
    waiting = {alert.attempts for alert in book.alerts() if alert.url == dead}
    assert waiting == {0, 1}


def test_an_address_from_the_environment_is_filled_in_and_never_written_down(book, service, tmp_path):
    owe(book, "${FATOMA_URL}")
    secret = service.url.replace("/alerts", "/very-secret-token")
    service.codes = [500]
    notifier = Notifier(book, tmp_path / "out", {"FATOMA_URL": secret})
    notifier.round(NOW)
    notifier.round(NOW + MINUTE)
    (alert,) = book.alerts()
    assert alert.told_at is not None
    assert len(service.heard) == 2
    everything = repr(alert) + "".join(path.read_text() for path in (tmp_path / "out").iterdir())
    assert "secret" not in everything


def test_a_contact_without_an_address_is_told_by_the_outbox(book, tmp_path):
    owe(book, "${UNSET}")
    done = Notifier(book, tmp_path / "out", {"UNSET": ""}).round(NOW)
    (alert,) = book.alerts()
    assert [a.id for a in done.no_address] == [alert.id]
    assert (alert.told_at, alert.why) == (NOW, "no address")
    (file,) = (tmp_path / "out").iterdir()
    assert file.name == "20260303T1925Z_fatoma_fatoma-02_dark_opened_contact-0.txt"
    assert file.read_text(encoding="utf-8").splitlines() == [
        alert.text,
        "",
        "contact 0",
        "2026-03-05 10:00 UTC",
        alert.id,
    ]


def test_without_outbox_and_address_it_stays_owed_until_somebody_gives_one(book, service):
    owe(book, "${LATER}")
    assert len(Notifier(book, None, {}).round(NOW).failed) == 1
    assert "LATER is not set" in book.alerts()[0].why
    assert len(Notifier(book, None, {"LATER": service.url}).round(NOW + MINUTE).told) == 1


def test_an_outbox_that_cannot_be_written_hinders_no_telling(book, service, tmp_path):
    (tmp_path / "out").write_text("a file where the folder should be")
    owe(book, service.url, "${UNSET}")
    done = Notifier(book, tmp_path / "out", {}).round(NOW)
    assert len(done.told) == 1
    assert len(done.failed) == 1


def test_every_change_has_a_file_of_its_own_and_no_half_written_ones(book, tmp_path):
    out = tmp_path / "out"
    contacts = fleet(
        Contact("Mairie de Fatoma, été", "${UNSET}", "fr"), Contact("mairie de fatoma ete", "${UNSET}", "en")
    )
    notifier = Notifier(book, out, {})
    book.reconcile([episode()], NOW, HORIZON, contacts)
    notifier.round(NOW)
    book.reconcile([closed(episode(), NOW)], NOW + MINUTE, HORIZON, contacts)
    notifier.round(NOW + MINUTE)
    names = sorted(path.name for path in out.iterdir())
    assert len(names) == 4
    assert all(name.endswith(".txt") for name in names)
    assert [("opened" in name, "closed" in name) for name in names] == [(False, True)] * 2 + [(True, False)] * 2
    assert len({path.read_text() for path in out.iterdir()}) == 4


def test_a_transport_that_hangs_holds_up_nobody_and_counts_when_it_comes_through(book, service):
    other = Service()
    service.wait.clear()
    owe(book, service.url + "?rto=30", other.url)
    send(other.url, "", "the first message loads the plugins, which takes its time", "")
    notifier = Notifier(book, None, {}, patience_s=2.0)
    began = time.monotonic()
    done = notifier.round(NOW)
    assert time.monotonic() - began < 15
    assert [alert.contact for alert in done.told] == ["contact 1"]
    assert [alert.contact for alert in done.failed] == ["contact 0"]
    assert len(notifier.round(NOW + MINUTE).failed) == 1  # still hanging: not asked a second time
    assert len(service.heard) == 1
    service.wait.set()
    until(lambda: notifier.round(NOW + 2 * MINUTE) and book.alerts()[0].told_at and book.alerts()[1].told_at)
    assert len(service.heard) == 1
    other.stop()


def test_a_transport_that_breaks_is_one_failure_and_not_the_end(book):
    owe(book, "json://one", "json://two")

    def broken(url: str, title: str, text: str, alert: str) -> None:
        if "one" in url:
            raise ZeroDivisionError("a bug in a plugin")

    done = Notifier(book, None, {}, send=broken).round(NOW)
    assert (len(done.told), len(done.failed)) == (1, 1)
    assert "ZeroDivisionError" in next(alert.why for alert in book.alerts() if not alert.told_at)


def test_pauses_follow_the_transports_clock_where_the_worlds_own_stands_still(book, service):
    service.codes = [500]
    owe(book, service.url)
    clock = [NOW + timedelta(days=100)]
    notifier = Notifier(book, None, {}, lambda: clock[0])
    notifier.round(NOW)
    clock[0] += MINUTE
    assert len(notifier.round(NOW).told) == 1
    assert book.alerts()[0].told_at == NOW


KILLED = """
    import os
    import sys
    from datetime import datetime
    from monitor.casebook import open_casebook
    from monitor.notify import Notifier

    class Dies:
        def __init__(self, book):
            self.book = book
        def __getattr__(self, name):
            if name == "told":
                os._exit(9)  # the message is out, the mark is not made
            return getattr(self.book, name)

    book = open_casebook(sys.argv[1], "trezor")
    Notifier(Dies(book), None, {}).round(datetime.fromisoformat(sys.argv[2]))
"""


def test_a_process_killed_between_sending_and_marking_sends_again_under_the_same_id(tmp_path, service):
    url = f"sqlite:///{tmp_path}/book.sqlite"
    book = open_casebook(url, "trezor")
    owe(book, service.url)
    script = [sys.executable, "-c", textwrap.dedent(KILLED), url, NOW.isoformat()]
    killed = subprocess.run(script, cwd=Path(__file__).parents[2], check=False, timeout=60)
    assert killed.returncode == 9
    assert len(service.heard) == 1
    notifier = Notifier(book, None, {})
    assert not notifier.round(NOW + MINUTE).told  # it might still be on its way
    assert len(notifier.round(NOW + LEASE).told) == 1
    assert [key for key, _ in service.heard] == [book.alerts()[0].id] * 2
    book.close()


def test_two_notifiers_at_once_send_each_alert_once(tmp_path, service):
    url = f"sqlite:///{tmp_path}/book.sqlite"
    books = [open_casebook(url, "trezor") for _ in range(2)]
    owe(books[0], service.url, lamps=("fatoma-01", "fatoma-02", "fatoma-03"))
    threads = [threading.Thread(target=Notifier(book, None, {}).round, args=(NOW,)) for book in books]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(service.heard) == 3
    assert all(alert.told_at for alert in books[1].alerts())
    for book in books:
        book.close()


def test_addresses():
    assert address("json://a/${ONE}?x=${TWO}", {"ONE": "1", "TWO": "2"}) == ("json://a/1?x=2", "")
    assert address("${ONE}", {"ONE": ""}) == (None, "ONE")
    assert address("mailto://plain", {}) == ("mailto://plain", "")


@pytest.mark.parametrize(
    "url", ["", "nonsense://x", "json://", "tgram://bad", "sns://x", "mailto://", "just text", "http://"]
)
def test_a_bad_address_is_known_for_what_it_is(url):
    with pytest.raises(TransportError, match="address not") as error:
        send(url, "title", "text", "id")
    assert error.value.permanent
