"""Debian's PostgreSQL on a free port of this machine, in a temporary folder, stopped by its process id."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.mosquitto_server import free_port, need, wait_for_port


def _binary(name: str) -> str | None:
    return shutil.which(name) or next((str(p) for p in sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))), None)


class Postgres:
    """A server that anybody on this machine may enter as `postgres`, with databases for the asking."""

    def __init__(self) -> None:
        self.port = free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))  # pytest's own folders are closed to other users
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = 0

    def start(self) -> "Postgres":
        initdb, server = need(_binary("initdb"), "postgresql"), need(_binary("postgres"), "postgresql")
        data = self._folder / "data"
        data.mkdir()
        rights: dict[str, Any] = {}
        if os.geteuid() == 0:  # it refuses to run as root
            user = pwd.getpwnam("postgres")
            rights = {"user": user.pw_uid, "group": user.pw_gid}
            for path in (self._folder, data):
                os.chown(path, user.pw_uid, user.pw_gid)
        settled = [initdb, "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(settled, check=True, stdout=subprocess.DEVNULL, **rights)
        arguments = [server, "-D", str(data), "-p", str(self.port), "-h", "127.0.0.1", "-k", str(self._folder), "-F"]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(arguments, stdout=log, stderr=log, **rights)
        wait_for_port(self.port, self._process)
        self._wait_until_ready()
        return self

    def _wait_until_ready(self, timeout_s: float = 30.0) -> None:
        """It listens a moment before it lets anybody in."""
        ready = [need(_binary("pg_isready"), "postgresql"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        deadline = time.monotonic() + timeout_s
        while subprocess.run(ready).returncode:
            if time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL does not get ready: {(self._folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def database(self) -> str:
        """The URL of a new, empty database."""
        self._databases += 1
        name = f"test_{self._databases}"
        createdb = need(_binary("createdb"), "postgresql")
        subprocess.run(
            [createdb, "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", name],
            check=True, cwd=self._folder,
        )  # fmt: skip
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{name}"

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # fast shutdown: it does not wait for clients
            self._process.wait(20)
            self._process = None
        shutil.rmtree(self._folder, ignore_errors=True)
