"""The application behind waitress, in a thread of its own."""

import threading
from typing import Any, Final

from flask import Flask
from waitress import create_server  # type: ignore[import-untyped]  # no stubs are published with it

from gateway.trouble import Trouble
from monitor.web.accounts import Accounts, check_bind

THREADS: Final = 6


class PortTaken(Trouble):
    """Somebody else listens there already; the message says what to do."""


class Site:
    """Listens from birth, answers from `start()` until `stop()`. `port` 0 takes a free one; `url` tells which."""

    def __init__(self, app: Flask, host: str, port: int, accounts: Accounts | None) -> None:
        """Raises AccountsError when others could look without accounts, PortTaken when it cannot listen."""
        check_bind(host, accounts)
        try:
            self._server: Any = create_server(app, host=host, port=port, threads=THREADS, ident="trezor")
        except OSError as error:
            raise PortTaken(
                f"port {port} of {host} cannot be had ({error.strerror or error}): stop what listens there, or choose "
                f"another with --page HOST:PORT"
            ) from None
        # A name like localhost may stand for several addresses; waitress then listens on each.
        several = getattr(self._server, "effective_listen", None)
        self.host, self.port = host, int(several[0][1] if several else self._server.effective_port)
        self._thread = threading.Thread(target=self._server.run, name="web", daemon=True)

    @property
    def url(self) -> str:
        shown = "127.0.0.1" if self.host in ("", "0.0.0.0", "::") else self.host
        return f"http://{f'[{shown}]' if ':' in shown else shown}:{self.port}/"

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Answers what is being asked, then frees the port."""
        self._server.task_dispatcher.shutdown()
        self._server.close()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
