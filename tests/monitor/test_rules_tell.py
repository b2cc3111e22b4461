"""What a rule tells rests on columns that are there: a case must not fail on the day when it comes at last."""

import inspect
import re

import polars as pl
import pytest

from gateway.store import EVENTS
from monitor.rules import RULES
from monitor.rules.rule import FINDING, Rule, View
from tests.monitor.samples import FIRST, view, village_days

SEEN: View = view(village_days(2))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.kind))
def test_every_figure_is_of_a_column_that_the_rule_or_the_ledger_has(rule: Rule) -> None:
    event = ("fatoma", "fatoma-01", "tilt", FIRST, FIRST)
    events = pl.DataFrame([event], schema=dict(EVENTS.schema), orient="row")
    found = rule.find(View(SEEN.nights, events, SEEN.refused, SEEN.now))
    read = set(re.findall(r'row(?:\[|\.get\()"(\w+)"', inspect.getsource(rule.tell)))
    assert read
    assert read <= {*found.columns, *SEEN.nights.columns, *FINDING}
