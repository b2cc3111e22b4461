"""Recordings: what a broker received, one row a message, in Parquet; the same format from lamps and from simulation."""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from firmware_sim.radio import Message

FORMAT: Final = "1"
KEY: Final = "trezor."  # before the name of every entry of the metadata
MAGIC: Final = b"PAR1"  # with which every Parquet file begins and ends
GROUP_ROWS: Final = 20_000  # rows held in memory at most, and rows of a row group
GROUP_BYTES: Final = 64 * 1024 * 1024
SCHEMA: Final = pa.schema(
    [
        pa.field("at", pa.timestamp("us", "UTC"), nullable=False),  # when the broker or the recorder received it
        pa.field("topic", pa.string(), nullable=False),
        pa.field("payload", pa.binary(), nullable=False),
        pa.field("content_type", pa.string()),
        pa.field("qos", pa.uint8(), nullable=False),
        pa.field("retain", pa.bool_(), nullable=False),
    ]
)


class RecordingError(Exception):
    """A recording cannot be written or read; the message says what to do."""


class RecordingWriter:
    """Writes messages as they come, in bounded memory. Raises RecordingError where the disk does not take them.

    With `in_parts`, every `flush` makes a finished part under `FILE.parts` (durable on return), and `close` joins
    them: a recorder that is killed loses only what came after its last flush. Without, the file appears on `close`.
    A context manager; on an exception the parts stay, and what was not in parts is removed.
    """

    def __init__(self, path: Path, about: Mapping[str, str], *, in_parts: bool = False) -> None:
        """`about`: world, fleet, scenario, seed … for the file's metadata. Raises RecordingError."""
        if path.exists():
            raise RecordingError(f"{path} exists already: choose another name, or move it away")
        self.rows = 0
        self._path = path
        self._about = about
        self._rows: list[Message] = []
        self._bytes = 0
        self._writer: pq.ParquetWriter | None = None
        self._parts: _Parts | None = None
        with _told(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if in_parts:
                self._parts = _Parts(path)
            else:
                try:
                    self._writer = _open_writer(_unfinished(path), about)
                except OSError:
                    _unfinished(path).unlink(missing_ok=True)
                    raise

    def __enter__(self) -> "RecordingWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        elif self._parts is not None:
            self._parts.abandon()
        elif self._writer is not None:
            self._discard(self._writer)

    def add(self, message: Message) -> None:
        self._rows.append(message)
        self._bytes += len(message.payload)
        self.rows += 1
        if len(self._rows) >= GROUP_ROWS or self._bytes >= GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        """Writes what is held; durable on return when written in parts."""
        if not self._rows:
            return
        table = _table(self._rows)
        self._rows, self._bytes = [], 0
        with _told(self._path):
            if self._parts is not None:
                self._parts.write(table, self._about)
            elif self._writer is not None:
                self._writer.write_table(table)

    def close(self) -> None:
        """The finished file, durable on return; none, where it cannot be finished. Raises RecordingError."""
        try:
            self.flush()
            with _told(self._path):
                if self._parts is not None:
                    self._parts.join(self._about)
                elif self._writer is not None:
                    self._writer.close()
                    _settle(_unfinished(self._path), self._path)
        except RecordingError:
            if self._parts is not None:
                self._parts.abandon()
            elif self._writer is not None:
                self._discard(self._writer)
            raise

    def _discard(self, writer: pq.ParquetWriter) -> None:
        with suppress(OSError):  # it writes the file's end, for which there may be no room either
            writer.close()
        _unfinished(self._path).unlink(missing_ok=True)


class Recording:
    """A recording on disk. One that a killed recorder left in parts is joined first."""

    def __init__(self, path: Path) -> None:
        """Raises RecordingError when this is no recording, or is just being recorded."""
        if not path.exists() and _parts_of(path).is_dir():
            parts = _Parts(path)
            try:
                with _told(path):
                    parts.join({})
            except RecordingError:
                parts.abandon()
                raise
        try:
            self._file = pq.ParquetFile(path)
        except FileNotFoundError:
            raise RecordingError(f"no recording {path}") from None
        except (pa.ArrowException, OSError) as error:
            if _begins_as_parquet(path):
                raise RecordingError(f"{path} is cut off: its end is missing. Copy it again, whole") from None
            raise RecordingError(f"{path} is no recording: {str(error).splitlines()[0]}") from None
        if not self._file.schema_arrow.equals(SCHEMA):
            raise RecordingError(
                f"{path} is Parquet, but no recording: its columns are {self._file.schema_arrow.names}"
            )
        self.path = path
        self.about = _about(self._file.schema_arrow.metadata)
        if self.about.get("format") != FORMAT:
            raise RecordingError(f"{path} has format {self.about.get('format')}, this version reads {FORMAT}")

    @property
    def rows(self) -> int:
        return int(self._file.metadata.num_rows)

    def span(self) -> tuple[int, int] | None:
        """First and last time (µs), None when empty."""
        spans = [self._span(group) for group in range(self._file.metadata.num_row_groups)]
        return (min(first for first, _ in spans), max(last for _, last in spans)) if spans else None

    def messages(
        self, row: int = 0, since: int | None = None, until: int | None = None
    ) -> Iterator[tuple[int, Message]]:
        """Row number and message, from `row` on, with since ≤ at < until (µs), in the order of the file."""
        first = 0
        for group in range(self._file.metadata.num_row_groups):
            count = self._file.metadata.row_group(group).num_rows
            low, high = self._span(group)
            if first + count > row and (since is None or high >= since) and (until is None or low < until):
                table = self._file.read_row_group(group)
                for nth, message in enumerate(_messages(table), first):
                    inside = (since is None or message.at >= since) and (until is None or message.at < until)
                    if nth >= row and inside:
                        yield nth, message
            first += count

    def close(self) -> None:
        self._file.close()

    def _span(self, group: int) -> tuple[int, int]:
        statistics = self._file.metadata.row_group(group).column(0).statistics
        low, high = (value.astimezone(UTC).replace(tzinfo=None) for value in (statistics.min, statistics.max))
        epoch = datetime(1970, 1, 1)
        return _whole(low - epoch), _whole(high - epoch)


class _Parts:
    """The finished pieces of a recording that is not finished, under one lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder = _parts_of(path)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self._folder / "lock", os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise RecordingError(f"{path} is being recorded: end that first (Ctrl-C there)") from None
        self._count = len(self._files())

    def write(self, table: pa.Table, about: Mapping[str, str]) -> None:
        self._count += 1
        path = self._folder / f"{self._count:08d}.parquet"
        writer = _open_writer(_unfinished(path), about)
        writer.write_table(table)
        writer.close()
        _settle(_unfinished(path), path)

    def join(self, about: Mapping[str, str]) -> None:
        """All parts into one file with row groups of a decent size; then the parts go."""
        files = self._files()
        kept = _about(pq.read_schema(files[0]).metadata) if files else {}
        writer = _open_writer(_unfinished(self._path), {**kept, **about})
        held: list[pa.Table] = []
        for file in files:
            held.append(pq.read_table(file, schema=SCHEMA))
            if (
                sum(table.num_rows for table in held) >= GROUP_ROWS
                or sum(table.nbytes for table in held) >= GROUP_BYTES
            ):
                writer.write_table(pa.concat_tables(held))
                held = []
        if held:
            writer.write_table(pa.concat_tables(held))
        writer.close()
        _settle(_unfinished(self._path), self._path)
        shutil.rmtree(self._folder)
        os.close(self._lock)

    def abandon(self) -> None:
        """Leaves the parts to be joined by whoever reads them; nothing, where nothing was written."""
        _unfinished(self._path).unlink(missing_ok=True)
        os.close(self._lock)
        if not self._files():
            shutil.rmtree(self._folder)

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("*.parquet"))


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What a disk refuses, as RecordingError."""
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        kept = (
            f"; what was recorded until then is kept in {_parts_of(path)}"
            if any(_parts_of(path).glob("*.parquet"))
            else ""
        )
        raise RecordingError(f"{path} cannot be written: {why}{kept}") from None


def _begins_as_parquet(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def _parts_of(path: Path) -> Path:
    return path.with_name(path.name + ".parts")


def _unfinished(path: Path) -> Path:
    return path.with_name(path.name + ".unfinished")


def _settle(unfinished: Path, path: Path) -> None:
    """Gives a finished file its name, so that it is whole or absent even after a power cut."""
    for target in (unfinished, unfinished.parent):
        handle = os.open(target, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
        if target == unfinished:
            unfinished.replace(path)


def _open_writer(path: Path, about: Mapping[str, str]) -> pq.ParquetWriter:
    metadata = {f"{KEY}{name}": value for name, value in {**about, "format": FORMAT}.items()}
    return pq.ParquetWriter(
        path, SCHEMA.with_metadata(metadata), compression="zstd", use_dictionary=["topic", "content_type"]
    )


def _about(metadata: Mapping[bytes, bytes] | None) -> dict[str, str]:
    entries = {key.decode(): value.decode() for key, value in (metadata or {}).items()}
    return {key.removeprefix(KEY): value for key, value in entries.items() if key.startswith(KEY)}


def _table(rows: list[Message]) -> pa.Table:
    at, topic, payload, content_type, qos, retain = zip(*rows, strict=True)
    return pa.table([list(at), topic, payload, content_type, qos, retain], schema=SCHEMA)


def _messages(table: pa.Table) -> Iterator[Message]:
    columns: list[list[Any]] = [
        table["at"].cast(pa.int64()).to_pylist(), *(table[name].to_pylist() for name in SCHEMA.names[1:])
    ]  # fmt: skip
    for at, topic, payload, content_type, qos, retain in zip(*columns, strict=True):
        yield Message(at, topic, payload, content_type, qos, retain)


def _whole(delta: Any) -> int:
    return int((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds)
