"""The pages. One page answers one question, and its first line is the answer."""

from datetime import timedelta
from typing import Any, Final

from flask import Blueprint, abort, redirect, render_template, request
from werkzeug.wrappers import Response

from monitor import sentence, speech
from monitor.case import Case
from monitor.fault import NOTES, WORDS, Kind
from monitor.web import context, dates, telling, view
from monitor.web.access import check_csrf
from monitor.web.chart import STEPS, chart, read_traces
from monitor.web.context import (
    asked_date,
    find_case,
    find_commune,
    find_lamp,
    fleet,
    language,
    last_night,
    link,
    now,
    only_seen,
    seen_communes,
    seen_lamps,
    t,
    viewer,
    whole,
    world,
)
from monitor.web.ledger import LIT, NOT_YET, UNKNOWN, Ledger, read_ledger, service, standing
from monitor.web.meanings import HELP, KIND_HELP
from monitor.web.plan import Place, commune_map, fleet_map
from monitor.web.strip import share_bar
from monitor.web.tracing import explained
from monitor.web.words import LANGUAGES, REPAIRS, bound

NIGHTS: Final = 30
FIRST_CASES: Final = 6  # on a page whose question is another
FIRST_ALERTS: Final = 10
PAST_CASES: Final = 12
RECENT_CASES: Final = 200  # of a commune, to find whose the latest alerts are
RECENT_ALERTS: Final = 400
PER_PAGE: Final = 40
MAX_NOTE: Final = 200


def add_pages(site: Blueprint) -> None:
    """Registers every page on the blueprint of one world."""
    site.add_url_rule("/", "fleet", fleet_page)
    site.add_url_rule("/communes/<ident>", "commune", commune_page)
    site.add_url_rule("/lamps/<ident>", "lamp", lamp_page)
    site.add_url_rule("/lamps/<ident>/repairs", "repair", report_repair, methods=["POST"])
    site.add_url_rule("/cases", "cases", cases_page)
    site.add_url_rule("/cases/<int:ident>", "case", case_page)
    site.add_url_rule("/cases/<int:ident>/acknowledge", "acknowledge", acknowledge, methods=["POST"])
    site.add_url_rule("/aide", "help_page", help_page)


def fleet_page() -> str | Response:
    """How many lamps lit last night, where, and what is to be done."""
    if viewer().commune:
        return redirect(link("commune", ident=viewer().commune), 302)
    lamps = seen_lamps()
    ledger = read_ledger(world().store, lamps, last_night(), NIGHTS)
    letters = ledger.letters(lamps)
    cases = world().casebook.cases(open_only=True)
    todo = view.by_urgency(filter(view.actionable, cases))
    open_by_commune: dict[str, list[Case]] = {}
    for case in todo:
        open_by_commune.setdefault(case.commune, []).append(case)
    cards, places = [], []
    for commune in seen_communes():
        mine = fleet().by_commune[commune.id]
        theirs = ledger.letters(mine)
        address = link("commune", ident=commune.id)
        words = view.counts_in_words(theirs)
        cards.append(
            {
                "name": commune.name,
                "link": address,
                "lit": theirs.count(LIT),
                "total": len(theirs) - theirs.count(NOT_YET),
                "silent": theirs.count(UNKNOWN) == len(theirs),
                "block": view.block_of(ledger, commune, mine),
                "words": words,
                "open": len(open_by_commune.get(commune.id, [])),
                "urgency": view.urgency_counts(open_by_commune.get(commune.id, [])),
            }
        )
        places.append(Place(commune.latitude, commune.longitude, commune.name, address, theirs, words))
    return render_template(
        "fleet.html",
        answer=view.answer(letters),
        night=dates.night(last_night(), language()),
        known=_newest_known(ledger, letters),
        counts={letter: letters.count(letter) for letter in "lpdu"},
        bar=share_bar([(letter, letters.count(letter)) for letter in "lpdu"], view.counts_in_words(letters)),
        urgencies=view.urgency_counts(todo),
        todo=[view.row(case) for case in todo[:FIRST_CASES]],
        todo_count=len(todo),
        notes=_notes(cases),
        cards=cards,
        map=fleet_map(places, t("map")),
        nights=NIGHTS,
        facts=view.service_facts(service(ledger, lamps), _closed_since(ledger)),
        api=link("api_fleet"),
    )


def commune_page(ident: str) -> str:
    """How many of this commune's lamps lit last night, and the thirty nights of each."""
    commune = find_commune(ident)
    lamps = fleet().by_commune[commune.id]
    newest = min(asked_date("until", last_night()), last_night())
    ledger = read_ledger(world().store, lamps, last_night(), NIGHTS)
    shown = ledger if newest == last_night() else read_ledger(world().store, lamps, newest, NIGHTS)
    letters = ledger.letters(lamps)
    cases = world().casebook.cases(open_only=True, commune=commune.id)
    todo = view.by_urgency(filter(view.actionable, cases))
    known = {case.id for case in world().casebook.cases(commune=commune.id, limit=RECENT_CASES, withdrawn=True)}
    alerts = [alert for alert in world().casebook.alerts(limit=RECENT_ALERTS) if alert.case in known]
    strips = [
        {
            "number": view.number_of(lamp),
            "note": lamp.note,
            "link": link("lamp", ident=lamp.id),
            "strip": view.strip_of(shown, lamp),
            "lit": shown.verdicts[lamp.id].count(LIT),
            "nights": NIGHTS - shown.verdicts[lamp.id].count(NOT_YET),
        }
        for lamp in lamps
    ]
    places = [
        Place(
            lamp.latitude,
            lamp.longitude,
            view.number_of(lamp),
            link("lamp", ident=lamp.id),
            letter,
            f"{lamp.id}, {lamp.note}: {t('v.' + letter, n=1)}",
        )
        for lamp, letter in zip(lamps, letters, strict=True)
    ]
    return render_template(
        "commune.html",
        commune=commune,
        answer=view.answer(letters, commune.name),
        night=dates.night(last_night(), language()),
        known=_newest_known(ledger, letters),
        counts={letter: letters.count(letter) for letter in "lpdu"},
        strips=strips,
        axis=(dates.short_day(shown.dates[0], language()), dates.short_day(shown.dates[-1], language())),
        older=link("commune", ident=commune.id, until=(shown.dates[0] - timedelta(days=1)).isoformat()),
        newer=link("commune", ident=commune.id, until=(newest + timedelta(days=NIGHTS)).isoformat())
        if newest < last_night()
        else None,
        shown_until=dates.day(newest, language(), year=True),
        is_newest=newest == last_night(),
        nights=NIGHTS,
        todo=[view.row(case, with_commune=False) for case in todo],
        urgencies=view.urgency_counts(todo),
        notes=_notes(cases),
        map=commune_map(places, t("map")),
        facts=view.service_facts(service(shown, lamps), _closed_since(shown, commune.id)),
        contacts=sorted({contact.role for contact in fleet().contacts(commune.id)}),
        told=view.messages(alert for alert in alerts if alert.cancelled_at is None)[:FIRST_ALERTS],
        api=link("api_commune", ident=commune.id),
    )


def lamp_page(ident: str) -> str:
    """How this lamp is, its nights, what it measured, what is known of it."""
    lamp = find_lamp(ident)
    days = whole("days", 3, 3, 7)
    days = days if days in STEPS else 3
    ledger = read_ledger(world().store, [lamp], last_night(), NIGHTS)
    letters = ledger.verdicts[lamp.id]
    letter, row = standing(letters)
    cases = sorted(
        world().casebook.cases(subject=lamp.id, limit=RECENT_CASES),
        key=lambda case: (not view.is_open(case), -case.since.timestamp()),
    )
    traces = read_traces(world().store, lamp.id, now(), days)
    name = t("lamp.name", id=lamp.id)
    return render_template(
        "lamp.html",
        lamp=lamp,
        commune=fleet().communes[lamp.commune],
        answer=t(f"lamp.{letter}", n=row, name=name),
        span=(dates.day(ledger.dates[0], language()), dates.day(ledger.dates[-1], language())),
        night=dates.night(last_night(), language()),
        weekdays=dates.WEEKDAYS[language()],
        weeks=view.calendar(ledger.dates, letters),
        counts={letter: letters.count(letter) for letter in "lpdu"},
        nights=NIGHTS,
        days=days,
        other_days=[(n, link("lamp", ident=lamp.id, days=n)) for n in STEPS],
        charts=[] if traces.empty else _charts(lamp, traces, days),
        learned=telling.learned(context.learned(lamp), language()),
        cases=[view.row(case, with_commune=False) for case in cases if view.actionable(case)],
        past=[view.row(case, with_commune=False) for case in cases if not view.is_open(case)][:PAST_CASES],
        repairs=[
            (speech.moment(repair.at, now(), language()), telling.repair(repair.what, language()), repair.by)
            for repair in reversed(world().casebook.repairs(lamp.id))
        ],
        choices=REPAIRS,
        open_cases=[(case.id, WORDS[case.kind]) for case in cases if view.actionable(case)],
        sheet=telling.sheet(lamp, language()),
        done=request.args.get("done") == "repair",
        empty=request.args.get("done") == "empty",
        api=link("api_lamp", ident=lamp.id),
    )


def _charts(lamp: Any, traces: Any, days: int) -> list[dict[str, Any]]:
    tongue, battery = language(), lamp.model.battery
    wanted = (
        ("battery", traces.battery_v, "V", [(battery.cut_off, t("chart.cut_off"))], False),
        ("panel", traces.panel_w, "W", [(lamp.model.panel.watts, t("chart.nominal"))], True),
        ("light", traces.light_w, "W", [(lamp.model.luminaire.watts, t("chart.nominal"))], True),
    )
    charts = []
    for name, values, unit, marks, zero in wanted:
        known = [value for value in values if value is not None]
        if not known:
            continue
        what = t(f"chart.{name}")
        label = t(
            "chart.label",
            n=days,
            what=what,
            low=dates.number(min(known), tongue, 1),
            high=dates.number(max(known), tongue, 1),
            unit=unit,
        )
        charts.append(
            {
                "title": what,
                "now": t("chart.now", value=dates.quantity(round(known[-1], 1), unit, tongue)),
                "svg": chart(traces, values, unit, label, tongue, marks, zero),
            }
        )
    return charts


def cases_page() -> str:
    """What is open, what is over, and what another case explains."""
    show = request.args.get("show", "open")
    if show not in ("open", "closed", "hidden"):
        abort(400)
    cases = only_seen(world().casebook.cases(open_only=show != "closed", commune=viewer().commune))
    if show == "open":
        chosen = view.by_urgency(filter(view.actionable, cases))
    elif show == "hidden":
        chosen = [case for case in cases if case.hidden_by is not None]
    else:
        over = [case for case in cases if not view.is_open(case) and case.hidden_by is None and case.kind not in NOTES]
        chosen = sorted(over, key=lambda case: case.until or case.since, reverse=True)
    page = whole("page", 1, 1, 10_000)
    start = (page - 1) * PER_PAGE
    return render_template(
        "cases.html",
        show=show,
        title=t(f"cases.title_{show}"),
        count=len(chosen),
        rows=[view.row(case) for case in chosen[start : start + PER_PAGE]],
        urgencies=view.urgency_counts(chosen) if show == "open" else [],
        tabs=[(name, t(f"cases.show_{name}"), link("cases", show=name)) for name in ("open", "closed", "hidden")],
        older=link("cases", show=show, page=page + 1) if start + PER_PAGE < len(chosen) else None,
        newer=link("cases", show=show, page=page - 1) if page > 1 else None,
        api=link("api_cases"),
    )


def case_page(ident: int) -> str:
    """What is wrong, what shows it, why, what to carry, and who knows."""
    case = find_case(ident)
    lamp = fleet().lamps.get(case.lamp) if case.lamp else None
    commune = fleet().communes.get(case.commune)
    tongue = language()
    return render_template(
        "case.html",
        case=case,
        row=view.row(case),
        lamp=lamp,
        commune=commune,
        word=WORDS[case.kind],
        hidden_by=sentence.kind_word(case.hidden_by, tongue) if case.hidden_by else None,
        figures=telling.figures(case, tongue, now()),
        causes=telling.causes(case, tongue),
        estimate=telling.estimate(case, tongue),
        timeline=telling.timeline(world().casebook.timeline(case.id), tongue, now()),
        trace=explained(case, tongue),
        may_take=viewer().acknowledges and view.is_open(case) and case.acknowledged_at is None,
        taken=request.args.get("done") == "taken",
        api=link("api_case", ident=case.id),
    )


def acknowledge(ident: int) -> Response:
    check_csrf()
    case = find_case(ident)
    if not viewer().acknowledges:
        abort(403)
    world().casebook.acknowledge(case.id, _who(), now())
    return redirect(link("case", ident=case.id, done="taken"), 303)


def report_repair(ident: str) -> Response:
    check_csrf()
    lamp = find_lamp(ident)
    choice = request.form.get("what", "")
    note = " ".join(request.form.get("note", "").split())[:MAX_NOTE]
    if choice not in REPAIRS or (choice == "other" and not note):
        return redirect(link("lamp", ident=lamp.id, done="empty") + "#repair", 303)
    about = request.form.get("case", "")
    case = find_case(int(about)) if about.isdecimal() else None
    if case is not None and case.lamp != lamp.id:
        abort(400)
    what = f"{choice}: {note}" if note else choice
    world().casebook.report_repair(lamp.id, what, _who(), now(), case.id if case else None)
    return redirect(link("lamp", ident=lamp.id, done="repair") + "#repair", 303)


def _who() -> str:
    """The account; without accounts, what the person at this machine wrote."""
    said = " ".join(request.form.get("by", "").split())[:60]
    return viewer().name or said or t("somebody")


def help_page() -> str:
    other = LANGUAGES.index(language())
    kinds = [
        (
            sentence.kind_word(kind, language()),
            bound(KIND_HELP[kind][other]),
            WORDS[kind],
            telling.carry(kind, language()),
        )
        for kind in Kind
    ]
    words = [(entry[other][0], bound(entry[other][1])) for entry in HELP]
    return render_template("help.html", kinds=kinds, words=words)


def _notes(cases: Any) -> list[str]:
    """What is worth knowing and no fault, in words."""
    return [
        bound(sentence.headline(case, fleet(), now(), language()))
        for case in cases
        if case.kind in NOTES and view.is_open(case)
    ]


def _newest_known(ledger: Ledger, letters: str) -> str | None:
    """When nothing is known of last night, the newest night of which something is."""
    if set(letters) - {"u", NOT_YET}:
        return None
    lamps = [lamp for lamp in fleet().lamps.values() if lamp.id in ledger.verdicts]
    index = ledger.newest_known(lamps)
    return dates.night(ledger.dates[index], language()) if index is not None else None


def _closed_since(ledger: Ledger, commune: str | None = None) -> list[Case]:
    first = dates.midnight(ledger.dates[0])
    cases = world().casebook.cases(since=first, commune=commune, hidden=False)
    return [case for case in cases if not view.is_open(case) and case.kind not in NOTES]
