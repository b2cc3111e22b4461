"""Who is owed which news: everybody once, nobody stale news, and corrections only to who was told wrongly."""

from datetime import timedelta

import pytest

from gateway.fleet import Contact
from monitor.case import Change
from monitor.casebook import Casebook
from monitor.fault import Kind
from tests.monitor.cases import DUSK, HORIZON, MAYOR, NOW, TECHNICIAN, closed, episode, fleet

FLEET = fleet()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OPENED, CLOSED, WITHDRAWN = Change.OPENED, Change.CLOSED, Change.WITHDRAWN


@pytest.fixture
def book(sqlite_book):
    return sqlite_book


def keep(book: Casebook, *episodes, now=NOW, whose=FLEET):
    return book.reconcile(episodes, now, HORIZON, whose)


def owed(book: Casebook, now=NOW):
    return [alert.change for alert in book.owed(now)]


def tell(book: Casebook, now=NOW):
    """Tells all that is owed; returns what it was."""
    alerts = book.owed(now)
    for alert in alerts:
        book.told(alert.id, now)
    return [alert.change for alert in alerts]


def test_every_contact_of_the_commune_is_owed_the_opening_in_its_language(book):
    changes = keep(book, episode(), whose=fleet(technicians=(TECHNICIAN,)))
    alerts = book.owed(NOW)
    assert changes.owed == 2
    assert {(a.contact, a.url, a.language) for a in alerts} == {
        ("mairie de Fatoma", "${FATOMA}", "fr"), ("technicien régional", "${TECHNICIAN}", "en"),
    }  # fmt: skip
    by_language = {alert.language: alert.text for alert in alerts}
    assert by_language["fr"].startswith(
        "fatoma-02 (marché): éteint depuis 2 nuits. Driver LED probable: la batterie suffit (12,9 V)"
    )
    assert by_language["en"].startswith(
        "fatoma-02 (marché): dark for 2 nights. Probably the LED driver: the battery would do (12.9 V)"
    )


def test_an_alert_keeps_its_id_whatever_late_data_say(book):
    keep(book, episode())
    (alert,) = book.owed(NOW)
    keep(book, episode(since=DUSK - DAY), now=NOW + HOUR)
    (later,) = book.owed(NOW + HOUR)
    assert later.id == alert.id
    assert "depuis 3 nuits" in later.text  # its words are those of today


def test_the_words_of_what_is_owed_for_long_are_kept_fresh(book):
    keep(book, episode())
    keep(book, episode(), now=NOW + DAY)
    (alert,) = book.owed(NOW + DAY)
    assert "depuis 3 nuits" in alert.text


def test_closing_is_told_to_who_was_told_of_the_opening(book):
    keep(book, episode())
    assert tell(book) == [OPENED]
    keep(book, closed(episode(), NOW + HOUR), now=NOW + 2 * HOUR)
    assert tell(book, NOW + 2 * HOUR) == [CLOSED]
    keep(book, closed(episode(), NOW + HOUR), now=NOW + 3 * HOUR)
    assert owed(book, NOW + 3 * HOUR) == []


def test_what_closed_before_anybody_was_told_is_one_message_with_the_whole_story(book):
    keep(book, episode())
    keep(book, closed(episode(), NOW + 9 * HOUR), now=NOW + 9 * HOUR)
    (alert,) = book.owed(NOW + 9 * HOUR)
    assert alert.change is CLOSED
    assert "rallumé" in alert.text
    assert "était éteint depuis 2 nuits" in alert.text
    opening = next(a for a in book.alerts() if a.change is OPENED)
    assert opening.cancelled_at == NOW + 9 * HOUR


@pytest.mark.parametrize(("age", "expected"), [(47 * HOUR, [CLOSED]), (49 * HOUR, [])])
def test_a_closing_nobody_could_be_told_of_is_dropped_after_two_days(book, age, expected):
    keep(book, episode())
    over = closed(episode(), NOW)
    keep(book, over)
    keep(book, over, now=NOW + age)
    assert owed(book, NOW + age) == expected


@pytest.mark.parametrize(("age", "expected"), [(6 * DAY, [CLOSED]), (8 * DAY, [])])
def test_a_closing_is_owed_for_a_week_to_who_believes_the_fault_is_there(book, age, expected):
    keep(book, episode())
    tell(book)
    over = closed(episode(), NOW)
    keep(book, over)
    keep(book, over, now=NOW + age)
    assert owed(book, NOW + age) == expected


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (DUSK, NOW - HOUR, [CLOSED]),
        (DUSK - 3 * DAY, NOW - 25 * HOUR, []),  # closed more than a day ago
        (NOW - 9 * DAY, NOW - HOUR, []),  # opened more than a week ago
        (NOW - 300 * DAY, None, [OPENED]),  # old, and still true
    ],
)
def test_stale_news_is_never_owed(book, since, until, expected):
    keep(book, episode(since=since, until=until))
    assert owed(book) == expected


def test_notes_and_hidden_cases_tell_nobody(book):
    keep(
        book, episode(None, Kind.LOW_SUN, commune="fatoma"),
        episode("fatoma-01", Kind.SILENT, hidden_by=Kind.COMMUNE_SILENT),
    )  # fmt: skip
    assert len(book.cases()) == 2
    assert book.alerts() == ()


def test_a_case_is_owed_when_what_hid_it_goes_and_not_unsaid_when_it_comes(book):
    hidden = episode(kind=Kind.SILENT, hidden_by=Kind.COMMUNE_SILENT)
    shown = episode(kind=Kind.SILENT)
    keep(book, hidden)
    keep(book, shown, now=NOW + HOUR)
    assert owed(book) == [OPENED]
    keep(book, hidden, now=NOW + 2 * HOUR)
    assert owed(book) == []  # cancelled: nobody had been told
    keep(book, shown, now=NOW + 3 * HOUR)
    assert tell(book) == [OPENED]
    keep(book, hidden, now=NOW + 4 * HOUR)
    assert owed(book) == []
    over = closed(hidden, NOW + 5 * HOUR)
    keep(book, over, now=NOW + 5 * HOUR)
    assert owed(book) == [CLOSED]  # who was told of it is told of its end
    assert len(book.alerts()) == 2


def test_a_withdrawn_case_is_corrected_where_it_was_told_and_forgotten_where_not(book):
    keep(book, episode(), episode("fatoma-01"))
    mine = next(alert for alert in book.owed(NOW) if alert.case == 1)
    book.told(mine.id, NOW)
    keep(book, now=NOW + HOUR)
    (alert,) = book.owed(NOW + HOUR)
    assert (alert.case, alert.change) == (1, WITHDRAWN)
    assert "annulée" in alert.text
    assert [a.change for a in book.alerts(2) if not a.cancelled_at] == []


def test_a_correction_not_told_yet_is_cancelled_when_the_case_was_right_after_all(book):
    keep(book, episode())
    tell(book)
    keep(book, now=NOW + HOUR)
    assert owed(book, NOW + HOUR) == [WITHDRAWN]
    keep(book, episode(), now=NOW + 2 * HOUR)
    assert owed(book, NOW + 2 * HOUR) == []


def test_the_story_is_told_anew_to_who_was_told_that_it_was_not_so(book):
    keep(book, episode())
    tell(book)
    keep(book, now=NOW + HOUR)
    assert tell(book, NOW + HOUR) == [WITHDRAWN]
    keep(book, episode(), now=NOW + 2 * HOUR)
    assert tell(book, NOW + 2 * HOUR) == [OPENED]
    keep(book, closed(episode(), NOW + 3 * HOUR), now=NOW + 4 * HOUR)
    assert tell(book, NOW + 4 * HOUR) == [CLOSED]
    assert len({alert.id for alert in book.alerts()}) == 4
    assert len(book.cases()) == 1


def test_a_case_that_late_data_reopen_after_its_end_was_told_is_told_again(book):
    over = closed(episode(), NOW)
    keep(book, over)
    assert tell(book) == [CLOSED]
    keep(book, episode(), now=NOW + HOUR)
    assert tell(book, NOW + HOUR) == [OPENED]


def test_a_case_joined_with_another_is_not_called_a_false_alarm(book):
    first, second = closed(episode(), DUSK + 12 * HOUR), episode(since=DUSK + DAY)
    keep(book, first, second)
    tell(book)
    keep(book, episode(), now=NOW + HOUR)
    assert WITHDRAWN not in [alert.change for alert in book.alerts()]


def test_a_contact_that_is_no_longer_one_is_owed_nothing_and_a_new_one_all(book):
    keep(book, episode())
    new = Contact("mairie de Fatoma", "json://127.0.0.1/new", "fr")
    keep(book, episode(), now=NOW + HOUR, whose=fleet(new))
    assert [alert.url for alert in book.owed(NOW + HOUR)] == [new.url]


def test_two_entries_for_the_same_contact_are_one(book):
    keep(book, episode(), whose=fleet(MAYOR, MAYOR, technicians=(MAYOR,)))
    assert len(book.owed(NOW)) == 1


def test_a_commune_that_left_the_fleet_file_harms_nobody(book):
    keep(book, episode("gone-01", commune="gone"))
    assert [case.commune for case in book.cases()] == ["gone"]
    assert book.alerts() == ()


def test_failures_wait_longer_each_time_and_a_permanent_one_is_the_last(book):
    keep(book, episode())
    pauses, now = [], NOW
    for _ in range(8):
        (alert,) = book.take(now, timedelta(minutes=2))
        assert book.take(now, timedelta(minutes=2)) == ()  # taken is taken
        book.failed(alert.id, "Internal server error", permanent=False, now=now)
        (waiting,) = book.alerts()
        assert waiting.why == "Internal server error"
        pauses.append((waiting.next_try - now) / timedelta(minutes=1))
        assert book.owed(waiting.next_try - timedelta(seconds=1)) == ()
        now = waiting.next_try
    assert pauses == [1, 2, 5, 15, 60, 180, 180, 180]
    (alert,) = book.take(now, timedelta(minutes=2))
    book.failed(alert.id, "gone", permanent=True, now=now)
    assert book.owed(now + DAY) == ()
    assert book.alerts()[0].failed_at == now


def test_what_was_taken_and_not_marked_comes_back_under_the_same_id(book):
    keep(book, episode())
    (first,) = book.take(NOW, timedelta(minutes=2))
    (second,) = book.take(NOW + timedelta(minutes=2), timedelta(minutes=2))
    assert (second.id, second.attempts) == (first.id, 2)


def test_what_was_said_was_said_even_if_cancelled_meanwhile(book):
    keep(book, episode())
    (alert,) = book.take(NOW, timedelta(minutes=2))
    keep(book, now=NOW + timedelta(minutes=1))
    book.told(alert.id, NOW + timedelta(minutes=1))
    keep(book, now=NOW + timedelta(minutes=2))
    assert owed(book, NOW + timedelta(minutes=3)) == [WITHDRAWN]
