"""Faults: the cases open and closed, how soon they were seen and mended, by kind and by cause."""

from typing import Any

from grafana_foundation_sdk.models import dashboard as model

from dashboards import panels as p
from dashboards.queries import (
    COMMUNES,
    FAULTS,
    RANGE,
    SPAN,
    Query,
    any_of,
    cases,
    no_note,
    open_case,
    told_case,
)
from dashboards.view import View, board, row, to_board, to_page, variables
from monitor.case import State

HOUR_US = 3_600_000_000
IN_COMMUNE = f"{FAULTS.commune} =~ {COMMUNES}"
TOLD = f"{IN_COMMUNE} AND {told_case()} AND {no_note()}"
CASES = f"{RANGE} AND {TOLD}"


def faults(view: View) -> Any:
    t, f = view.t, FAULTS
    return board(
        view,
        "faults",
        t("TREZOR – Pannes", "TREZOR – Faults"),
        t(
            "Les cas du moniteur : ouverts, clos, en combien de temps vus et réparés, par panne et par cause.",
            "The monitor's cases: open, closed, how soon seen and mended, by kind and by cause.",
        ),
        "now-90d",
        variables(view, any_commune=True),
        [
            p.number(
                t("Ouverts maintenant", "Open now"),
                t(
                    "Cas ouverts ou pris en charge, quelle que soit la période.",
                    "Cases open or taken on, whatever the range.",
                ),
                [Query(f, f"SELECT count({f.case}) FROM {f} WHERE {open_case()} AND {IN_COMMUNE} AND {no_note()}")],
                steps=((None, p.BLUE), (1, p.AMBER), (10, p.RED)),
                none="0",
            ),
            p.number(
                t("Commencés dans la période", "Begun in the range"),
                t("Cas dont la panne a commencé dans la période.", "Cases whose fault began in the range."),
                [Query(f, f"SELECT count({f.case}) FROM {f} WHERE {CASES}")],
                none="0",
            ),
            p.number(
                t("… dont clos", "… of which closed"),
                t("Commencés dans la période et finis depuis.", "Begun in the range and over since."),
                [Query(f, f"SELECT count({f.case}) FROM {f} WHERE {CASES} AND {any_of(f.state, (State.CLOSED,))}")],
                none="0",
            ),
            p.number(
                t("Délai pour voir (médiane)", "Time to detect (median)"),
                t(
                    "Du début de la panne à l'ouverture du cas : la moitié des cas a été vue plus vite.",
                    "From the fault's beginning to the opening of the case: half of the cases were seen sooner.",
                ),
                [Query(f, span("opened_at", "median"))],
                unit="h",
                decimals=1,
            ),
            p.number(
                t("Délai pour réparer (médiane)", "Time to repair (median)"),
                t(
                    "Du début de la panne à sa fin, pour les cas clos de la période.",
                    "From the fault's beginning to its end, for the range's closed cases.",
                ),
                [Query(f, span("until", "median"))],
                unit="h",
                decimals=1,
            ),
            p.number(
                t("Délai pour réparer (le pire)", "Time to repair (worst)"),
                t("La panne la plus longue parmi les cas clos.", "The longest fault among the closed cases."),
                [Query(f, span("until", "max"))],
                unit="h",
                decimals=0,
            ),
            row(t("Par panne et par cause", "By kind and by cause")),
            by_kind(view),
            cause_table(view),
            per_week(view),
            delays_by_kind(view),
            row(t("Cas", "Cases")),
            case_table(
                view,
                t("Cas ouverts", "Open cases"),
                t("Ouverts ou pris en charge maintenant.", "Open or taken on now."),
                f"{open_case()} AND {IN_COMMUNE} AND {no_note()}",
            ),
            case_table(
                view,
                t("Cas clos de la période", "Closed cases of the range"),
                t("Commencés dans la période et finis.", "Begun in the range, and over."),
                f"{CASES} AND {any_of(f.state, (State.CLOSED,))}",
                ended=True,
            ),
        ],
    )


def span(until: str, function: str) -> str:
    """Hours from `since` to another moment of the case."""
    return f'SELECT {function}("h") FROM ({hours(until, RANGE)}) WHERE {RANGE}'


def hours(until: str, when: str) -> str:
    end = getattr(FAULTS, until)
    return f'SELECT ({end} - {FAULTS.since}) / {HOUR_US} AS "h" FROM {FAULTS} WHERE {when} AND {TOLD} AND {end} > 0'


def delays_by_kind(view: View) -> Any:
    t, f = view.t, FAULTS
    texts = [f'SELECT count({f.case}) AS "cases" FROM {f} WHERE {SPAN} AND {TOLD} GROUP BY {f.kind}']
    for name, until in (("detect", "opened_at"), ("repair", "until")):
        # Not `max` and its like, which answer with the time of one row: Grafana joins these by their time.
        texts.append(f'SELECT median("h") AS "{name}" FROM ({hours(until, SPAN)}) WHERE {SPAN} GROUP BY {f.kind}')
    delay: dict[str, object] = {"unit": "h", "decimals": 1, "custom.align": "right"}
    counted = t("Cas", "Cases")
    return p.listing(
        t("Délais par panne", "Delays by kind"),
        t(
            "Cas commencés dans la période : combien, et du début de la panne à l'ouverture du cas (vu) et à sa fin "
            "(réparé). Médiane : la moitié des cas a été plus rapide.",
            "Cases begun in the range: how many, and from the fault's beginning to the opening of the case (seen) and "
            "to its end (repaired). Median: half of the cases were sooner.",
        ),
        [Query(f, text, as_table=True) for text in texts],
        {
            "kind": {"displayName": t("Panne", "Fault"), "mappings": p.kinds(view)},
            "cases": {"displayName": counted, "custom.align": "right"},
            "detect": {"displayName": t("Vu après (médiane)", "Seen after (median)"), **delay},
            "repair": {"displayName": t("Réparé après (médiane)", "Repaired after (median)"), **delay},
        },
        h=9,
        sort=(counted, True),
        none="–",
    )


def cause_table(view: View) -> Any:
    """Cases counted by their likeliest cause. Causes are fields, which InfluxQL cannot group by: Grafana counts."""
    t, f = view.t, FAULTS
    counted = t("Cas", "Cases")
    panel = p.listing(
        t("Cas par cause la plus probable", "Cases by likeliest cause"),
        t(
            "Cas commencés dans la période, selon la cause que le moniteur juge la plus probable.",
            "Cases begun in the range, by the cause that the monitor finds the likeliest.",
        ),
        [Query(f, f"SELECT {f.cause}, {f.case} FROM {f} WHERE {CASES}", as_table=True)],
        {
            "cause": {"displayName": t("Cause", "Cause"), "mappings": p.causes(view)},
            "case (count)": {"displayName": counted, "custom.align": "right"},
        },
        w=6,
        h=11,
        sort=(counted, True),
    )
    group = {
        "cause": {"operation": "groupby", "aggregations": []},
        "case": {"operation": "aggregate", "aggregations": ["count"]},
    }
    return panel.with_transformation(model.DataTransformerConfig(id_val="groupBy", options={"fields": group}))


def by_kind(view: View) -> Any:
    t, f = view.t, FAULTS
    panel = p.bars(
        t("Cas par panne", "Cases by kind"),
        t("Cas commencés dans la période.", "Cases begun in the range."),
        [Query(f, f"SELECT count({f.case}) FROM {f} WHERE {CASES} GROUP BY {f.kind}", "$tag_kind")],
        w=8,
        h=11,
    )
    return p.name_kinds(view, panel)


def per_week(view: View) -> Any:
    t, f = view.t, FAULTS
    panel = p.curve(
        t("Cas commencés, par semaine", "Cases begun, by week"),
        t("Chaque barre est une semaine, chaque couleur une panne.", "Each bar is a week, each colour a kind."),
        [Query(f, f"SELECT count({f.case}) FROM {f} WHERE {CASES} GROUP BY time(7d), {f.kind} fill(0)", "$tag_kind")],
        w=10,
        h=11,
        decimals=0,
        lowest=0,
        stacked_bars=True,
    )
    return p.name_kinds(view, panel)


def case_table(view: View, title: str, about: str, where: str, *, ended: bool = False, w: int = 24, h: int = 10) -> Any:
    """One case a line; the lamp opens its dashboard, the number opens the case on the console's page."""
    t = view.t
    lamp = to_board(
        view,
        "lamp",
        t("Ouvrir la lampe", "Open the lamp"),
        commune="${__data.fields.commune}",
        lamp="${__data.fields.lamp}",
    )
    commune = to_board(view, "commune", t("Ouvrir la commune", "Open the commune"), commune="${__data.fields.commune}")
    page = to_page(view, t("Le cas et ses preuves", "The case and its evidence"), "cases/${__data.fields.case}")
    moment: dict[str, object] = {"unit": "dateTimeAsIso", "custom.width": 150}
    columns: dict[str, dict[str, object]] = {
        "case": {"displayName": "N°", "custom.width": 60, "decimals": 0, "links": [link.build() for link in page]},
        "commune": {"displayName": t("Commune", "Commune"), "custom.width": 110, "links": [commune.build()]},
        "lamp": {"displayName": t("Lampe", "Lamp"), "custom.width": 130, "noValue": "–", "links": [lamp.build()]},
        "kind": {"displayName": t("Panne", "Fault"), "custom.width": 170, "mappings": p.kinds(view)},
        "cause": {"displayName": t("Cause probable", "Likely cause"), "custom.width": 150, "mappings": p.causes(view)},
        "state": {"displayName": t("État", "State"), "custom.width": 120, "mappings": p.states(view)},
        "since": {"displayName": t("Depuis", "Since"), **moment},
        "until": {"displayName": t("Jusqu'à", "Until"), **(moment if ended else {"custom.hidden": True})},
        "opened_at": {"displayName": t("Vu le", "Seen at"), **moment},
        "sentence": {"displayName": t("Ce que dit le moniteur", "What the monitor says"), "noValue": ""},
    }
    query = Query(FAULTS, cases(view.language, where), as_table=True)
    return p.listing(title, about, [query], columns, w=w, h=h, sort=(t("Depuis", "Since"), True), none="–")
