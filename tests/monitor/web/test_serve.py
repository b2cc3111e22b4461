"""The page behind its server: a free port, a taken one, and an end that frees it."""

import socket
from urllib.request import urlopen

import pytest

from monitor.web.accounts import AccountsError
from monitor.web.serve import PortTaken, Site
from tests.monitor.web.conftest import app_of
from tests.monitor.web.village import Village


def test_the_page_is_served_and_stopped(shown: Village) -> None:
    site = Site(app_of(shown), "127.0.0.1", 0, None)
    site.start()
    with urlopen(site.url + "health", timeout=10) as answer:
        assert answer.status == 200
    site.stop()
    with socket.create_server(("127.0.0.1", site.port), reuse_port=False):
        pass


def test_a_taken_port_is_reported_with_the_remedy(shown: Village) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} of 127.0.0.1 cannot be had.*another"):
            Site(app_of(shown), "127.0.0.1", port, None)


def test_the_page_is_not_opened_to_others_without_accounts(shown: Village) -> None:
    with pytest.raises(AccountsError):
        Site(app_of(shown), "0.0.0.0", 0, None)
