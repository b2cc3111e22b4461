"""Samples become reports: what the lamp's memory and its reporting interval make of what it measured."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from gateway.telemetry import CBOR_TYPE, COLUMNS, JSON_TYPE, MAX_SAMPLES, OPTIONAL_COLUMNS, VERSION, Report, encode

SLOW_EVERY_S: Final = 3600  # temperature and state of charge change slowly: short reports tell them once an hour
SCALARS_EVERY_S: Final = 6 * 3600  # signal, time since start and firmware: every six hours, and after a start
THRIFTY_BELOW_S: Final = 3600  # reports shorter than this save their bytes

Integers = npt.NDArray[np.int64]


class Made(NamedTuple):
    """One report as the lamp keeps it. `made` is the true time (µs) at which it was complete."""

    commune: str
    lamp: str
    boot: int
    seq: int
    made: int
    samples: int
    payload: bytes


class Packer:
    """Gathers the samples of each lamp into reports; a report not yet complete waits for the next push.

    A report holds consecutive samples (`t + i·dt` by the lamp's clock) of one start, one spacing and one firmware,
    within one interval of the lamp's clock: a clock that was set, a restart or a gap begins a new report.
    """

    def __init__(self, interval_s: Callable[[Integers], Integers], content_type: str = CBOR_TYPE) -> None:
        """`interval_s(true times in µs)` is the reporting interval in force at each of them, in s."""
        if content_type not in (CBOR_TYPE, JSON_TYPE):
            raise ValueError(f"content type {content_type!r} is neither {CBOR_TYPE} nor {JSON_TYPE}")
        self._interval_s = interval_s
        self._content_type = content_type
        self._open: pl.DataFrame | None = None
        self._next: dict[str, tuple[int, int]] = {}  # boot and next seq by lamp

    def push(self, samples: pl.DataFrame) -> list[Made]:
        """The reports that these samples complete, in order per lamp.

        `samples`: commune, lamp, time (by the lamp's clock), true_time, dt (s), boot, the columns of the contract,
        rssi, up, fw; for each lamp no older than what was pushed before.
        """
        frame = pl.concat([self._open, samples]) if self._open is not None else samples
        return self._pack(frame, flush=False)

    def flush(self) -> list[Made]:
        """What is still open, as reports cut short."""
        frame, self._open = self._open, None
        return self._pack(frame, flush=True) if frame is not None else []

    def _pack(self, frame: pl.DataFrame, flush: bool) -> list[Made]:
        if frame.is_empty():
            self._open = None
            return []
        frame = frame.sort("lamp", "true_time", maintain_order=True)
        t = frame["time"].dt.epoch("s").to_numpy()
        true = frame["true_time"].dt.epoch("us").to_numpy()
        dt = frame["dt"].to_numpy().astype(np.int64)
        interval = self._interval_s(true)
        begins = _begins(frame, t, dt, interval)
        starts = np.flatnonzero(begins)
        ends = np.append(starts[1:], frame.height)
        last = ends - 1
        same_lamp = frame["lamp"].ne_missing(frame["lamp"].shift(-1)).not_().to_numpy()[last] & (ends < frame.height)
        full = (t[last] + dt[last] >= (t[last] // interval[last] + 1) * interval[last]) | (ends - starts >= MAX_SAMPLES)
        # Cut short by what came after (a restart, a gap, a clock set): complete when the lamp took that sample.
        made = np.where(full | ~same_lamp, true[last], true[np.minimum(ends, frame.height - 1)])
        complete = full | same_lamp | flush
        keep = np.zeros(frame.height, dtype=bool)
        for i in np.flatnonzero(~complete):
            keep[starts[i] : ends[i]] = True
        self._open = frame.filter(pl.Series(keep)) if keep.any() else None
        return self._reports(frame, t, dt, interval, starts[complete], ends[complete], made[complete])

    def _reports(
        self,
        frame: pl.DataFrame,
        t: Integers,
        dt: Integers,
        interval: Integers,
        starts: Integers,
        ends: Integers,
        made: Integers,
    ) -> list[Made]:
        columns = {name: frame[name].to_list() for name in COLUMNS}
        heads = {name: frame[name].gather(starts).to_list() for name in ("commune", "lamp", "boot", "fw")}
        tails = {name: frame[name].gather(ends - 1).to_list() for name in ("rssi", "up")}
        first, spacing, every = t[starts].tolist(), dt[starts].tolist(), interval[starts].tolist()
        begun, ended, done = starts.tolist(), ends.tolist(), made.tolist()
        out: list[Made] = []
        for i, lamp in enumerate(heads["lamp"]):
            boot = heads["boot"][i]
            known, seq = self._next.get(lamp, (boot, 0))
            if known != boot:
                seq = 0
            self._next[lamp] = boot, seq + 1
            a, b = begun[i], ended[i]
            values: dict[str, Any] = {name: columns[name][a:b] for name in COLUMNS}
            thrifty = every[i] < THRIFTY_BELOW_S and seq > 0
            for name in OPTIONAL_COLUMNS:
                if (thrifty and not _due(first[i], every[i], SLOW_EVERY_S)) or values[name].count(None) == b - a:
                    values[name] = None
            told = not thrifty or _due(first[i], every[i], SCALARS_EVERY_S)
            report = Report(
                v=VERSION, boot=boot, seq=seq, t=first[i], dt=spacing[i], **values,
                rssi=tails["rssi"][i] if told else None,
                up=tails["up"][i] if told else None,
                fw=heads["fw"][i] if told else None,
            )  # fmt: skip
            payload = encode(report, self._content_type)
            out.append(Made(heads["commune"][i], lamp, boot, seq, done[i], b - a, payload))
        return out


def _due(first: int, every: int, period: int) -> bool:
    """Whether the interval that `first` lies in is the first one of its period (s, by the lamp's clock)."""
    return first // every * every % period < every


def _begins(frame: pl.DataFrame, t: Integers, dt: Integers, interval: Integers) -> npt.NDArray[np.bool_]:
    """True where a row cannot be in the report of the row before it."""
    begins = np.ones(frame.height, dtype=bool)
    for name in ("lamp", "boot", "fw"):
        changed = frame[name].ne_missing(frame[name].shift(1)).to_numpy()
        begins = changed if name == "lamp" else begins | changed
    begins[0] = True
    slot = t // interval
    begins[1:] |= (t[1:] != t[:-1] + dt[:-1]) | (dt[1:] != dt[:-1]) | (slot[1:] != slot[:-1])
    begins[1:] |= interval[1:] != interval[:-1]
    # A report holds at most MAX_SAMPLES: longer runs are cut at every multiple.
    rows = np.arange(frame.height)
    place = rows - np.maximum.accumulate(np.where(begins, rows, 0))
    return np.asarray(begins | (place % MAX_SAMPLES == 0))
