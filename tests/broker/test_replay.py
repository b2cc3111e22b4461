"""Recorder and replay against a real broker: what goes in comes out, whatever happens on the way."""

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from firmware_sim.commands import replay as replay_command
from firmware_sim.network import Network, Outage, micros
from firmware_sim.position import PositionError, load
from firmware_sim.radio import Message, Radio
from firmware_sim.record import record
from firmware_sim.recording import Recording, RecordingWriter
from firmware_sim.replay import Controls, Progress, Replay
from tests.broker.ear import Ear, wait_until
from tests.broker.replays import command
from tests.firmware_sim.samples import START, days, fleet
from tests.mosquitto_server import Mosquitto

pytestmark = pytest.mark.mosquitto

LAMPS = fleet(2, 3)
SHAKY = Network(report_minutes=30, loss=0.02, duplicate=0.05, reorder=0.05, dropouts_per_day=0.5)


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    """Four days of six lamps on a shaky network, with an outage: doubles, late ones, last wills."""
    path = tmp_path / "four-days.parquet"
    outage = Outage("konna", START + timedelta(hours=20), START + timedelta(hours=44))
    with RecordingWriter(path, {"world": "before"}) as writer:
        for message in Radio(LAMPS, "before", 1, SHAKY, [outage]).messages(days(LAMPS, 4)):
            writer.add(message)
    return Recording(path)


def content(messages: list[Message]) -> list[tuple[str, bytes, str | None, bool]]:
    return [(m.topic.partition("/")[2], m.payload, m.content_type, m.retain) for m in messages]


def all_of(recording: Recording) -> list[Message]:
    return [message for _, message in recording.messages()]


def recorded(server: Mosquitto, world: str, path: Path, during: Callable[[], None], enough: int) -> Recording:
    """What a recorder writes while `during` goes on, until it has `enough`."""
    ready, ended = threading.Event(), threading.Event()
    counts = [0]
    worker = threading.Thread(
        target=record,
        args=(server.address, world, path, "test"),
        kwargs={
            "stopped": ended.is_set, "clock": lambda: datetime.now(UTC), "subscribed": ready.set,
            "progress": lambda count, _: counts.append(count),
        },
    )  # fmt: skip
    worker.start()
    try:
        assert ready.wait(10)
        during()
        wait_until(lambda: counts[-1] >= enough, f"{enough} messages recorded")
    finally:
        ended.set()
        worker.join(20)
    return Recording(path)


def player(recording: Recording, world: str, server: Mosquitto, **more: object) -> Replay:
    options: dict[str, object] = {"speed": None, "state": recording.path.with_suffix(f".{world}"), **more}
    return Replay(recording, world, server.address, **options)  # type: ignore[arg-type]  # keywords of the test's choice


def test_a_recording_of_a_replay_is_the_recording(mosquitto: Mosquitto, recording: Recording, tmp_path: Path) -> None:
    original = all_of(recording)
    copy = recorded(
        mosquitto, "w", tmp_path / "copy.parquet",
        lambda: assert_all(player(recording, "w", mosquitto).run(Controls()), original), len(original),
    )  # fmt: skip
    assert content(all_of(copy)) == content(original)
    assert copy.about == {"format": "1", "world": "w", "fleet": "test", "origin": "record", "broker": mosquitto.url}
    assert {m.topic.split("/")[0] for m in all_of(copy)} == {"w"}


def assert_all(count: int, original: list[Message]) -> None:
    assert count == len(original)


def test_the_gateways_own_words_are_recorded_and_not_replayed(mosquitto: Mosquitto, tmp_path: Path) -> None:
    with RecordingWriter(tmp_path / "asked.parquet", {}) as writer:
        writer.add(Message(micros(START), "w/fatoma/fatoma-01/resend", b"{}", None, 1, False))
        writer.add(Message(micros(START), "w/fatoma/fatoma-01/event", b"{}", None, 1, False))
    with Ear(mosquitto.address, "again/#") as ear:
        assert player(Recording(tmp_path / "asked.parquet"), "again", mosquitto).run(Controls()) == 1
        wait_until(lambda: len(ear.heard) == 1, "the event")
    assert ear.heard[0].topic == "again/fatoma/fatoma-01/event"


def test_the_spacing_is_the_original_one_divided_by_the_speed(mosquitto: Mosquitto, tmp_path: Path) -> None:
    path = tmp_path / "minutes.parquet"
    with RecordingWriter(path, {}) as writer:
        for minute in (0, 1, 4, 5):
            writer.add(
                Message(micros(START + timedelta(minutes=minute)), "w/a/a-1/event", b"%d" % minute, None, 1, False)
            )
    with Ear(mosquitto.address, "w/#") as ear:
        playing = player(Recording(path), "w", mosquitto, speed=120.0)
        playing.run(Controls())
        wait_until(lambda: len(ear.heard) == 4, "four messages")
    since = [at - ear.times[0] for at in ear.times]
    assert since[1:] == pytest.approx([0.5, 2.0, 2.5], abs=0.4)
    assert playing.late_s == 0


def test_between_two_messages_nothing_is_late_and_time_goes_on(mosquitto: Mosquitto, tmp_path: Path) -> None:
    path = tmp_path / "hours.parquet"
    with RecordingWriter(path, {}) as writer:
        for hour in (0, 6):
            writer.add(Message(micros(START + timedelta(hours=hour)), "w/a/a-1/event", b"%d" % hour, None, 1, False))
    shown = list[Progress]()  # by a clock that runs ten times as fast
    playing = player(Recording(path), "w", mosquitto, speed=600.0, ticks=lambda: 10 * time.monotonic())
    playing.run(Controls(), shown.append)
    waiting = [progress for progress in shown if 0.1 < progress.share < 0.9]
    assert len(waiting) > 5
    assert max(progress.late_s for progress in waiting) == 0
    assert [progress.at for progress in waiting] == sorted({progress.at for progress in waiting})
    for progress in waiting:
        assert progress.left_s == pytest.approx(36 * (1 - progress.share), abs=0.1)


def test_from_and_to_leave_out_what_lies_outside(mosquitto: Mosquitto, recording: Recording) -> None:
    since, until = micros(START + timedelta(hours=30)), micros(START + timedelta(hours=50))
    with Ear(mosquitto.address, "w/#") as ear:
        playing = player(recording, "w", mosquitto, since=since, until=until)
        wanted = [m for m in all_of(recording) if since <= m.at < until]
        assert playing.run(Controls()) == len(wanted) > 0
        assert playing.done
        wait_until(lambda: len(ear.heard) == len(wanted), "what lies between")
    assert [m.payload for m in ear.heard] == [m.payload for m in wanted]


def test_a_paused_replay_sends_nothing_and_goes_on_where_it_was(mosquitto: Mosquitto, recording: Recording) -> None:
    controls, shown = Controls(paused=True), list[Progress]()
    playing = player(recording, "w", mosquitto, speed=100_000.0)
    with Ear(mosquitto.address, "w/#") as ear:
        worker = threading.Thread(target=playing.run, args=(controls, shown.append))
        worker.start()
        wait_until(lambda: len(shown) > 20, "four seconds and more")
        assert all(progress.paused for progress in shown)
        assert not ear.heard
        controls.paused = False
        worker.join(60)
        wait_until(lambda: len(ear.heard) == recording.rows, "everything")
    # The pause moved the schedule: the replay did not come late by it.
    assert max(progress.late_s for progress in shown) < 3.0


def test_a_replay_killed_half_way_and_resumed_loses_none(mosquitto: Mosquitto, recording: Recording) -> None:
    state = recording.path.with_name(f"{recording.path.name}.w.replay")
    original = all_of(recording)
    with Ear(mosquitto.address, "w/#") as ear:
        # 96 h in about twenty seconds; killed where its position has been saved at least once.
        process = command(recording.path, "w", mosquitto, "--speed", "17000")
        wait_until(lambda: state.exists() and len(ear.heard) > len(original) // 5, "the first fifth", 60)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=10)
        found = load(state)
        assert found is not None
        assert not found.done
        assert found.row <= len({(m.topic, bytes(m.payload)) for m in ear.heard}) + 200
        resumed = command(recording.path, "w", mosquitto, "--resume")
        out, _ = resumed.communicate(timeout=60)
        assert resumed.returncode == 0, out
        wanted = Counter((m.topic.partition("/")[2], m.payload) for m in original)
        wait_until(lambda: not wanted - heard_by(ear), "every message at least as often as recorded", every_s=0.3)
    assert sum((heard_by(ear) - wanted).values()) < len(original) // 2  # it did not begin anew
    found = load(state)
    assert found is not None
    assert found.done


def heard_by(ear: Ear) -> Counter[tuple[str, bytes]]:
    return Counter((m.topic.partition("/")[2], bytes(m.payload)) for m in list(ear.heard))


def test_ctrl_c_stops_cleanly_and_usr1_pauses(mosquitto: Mosquitto, recording: Recording) -> None:
    with Ear(mosquitto.address, "w/#") as ear:
        process = command(recording.path, "w", mosquitto, "--speed", "20000")
        wait_until(lambda: len(ear.heard) > 20, "the first messages", 60)
        process.send_signal(signal.SIGUSR1)
        still = Stillness(ear)
        wait_until(still, "no message for a second")
        process.send_signal(signal.SIGUSR1)
        count = len(ear.heard)
        wait_until(lambda: len(ear.heard) > count, "it goes on")
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"--resume goes on from there" in out


def test_keys_pause_go_on_and_stop(mosquitto: Mosquitto, recording: Recording) -> None:
    keyboard, terminal = pty.openpty()
    code = "from firmware_sim.commands import replay; replay()"
    broker = f"mqtt://127.0.0.1:{mosquitto.port}"
    options = [str(recording.path), "--world", "w", "--broker", broker, "--speed", "20000"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *options],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=terminal, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(terminal, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    try:
        with Ear(mosquitto.address, "w/#") as ear:
            wait_until(lambda: len(ear.heard) > 20, "the first messages", 60)
            os.write(keyboard, b"p")
            wait_until(Stillness(ear), "no message for a second")
            count = len(ear.heard)
            os.write(keyboard, b"p")
            wait_until(lambda: len(ear.heard) > count, "it goes on")
            os.write(keyboard, b"q")
            out, _ = process.communicate(timeout=20)
    finally:
        process.kill()
        os.close(keyboard)
        os.close(terminal)
    assert process.returncode == 130
    assert b"--resume" in out


class Stillness:
    """True when an ear has heard nothing new for a second."""

    def __init__(self, ear: Ear) -> None:
        self._ear = ear
        self._count = -1
        self._since = 0.0

    def __call__(self) -> bool:
        if len(self._ear.heard) != self._count:
            self._count, self._since = len(self._ear.heard), time.monotonic()
        return time.monotonic() - self._since > 1.0


def test_a_broker_that_is_away_is_waited_for_and_people_are_told(mosquitto: Mosquitto, recording: Recording) -> None:
    mosquitto.stop()
    process = command(recording.path, "w", mosquitto)
    assert process.stderr is not None
    line = process.stderr.readline().decode()
    assert f"{mosquitto.url} does not answer (Connection refused): trying again until it does" in line
    mosquitto.start()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert f"{recording.rows} messages acknowledged" in out.decode()
    assert "it answers again" in err.decode()


def test_a_span_that_holds_nothing_is_refused_with_what_the_recording_holds(recording: Recording) -> None:
    def refused(*more: str) -> str:
        answer = CliRunner().invoke(replay_command, [str(recording.path), "--world", "w", *more])
        assert answer.exit_code == 2
        return " ".join(answer.output.split())

    assert "must be after --from" in refused("--from", "2026-03-03", "--to", "2026-03-02")
    first, last = (f"{datetime.fromtimestamp(at / 1e6, UTC):%Y-%m-%dT%H:%M}" for at in recording.span() or ())
    for outside in (("--from", "2027-01-01"), ("--to", "2020-01-01")):
        assert f"goes from {first} to {last}" in refused(*outside)


def test_the_living_world_is_refused_unless_said_so(mosquitto: Mosquitto, recording: Recording) -> None:
    broker = ["--broker", f"mqtt://127.0.0.1:{mosquitto.port}"]
    with Ear(mosquitto.address, "trezor/#") as ear:
        refused = CliRunner().invoke(replay_command, [str(recording.path), "--world", "trezor", *broker])
        assert refused.exit_code == 2
        assert "--into-the-living-world" in refused.output
        assert not ear.heard
        allowed = CliRunner().invoke(
            replay_command, [str(recording.path), "--world", "trezor", "--into-the-living-world", *broker]
        )
        assert allowed.exit_code == 0, allowed.output
        wait_until(lambda: len(ear.heard) == recording.rows, "everything")


def test_the_state_of_another_replay_is_not_resumed(mosquitto: Mosquitto, recording: Recording, tmp_path: Path) -> None:
    state = tmp_path / "state"
    with pytest.raises(PositionError, match="does not exist"):
        player(recording, "w", mosquitto, state=state, resume=True)
    player(recording, "w", mosquitto, state=state).save()
    with pytest.raises(PositionError, match="belongs to the world w"):
        player(recording, "v", mosquitto, state=state, resume=True)
    with pytest.raises(PositionError, match="another --from"):
        player(recording, "w", mosquitto, state=state, resume=True, since=1)
    with RecordingWriter(tmp_path / "other.parquet", {}) as writer:
        writer.add(all_of(recording)[0])
    with pytest.raises(PositionError, match="another recording"):
        player(Recording(tmp_path / "other.parquet"), "w", mosquitto, state=state, resume=True)
    state.write_text("{}")
    with pytest.raises(PositionError, match="no replay's state"):
        player(recording, "w", mosquitto, state=state, resume=True)
