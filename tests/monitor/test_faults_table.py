"""The mirror of the casebook for dashboards: one standing row a case, whatever happened between two copies."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.store import Store, StoreAway
from gateway.stores.memory import MemoryStore
from monitor.case import Case
from monitor.fault import Kind
from monitor.faults_table import Mirror
from tests.monitor.cases import DUSK, NOW, case, fleet

DAY = timedelta(days=1)


def standing(store: Store) -> list[tuple[Any, ...]]:
    """Every row that a dashboard would take for a case: number, beginning and state."""
    rows = store.read("faults").select("case", "since", "state").rows()
    return [row for row in rows if row[2] != "withdrawn"]


def mirror(store: Store, *cases: Case) -> Mirror:
    return Mirror(store, fleet(), cases)


def test_a_case_whose_beginning_late_data_moved_leaves_no_row_behind() -> None:
    store, one = MemoryStore(), case()
    copying = mirror(store, one)
    copying.copy((), NOW)
    copying.copy((replace(one, since=DUSK - DAY),), NOW)
    assert standing(store) == [(1, DUSK - DAY, "open")]


def test_nor_does_one_that_moved_while_nobody_mirrored() -> None:
    """The monitor ended between the change of the casebook and its copy."""
    store, one = MemoryStore(), case()
    mirror(store, one).copy((), NOW)
    mirror(store, replace(one, since=DUSK - DAY)).copy((), NOW)
    assert standing(store) == [(1, DUSK - DAY, "open")]


def test_a_place_that_another_case_has_taken_stays_its() -> None:
    store, one, two = MemoryStore(), case(), case(id=2, since=DUSK + 2 * DAY)
    copying = mirror(store, one, two)
    copying.copy((), NOW)
    copying.copy((replace(one, since=DUSK - DAY), replace(two, since=DUSK)), NOW)
    assert sorted(standing(store)) == [(1, DUSK - DAY, "open"), (2, DUSK, "open")]


def test_a_hidden_case_is_told_apart_from_open_and_closed_ones() -> None:
    store = MemoryStore()
    part = case(Kind.SILENT, id=2, hidden_by=Kind.COMMUNE_SILENT)
    mirror(store, case(), part).copy((), NOW)
    assert sorted(standing(store)) == [(1, DUSK, "open"), (2, DUSK, "hidden")]
    mirror(store, replace(part, until=NOW)).copy((), NOW)
    assert (2, DUSK, "hidden") in standing(store), "it was part of another to its end"
    mirror(store, replace(part, withdrawn_at=NOW)).copy((), NOW)
    assert standing(store) == [(1, DUSK, "open")]


def test_what_could_not_be_copied_is_copied_the_next_time() -> None:
    class Away(MemoryStore):
        away = True

        def append(self, *arguments: Any) -> None:
            if self.away:
                raise StoreAway("gone")
            super().append(*arguments)

    store = Away()
    copying = mirror(store, case())
    with pytest.raises(StoreAway):
        copying.copy((case(id=2, since=DUSK - DAY),), NOW)
    store.away = False
    copying.copy((), NOW)
    assert sorted(standing(store)) == [(1, DUSK, "open"), (2, DUSK - DAY, "open")]
