"""The documents of the language and of the fleet file say what the code does."""

import re
from pathlib import Path

import pytest

from gateway.fleet import FleetError, parse_fleet
from gateway.telemetry import MAX_BYTES, MAX_SAMPLES, PLAUSIBLE, Report
from tests.gateway.wire import FLEET_FILE

ROOT = Path(__file__).parent.parent.parent
WIRE = (ROOT / "docs" / "wire.md").read_text(encoding="utf-8")
FLEET = (ROOT / "docs" / "fleet.md").read_text(encoding="utf-8")


def number(text: str) -> int:
    return int(text.replace(" ", "").replace("−", "-"))


def test_every_key_of_a_report_is_in_the_table_with_its_range() -> None:
    rows = {row[0]: row[1:] for row in re.findall(r"^\| `(\w+)` \| (yes|no) \| ([^|]+) \| ([^|]+) \|", WIRE, re.M)}
    assert set(rows) == set(Report.__struct_fields__)
    for name, (low, high) in PLAUSIBLE.items():
        assert [number(part) for part in rows[name][2].split("…")] == [low, high], name
    required = [name for name, (need, *_) in rows.items() if need == "yes"]
    defaults = dict(zip(reversed(Report.__struct_fields__), reversed(Report.__struct_defaults__), strict=False))
    assert set(required) == set(Report.__struct_fields__) - set(defaults)


def test_the_limits_are_those_of_the_code() -> None:
    assert f"at most **{MAX_BYTES:,} bytes**".replace(",", " ") in WIRE
    assert f"1 to {MAX_SAMPLES} samples" in WIRE


@pytest.mark.parametrize("name", ["telemetry", "resend", "status-online", "status-offline", "event-tilt"])
def test_the_bytes_in_the_document_are_the_golden_ones(name: str) -> None:
    pinned = (ROOT / "tests" / "golden" / f"{name}.cbor").read_bytes().hex()
    assert pinned in re.sub(r"\s", "", WIRE)
    json_text = (ROOT / "tests" / "golden" / f"{name}.json").read_text()
    assert json_text in re.sub(r"\n ", "", WIRE)


def test_every_key_of_the_fleet_file_is_explained() -> None:
    """The reader names the keys it knows when it meets one that it does not."""
    text = FLEET_FILE.read_text(encoding="utf-8")
    text = text.replace("title =", "unknown = 1\ntitle =", 1)
    for header in ("[[technicians]]", "[commune.", "[[lamp]]", "[profile.", "[model."):
        text = re.sub(rf"(^{re.escape(header)}.*$)", r"\1\nunknown = 1", text, flags=re.M)
    with pytest.raises(FleetError) as caught:
        parse_fleet(text)
    listed = {key for message in caught.value.mistakes for key in message.partition("known are ")[2].split(", ")} - {""}
    assert {"latitude", "usable", "strings", "steps", "azimuth", "technicians"} <= listed
    explained = set(re.findall(r"`(\w+)(?:\[\])?", FLEET)) | set(re.findall(r"\[\]\.(\w+)`", FLEET))
    explained |= set(re.findall(r"\[(?:model\.NAME\.)?(\w+)", FLEET))
    assert listed <= explained, listed - explained
