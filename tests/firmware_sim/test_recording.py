"""Recordings: what went in comes out, a killed recorder loses little, and the file says what it is."""

import json
import os
import random
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware_sim import recording as recordings
from firmware_sim.commands import scenarios, simulate
from firmware_sim.radio import Message
from firmware_sim.recording import SCHEMA, Recording, RecordingError, RecordingWriter
from firmware_sim.scenario import gallery
from gateway.telemetry import Report, decode
from gateway.topic import KINDS, Topic

FLEET = str(Path(__file__).parents[2] / "fleet.toml")

messages = st.lists(
    st.builds(
        Message,
        at=st.integers(0, 4_000_000_000_000_000),
        topic=st.text(min_size=1, max_size=60),
        payload=st.binary(max_size=200),
        content_type=st.one_of(st.none(), st.sampled_from(("application/cbor", "application/json", "text/plain"))),
        qos=st.integers(0, 2),
        retain=st.booleans(),
    ),
    max_size=30,
)


def written(path: Path, rows: list[Message], *, in_parts: bool = False, flush_after: int = 1000) -> Recording:
    with RecordingWriter(path, {"world": "w", "fleet": "Démonstration"}, in_parts=in_parts) as writer:
        for nth, message in enumerate(rows, 1):
            writer.add(message)
            if nth % flush_after == 0:
                writer.flush()
    return Recording(path)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=messages, in_parts=st.booleans(), flush_after=st.integers(1, 12))
def test_what_goes_in_comes_out(tmp_path: Path, rows: list[Message], in_parts: bool, flush_after: int) -> None:
    path = tmp_path / "r.parquet"
    path.unlink(missing_ok=True)
    recording = written(path, rows, in_parts=in_parts, flush_after=flush_after)
    assert list(recording.messages()) == list(enumerate(rows))
    assert recording.rows == len(rows)
    assert recording.span() == ((min(m.at for m in rows), max(m.at for m in rows)) if rows else None)
    assert recording.about == {"format": "1", "world": "w", "fleet": "Démonstration"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["r.parquet"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=messages, row=st.integers(0, 30), since=st.integers(0, 10**16), length=st.integers(0, 10**16))
def test_a_part_of_it_is_the_rows_from_there_in_that_time(
    tmp_path: Path, rows: list[Message], row: int, since: int, length: int
) -> None:
    path = tmp_path / "r.parquet"
    path.unlink(missing_ok=True)
    recording = written(path, rows, flush_after=4)
    until = since + length
    wanted = [(nth, m) for nth, m in enumerate(rows) if nth >= row and since <= m.at < until]
    assert list(recording.messages(row, since, until)) == wanted


def many(count: int) -> list[Message]:
    return [Message(nth, f"w/a/a-{nth % 7}/telemetry", b"x" * 50, None, 1, False) for nth in range(count)]


def test_a_killed_recorder_loses_only_what_came_after_its_last_flush(tmp_path: Path) -> None:
    path = tmp_path / "r.parquet"
    rows = many(100)
    writer = RecordingWriter(path, {"world": "w"}, in_parts=True)
    for message in rows[:80]:
        writer.add(message)
    writer.flush()
    for message in rows[80:]:
        writer.add(message)
    with pytest.raises(RecordingError, match="is being recorded"):
        Recording(path)
    release(writer)
    recording = Recording(path)
    assert [message for _, message in recording.messages()] == rows[:80]
    assert recording.about["world"] == "w"
    assert [entry.name for entry in tmp_path.iterdir()] == ["r.parquet"]


def test_a_recorder_started_again_after_a_kill_goes_on_in_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "r.parquet"
    rows = many(100)
    first = RecordingWriter(path, {"world": "w"}, in_parts=True)
    for message in rows[:50]:
        first.add(message)
    first.flush()
    release(first)
    with RecordingWriter(path, {"world": "w"}, in_parts=True) as second:
        for message in rows[50:]:
            second.add(message)
    assert [message for _, message in Recording(path).messages()] == rows


def release(writer: RecordingWriter) -> None:
    """What the death of a process does to its lock."""
    assert writer._parts is not None
    os.close(writer._parts._lock)


def test_small_parts_are_joined_into_decent_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "GROUP_ROWS", 100)
    written(tmp_path / "r.parquet", many(1000), in_parts=True, flush_after=7)
    groups = pq.ParquetFile(tmp_path / "r.parquet").metadata
    sizes = [groups.row_group(i).num_rows for i in range(groups.num_row_groups)]
    assert sum(sizes) == 1000
    assert all(100 <= size <= 200 for size in sizes[:-1])


def test_memory_is_bounded_by_rows_and_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "GROUP_BYTES", 1000)
    written(tmp_path / "r.parquet", many(100))
    groups = pq.ParquetFile(tmp_path / "r.parquet").metadata
    assert {groups.row_group(i).num_rows for i in range(groups.num_row_groups)} == {20}


def failing(path: Path, *, in_parts: bool, flushed: bool) -> None:
    with RecordingWriter(path, {}, in_parts=in_parts) as writer:
        writer.add(many(1)[0])
        if flushed:
            writer.flush()
        raise RuntimeError


@pytest.mark.parametrize("in_parts", [True, False])
def test_a_recording_that_fails_leaves_no_half_file(tmp_path: Path, in_parts: bool) -> None:
    with pytest.raises(RuntimeError):
        failing(tmp_path / "r.parquet", in_parts=in_parts, flushed=False)
    assert list(tmp_path.iterdir()) == []


def test_a_recorder_that_fails_leaves_what_it_had_written(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        failing(tmp_path / "r.parquet", in_parts=True, flushed=True)
    assert Recording(tmp_path / "r.parquet").rows == 1


def test_an_existing_file_is_never_written_over(tmp_path: Path) -> None:
    written(tmp_path / "r.parquet", many(1))
    with pytest.raises(RecordingError, match="exists already"):
        RecordingWriter(tmp_path / "r.parquet", {})


def test_what_is_no_recording_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no recording"):
        Recording(tmp_path / "nothing.parquet")
    (tmp_path / "text.parquet").write_text("hello")
    with pytest.raises(RecordingError, match="is no recording"):
        Recording(tmp_path / "text.parquet")
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "other.parquet")
    with pytest.raises(RecordingError, match="its columns are"):
        Recording(tmp_path / "other.parquet")
    pq.write_table(SCHEMA.empty_table(), tmp_path / "unnamed.parquet")
    with pytest.raises(RecordingError, match="format None"):
        Recording(tmp_path / "unnamed.parquet")
    whole = written(tmp_path / "whole.parquet", many(50)).path.read_bytes()
    (tmp_path / "half.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RecordingError, match="is cut off: its end is missing"):
        Recording(tmp_path / "half.parquet")


@contextmanager
def room(size: int) -> Iterator[None]:
    """A disk that takes files up to this size (bytes)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [0, 1_000, 100_000])
def test_a_full_disk_is_told_in_a_sentence_and_leaves_no_half_file(tmp_path: Path, size: int) -> None:
    """Whether there is no room for the head, for the rows or for the end of the file."""
    with room(size), pytest.raises(RecordingError, match=r"r\.parquet cannot be written: File too large$"):
        written(tmp_path / "r.parquet", noise(3_000), flush_after=500)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("size", "kept"), [(10_000, 100), (40_000, 600)], ids=["for a part", "for the whole"])
def test_a_recorder_whose_disk_is_full_keeps_what_it_had_and_says_where(tmp_path: Path, size: int, kept: int) -> None:
    path = tmp_path / "r.parquet"
    with room(size), pytest.raises(RecordingError, match=r"kept in .*r\.parquet\.parts"):
        written(path, [*many(100), *noise(500)], in_parts=True, flush_after=100)
    assert Recording(path).rows == kept


def noise(count: int) -> list[Message]:
    """Messages that no compression makes smaller."""
    rng = random.Random(1)
    return [Message(n * 1_000_000, f"w/a/{n % 7}/telemetry", rng.randbytes(200), None, 1, False) for n in range(count)]


def test_the_command_says_what_a_disk_or_a_folder_refuses(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    answer = CliRunner().invoke(
        simulate, ["clean", "--nights", "1", "--fleet", FLEET, "--to", str(tmp_path / "file" / "r.parquet")]
    )
    assert answer.exit_code == 1
    assert "r.parquet cannot be written" in answer.output
    words = ["clean", "--nights", "1", "--fleet", FLEET, "--to", str(tmp_path / "r"), "--truth", str(tmp_path)]
    answer = CliRunner().invoke(simulate, words)
    assert answer.exit_code == 1
    assert f"{tmp_path}: Is a directory" in answer.output


def simulated(tmp_path: Path, name: str, *more: str) -> Path:
    path = tmp_path / name
    options = ["clean", "--nights", "2", "--fleet", FLEET, "--to", str(path), *more]
    result = CliRunner().invoke(simulate, options)
    assert result.exit_code == 0, result.output
    assert "a lamp's data in 30 days" in result.output
    return path


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second, other = (
        simulated(tmp_path, name, "--seed", seed).read_bytes() for name, seed in (("a", "5"), ("b", "5"), ("c", "6"))
    )
    assert first == second
    assert first != other


def test_a_simulated_recording_holds_what_lamps_say_and_nothing_of_the_truth(tmp_path: Path) -> None:
    truth = tmp_path / "truth.json"
    recording = Recording(simulated(tmp_path, "r.parquet", "--truth", str(truth)))
    assert recording.about.keys() == {"format", "world", "fleet", "origin", "scenario", "seed", "start", "nights"}
    told = set()
    for _, message in recording.messages():
        topic = Topic.parse(message.topic)
        assert isinstance(topic, Topic)
        told.add(topic.kind)
        if topic.kind == "telemetry":
            assert isinstance(decode(message.payload, message.content_type, Report), Report)
    assert told <= set(KINDS) - {"resend"}
    known = json.loads(truth.read_bytes())
    assert len(known["nights"]) == 2 * 200
    assert datetime.fromisoformat(known["nights"][0]["time"]).tzinfo == UTC


def test_the_gallery_is_listed(tmp_path: Path) -> None:
    result = CliRunner().invoke(scenarios)
    assert result.exit_code == 0, result.output
    assert all(name in result.output for name in gallery())


def test_an_unknown_scenario_is_answered_with_where_to_look(tmp_path: Path) -> None:
    result = CliRunner().invoke(simulate, ["nowhere", "--fleet", FLEET, "--to", str(tmp_path / "x")])
    assert result.exit_code == 2
    assert "trezor scenarios" in result.output
