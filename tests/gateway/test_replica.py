"""Replicas' names: given, numbered, or the host's; and the sign of life."""

import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.listen import Counters
from gateway.replica import MOST, STUCK_S, NoSlot, replica, sign

WELL = Counters(
    messages=0, accepted=0, refused=0, rows=0, batches=0, bytes=0, resends_asked=0, reports_lost=0, queued=0,
    lag_s=0.0, last_written=None, connected=True, store_away="",
)  # fmt: skip


def test_a_name_that_was_given_stays(tmp_path: Path) -> None:
    with replica("north", tmp_path) as name:
        assert name == "north"
    with replica("", tmp_path) as name:
        assert name == "", "one gateway alone has none"
    assert list(tmp_path.iterdir()) == []


def test_each_takes_the_lowest_free_number_and_gives_it_back(tmp_path: Path) -> None:
    with ExitStack() as stack:
        names = [stack.enter_context(replica("auto", tmp_path / "slots")) for _ in range(2)]
        with replica("auto", tmp_path / "slots") as third:
            assert [*names, third] == ["1", "2", "3"]
        with replica("auto", tmp_path / "slots") as again:
            assert again == "3"
    with replica("auto", tmp_path / "slots") as first:
        assert first == "1"


def test_a_killed_replica_gives_its_number_back(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from gateway.replica import replica\n"
        "with replica('auto', Path(sys.argv[1])) as name: print(name, flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "1\n"
        with replica("auto", tmp_path) as name:
            assert name == "2", "another process holds the first"
    finally:
        child.kill()
        child.wait(10)
        child.stdout.close()
    with replica("auto", tmp_path) as name:
        assert name == "1"


def test_without_a_folder_it_is_the_hosts_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "Box_7.local" + "x" * 60)
    with replica("auto", None) as name:
        assert name.startswith("box-7-local")
        assert len(name) == 32


def test_what_cannot_be_had_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NoSlot, match="cannot be used"), replica("auto", tmp_path / "file"):
        pass
    with ExitStack() as stack:
        for _ in range(MOST):
            stack.enter_context(replica("auto", tmp_path / "slots"))
        with pytest.raises(NoSlot, match="--suffix"), replica("auto", tmp_path / "slots"):
            pass


def test_what_goes_wrong_meanwhile_is_not_taken_for_ours(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replica("auto", tmp_path):
        raise FileNotFoundError


def test_a_gateway_signs_while_it_does_its_work(tmp_path: Path) -> None:
    assert sign(tmp_path / "alive", WELL)
    assert (tmp_path / "alive").exists()
    assert sign(tmp_path / "patient", replace(WELL, lag_s=STUCK_S, store_away="InfluxDB cannot be reached"))
    for ill in (replace(WELL, connected=False), replace(WELL, lag_s=STUCK_S)):
        assert not sign(tmp_path / "ill", ill)
    assert not (tmp_path / "ill").exists()
