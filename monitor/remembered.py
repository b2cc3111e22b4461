"""What a tick leaves in the casebook beside the cases: under which keys, and in which form."""

import io
from datetime import datetime
from typing import Final

import polars as pl

CURSOR: Final = "cursor"
FLEET: Final = "fleet"


def pack(*frames: pl.DataFrame) -> bytes:
    """The frames as bytes: each as Arrow IPC behind its length."""
    out = io.BytesIO()
    for frame in frames:
        part = io.BytesIO()
        frame.write_ipc(part, compression="zstd")
        out.write(len(part.getvalue()).to_bytes(8, "big") + part.getvalue())
    return out.getvalue()


def unpack(packed: bytes) -> list[pl.DataFrame]:
    source, frames = io.BytesIO(packed), []
    while header := source.read(8):
        frames.append(pl.read_ipc(io.BytesIO(source.read(int.from_bytes(header, "big")))))
    return frames


def last_clock(remembered: bytes) -> datetime:
    """The world's time at the last tick, from what was remembered under CURSOR."""
    clock: datetime = unpack(remembered)[0]["clock"].item()
    return clock
