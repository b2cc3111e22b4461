"""The demonstration: the nights do not run away from the watch, and what it shows is in order."""

import io
import threading
from datetime import timedelta

from rich.console import Console

from monitor.casebook.reconcile import Changes
from monitor.fault import Kind
from monitor.transport import address
from monitor.watch import Tick
from tests.monitor.cases import NOW, case, fleet
from trezor_demo import LEAD_US, SHOWN, Pace, Show
from trezor_wiring import OneAddress, to_one

HOUR_US = 3600 * 1_000_000


class TestPace:
    def test_lets_the_first_nights_pass_for_there_is_nothing_to_judge_before(self) -> None:
        assert Pace().keep(10 * LEAD_US, patience_s=0)

    def test_lets_pass_what_is_near_to_what_is_judged(self) -> None:
        pace = Pace()
        pace.judged(HOUR_US)
        assert pace.keep(HOUR_US + LEAD_US, patience_s=0)
        assert not pace.keep(HOUR_US + LEAD_US + 1, patience_s=0)

    def test_goes_on_as_soon_as_the_watch_has_come_nearer(self) -> None:
        pace = Pace()
        pace.judged(HOUR_US)
        watch = threading.Timer(0.05, pace.judged, [2 * HOUR_US])
        watch.start()
        assert pace.keep(2 * HOUR_US + LEAD_US, patience_s=20)
        watch.join()

    def test_never_goes_back(self) -> None:
        pace = Pace()
        pace.judged(5 * HOUR_US)
        pace.judged(HOUR_US)
        assert pace.keep(5 * HOUR_US + LEAD_US, patience_s=0)


def test_alerts_of_a_demonstration_go_to_the_one_address_that_was_named() -> None:
    sent: list[tuple[str, str]] = []
    settings = OneAddress("json://here")
    assert address("${TREZOR_FATOMA_URL}", settings) == ("json://here", "")
    to_one(
        "json://here",
        "mailto://mayor@example.org",
        "t",
        "Fatoma: muette.",
        "1",
        lambda url, _t, text, _a: sent.append((url, text)),
    )
    assert sent == [("json://here", "Fatoma: muette.")]


class TestTheShow:
    def shown(self, *changes: Changes) -> list[str]:
        out = io.StringIO()
        show = Show(Console(file=out, width=120), fleet(), "fr")
        for change in changes:
            show.ticked(Tick(NOW, changes=change))
        return out.getvalue().splitlines()

    def test_tells_what_opened_and_what_closed_in_the_order_of_the_worlds_time(self) -> None:
        opened = case(opened_at=NOW - timedelta(hours=2))
        closed = case(Kind.DIM, until=NOW - timedelta(hours=5), closed_at=NOW - timedelta(hours=3))
        first, second = self.shown(Changes(opened=(opened,), closed=(closed,)))
        assert first == "✓ 05.03. 07:00  fatoma-02 (marché) éclaire faiblement du 3 au 5 mars"
        assert second == "● 05.03. 08:00  fatoma-02 (marché) éteint depuis 2 nuits"

    def test_does_not_tell_what_another_case_explains(self) -> None:
        assert self.shown(Changes(opened=(case(hidden_by=Kind.COMMUNE_SILENT),))) == []

    def test_leaves_the_rest_to_the_page(self) -> None:
        lines = self.shown(*[Changes(opened=(case(),))] * (SHOWN + 5))
        assert len(lines) == SHOWN + 1
        assert lines[-1] == "  … la suite sur la page"
