"""The service of docker-compose.yml without Docker: its commands and environment, on servers of this machine.

What docker-compose makes of the file and of the provisioned .env is what runs here; only the names that lead from one
container to the other, and paths inside containers, are replaced by those of this machine.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import yaml

from tests.mosquitto_server import need

ROOT = Path(__file__).parent.parent.parent
FILE = ROOT / "docker-compose.yml"
PROFILES = ("demo", "tools")
COMPOSE = shutil.which("docker-compose")


def configured(project: Path) -> dict[str, Any]:
    """The services as Compose understands them, everything filled in. `project` holds .env and what the file names."""
    done = compose(project, *(word for profile in PROFILES for word in ("--profile", profile)), "config")
    assert done.returncode == 0, done.stderr
    return dict(yaml.safe_load(done.stdout)["services"])


def compose(project: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    binary = need(COMPOSE, "docker-compose")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TREZOR_")}
    command = [binary, "-f", str(project / FILE.name), *arguments]
    return subprocess.run(command, cwd=project, env=clean, capture_output=True, text=True)


class Here:
    """What stands for what: `replace` are pairs of a text of the compose file and the one of this machine."""

    def __init__(self, folder: Path, replace: dict[str, str]) -> None:
        self.folder = folder
        self._replace = replace
        self._children: list[tuple[subprocess.Popen[bytes], IO[bytes]]] = []

    def here(self, text: str, own: Path | None = None) -> str:
        """`own` stands for the container's /tmp."""
        for there, here in {**({"/tmp/": f"{own}/"} if own else {}), **self._replace}.items():
            text = text.replace(there, here)
        return text

    def environment(self, service: dict[str, Any], own: Path) -> dict[str, str]:
        """Exactly what the container would have, besides where programs are found."""
        named = service.get("environment") or {}
        filled = {name: self.here(str(value).replace("$$", "$"), own) for name, value in named.items()}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return {"PATH": path, "HOME": str(own), **filled}

    def start(self, service: dict[str, Any], name: str) -> "subprocess.Popen[bytes]":
        """The service's command as a process, its output in a file NAME.log."""
        own = self.own(name)
        log = (own / "log").open("wb")
        command = [sys.executable, "-m", "trezor", *service["command"]]
        child = subprocess.Popen(command, cwd=ROOT, env=self.environment(service, own), stdout=log, stderr=log)
        self._children.append((child, log))
        return child

    def run(self, service: dict[str, Any], *command: str) -> "subprocess.CompletedProcess[str]":
        """A service that ends by itself, or `docker compose run` with another command."""
        words = [sys.executable, "-m", "trezor", *(command or service["command"])]
        environment = self.environment(service, self.own("run"))
        return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)

    def healthy(self, service: dict[str, Any], name: str, replace: dict[str, str] | None = None) -> bool:
        """What the service's health check says, run as it stands."""
        own = self.own(name)
        kind, *words = [self.here(word.replace("$$", "$"), own) for word in service["healthcheck"]["test"]]
        for there, here in (replace or {}).items():
            words = [word.replace(there, here) for word in words]
        command = ["sh", "-c", *words] if kind == "CMD-SHELL" else words
        return (
            subprocess.run(command, env=self.environment(service, own), capture_output=True, timeout=60).returncode == 0
        )

    def own(self, name: str) -> Path:
        folder = self.folder / "own" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def log(self, name: str) -> str:
        return (self.own(name) / "log").read_text(encoding="utf-8")

    def stop(self, child: "subprocess.Popen[bytes]") -> int:
        """As Compose does it; the exit code."""
        child.send_signal(signal.SIGTERM)
        return child.wait(60)

    def close(self) -> None:
        for child, log in self._children:
            if child.poll() is None:
                child.kill()
                child.wait(10)
            log.close()
