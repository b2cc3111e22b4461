"""Cases and nights as lists for other programs: JSON and CSV, times ISO 8601 UTC."""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

import polars as pl

from gateway.fleet import Fleet
from gateway.store import Store
from monitor.case import Case
from monitor.sentence import evidence

NIGHT_COLUMNS: Final = ("date", "commune", "lamp", "verdict", "lit_minutes", "scheduled_minutes", "completeness")


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None


def case_record(case: Case, fleet: Fleet, now: datetime, hidden: bool = False) -> dict[str, Any]:
    """One case as `trezor cases --format json` gives it; `estimate`: panel output lost, or capacity left.

    `hidden_by` only where hidden cases were asked for: the fields are a promise to other programs.
    """
    record = {
        "id": case.id,
        "commune": case.commune,
        "lamp": case.lamp,
        "kind": str(case.kind),
        "since": _iso(case.since),
        "until": _iso(case.until),
        "opened_at": _iso(case.opened_at),
        "causes": [{"cause": cause.cause, "likelihood": cause.likelihood} for cause in case.causes],
        "evidence": {
            "fr": evidence(case, fleet, now, "fr"),
            "en": evidence(case, fleet, now, "en"),
            "figures": [
                {key: _iso(value) if isinstance(value, datetime) else value for key, value in asdict(figure).items()}
                for figure in case.figures
            ],
        },
        "estimate": case.estimate,
        "state": str(case.state),
    }
    return record | {"hidden_by": str(case.hidden_by) if case.hidden_by else None} if hidden else record


def cases_json(cases: Iterable[Case], fleet: Fleet, now: datetime, hidden: bool = False) -> str:
    return json.dumps([case_record(case, fleet, now, hidden) for case in cases], ensure_ascii=False, indent=1)


def nights_frame(store: Store, since: datetime | None = None, until: datetime | None = None) -> pl.DataFrame:
    """The ledger, one row per lamp and date, with the columns NIGHT_COLUMNS."""
    wanted = ["commune", "lamp", "time", *NIGHT_COLUMNS[3:]]
    frame = store.read("nights", since, until, columns=wanted)
    return frame.with_columns(
        pl.col("time").dt.strftime("%Y-%m-%d").alias("date"),
        pl.col("lit_minutes", "scheduled_minutes").cast(pl.Float64).fill_null(0.0).round(1),
        pl.col("completeness").cast(pl.Float64).fill_null(0.0).round(4),
    ).select(NIGHT_COLUMNS)


def nights_csv(frame: pl.DataFrame) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(NIGHT_COLUMNS)
    writer.writerows(frame.iter_rows())
    return out.getvalue()
