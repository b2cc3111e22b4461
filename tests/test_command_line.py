"""`trezor` itself: how little it loads for a question, and how it ends when something is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

FLEET_FILE = Path(__file__).parents[1] / "fleet.toml"
HEAVY = "pvlib", "scipy", "pandas", "flask"  # seconds on a small machine, for who only asks


def trezor(*words: str, after: str = "") -> "subprocess.CompletedProcess[str]":
    """As it is typed; then, in the same process, what `after` says."""
    code = f"import sys, trezor\ntry:\n    trezor.main()\nfinally:\n    {after or 'pass'}"
    return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True)


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["cases", "--help"],
        ["nights", "--help"],
        ["explain", "--help"],
        ["account", "add", "--help"],
        ["fleet", "check", str(FLEET_FILE)],
    ],
)
def test_a_question_does_not_load_what_judges_simulates_or_serves(words: list[str]) -> None:
    done = trezor(*words, after=f"print('loaded:', *({set(HEAVY)} & {{*sys.modules}}))")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded:"


def test_expected_trouble_ends_in_one_sentence() -> None:
    done = trezor("cases", "--casebook", "mysql://nowhere/cases")
    assert done.returncode == 1
    assert done.stderr.startswith("trezor: casebook of 'mysql' is not supported")
    assert len(done.stderr.splitlines()) == 1


def test_a_command_that_is_none_is_refused() -> None:
    done = trezor("case")
    assert done.returncode == 2
    assert "No such command 'case'" in done.stderr
