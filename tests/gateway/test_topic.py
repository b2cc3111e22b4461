"""Topics are valid by construction, and what is wrong with one is said in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.topic import KINDS, Rejected, Topic, check_part, wildcard

PARTS = st.from_regex(r"[a-z0-9-]{1,32}", fullmatch=True)


@given(PARTS, PARTS, PARTS, st.sampled_from(KINDS))
def test_a_topic_is_read_back_from_its_text(world: str, commune: str, lamp: str, kind: str) -> None:
    topic = Topic(world, commune, lamp, kind)
    assert Topic.parse(str(topic)) == topic


@given(st.text(max_size=80))
def test_any_text_is_a_topic_or_a_reason(text: str) -> None:
    parsed = Topic.parse(text)
    if isinstance(parsed, Topic):
        assert str(parsed) == text
    else:
        assert parsed.reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("trezor/fatoma/telemetry", "topic has 3 parts, expected 4"),
        ("trezor/fatoma/fatoma-07/telemetry/x", "topic has 5 parts"),
        ("", "topic has 1 parts"),
        ("trezor/Fatoma/fatoma-07/telemetry", "commune 'Fatoma' must be 1 to 32 of a-z, 0-9 and '-'"),
        ("trezor/fatoma//telemetry", "lamp '' must be"),
        ("trezor/fatoma/+/telemetry", "lamp '+' must be"),
        (f"{'w' * 33}/fatoma/fatoma-07/telemetry", "must be 1 to 32"),
        ("trezor/fatoma/fatoma-07\n/telemetry", "must be 1 to 32"),
        ("trezor/fatoma/fatoma-07/telemetri", "topic kind 'telemetri' is not one of telemetry, status, event, resend"),
    ],
)
def test_a_mistake_is_named(text: str, reason: str) -> None:
    parsed = Topic.parse(text)
    assert isinstance(parsed, Rejected)
    assert reason in parsed.reason


def test_the_constructor_raises_where_parsing_rejects() -> None:
    with pytest.raises(ValueError, match="world"):
        Topic("Trezor", "fatoma", "fatoma-07", "telemetry")


def test_wildcards_name_every_lamp_of_one_world() -> None:
    assert wildcard("trezor", "status") == "trezor/+/+/status"
    with pytest.raises(ValueError, match="world '#'"):
        wildcard("#", "status")
    assert check_part("lamp", "a-1") == "a-1"
