"""`trezor replay` as a process of its own, to be watched, stopped and killed."""

import os
import subprocess
import sys
from pathlib import Path

from tests.mosquitto_server import Mosquitto

ROOT = Path(__file__).parents[2]


def command(recording: Path, world: str, server: Mosquitto, *more: str) -> "subprocess.Popen[bytes]":
    code = "from firmware_sim.commands import replay; replay()"
    options = [str(recording), "--world", world, "--broker", f"mqtt://127.0.0.1:{server.port}", *more]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *options], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip
