"""Debian's Mosquitto on a free port of this machine, in a temporary folder, stopped by its process id."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from gateway.options import Broker

BINARY = shutil.which("mosquitto") or ("/usr/sbin/mosquitto" if Path("/usr/sbin/mosquitto").exists() else None)

CONFIG = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
autosave_interval 1
max_inflight_messages 0
max_queued_messages 0
log_dest file {folder}/mosquitto.log
log_type error
log_type warning
log_type notice
"""


def need(binary: str | None, name: str) -> str:
    """The binary; without it the test is skipped loudly, and fails where everything must be there (CI=true)."""
    if binary:
        return binary
    message = f"{name} is not installed: `make servers` installs it; its tests prove nothing here"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_port(port: int, process: "subprocess.Popen[bytes]", timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"server ended with code {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"no server on port {port} after {timeout_s} s")


class Mosquitto:
    """`config` replaces the default configuration; `{port}` and `{folder}` are filled in."""

    def __init__(self, folder: Path, config: str = CONFIG) -> None:
        self.folder = folder
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        # Started by root it would drop its rights, and could not save its queues in a folder that only root may enter.
        keep_rights = "user root\n" if os.geteuid() == 0 else ""
        self._config.write_text(config.format(port=self.port, folder=folder) + keep_rights)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> Broker:
        return Broker("127.0.0.1", self.port, tls=False)

    @property
    def url(self) -> str:
        return str(self.address)

    def start(self) -> "Mosquitto":
        binary = need(BINARY, "mosquitto")
        arguments = [binary, "-c", str(self._config)]
        self._process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.port, self._process)
        return self

    def reload(self) -> None:
        """Makes it read its password and access files again, as SIGHUP does in service."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def stop(self, kill: bool = False) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
            self._process.wait(10)
            self._process = None
