"""The few kinds of panel that all dashboards are made of; options that Grafana has had since 9.3, and none newer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from grafana_foundation_sdk.builders import bargauge, common, dashboard, stat, statushistory, table, text, timeseries
from grafana_foundation_sdk.models import common as shared
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models import text as text_model

from dashboards.queries import DARK, LIT, PARTLY, UNKNOWN, Query
from dashboards.view import View, source
from monitor.case import HIDDEN, State
from monitor.causes import PARTS
from monitor.fault import WORDS

# Told apart by every eye, on light and dark screens; the amber of the strip of nights. Words and signs go with them.
AMBER: Final = "#F0A000"
BROWN: Final = "#9C5A1A"
VIOLET: Final = "#4B2E83"
GREY: Final = "#9AA0A6"
BLUE: Final = "#3B82C4"
SKY: Final = "#86B6E0"
RED: Final = "#D1495B"
NIGHT_SHADE: Final = "#5B6C8F"

COLOURS: Final = {LIT: AMBER, PARTLY: BROWN, DARK: VIOLET, UNKNOWN: GREY}
SIGNS: Final = {LIT: "✓", PARTLY: "◐", DARK: "✗", UNKNOWN: "?"}
FRENCH: Final = {LIT: "allumée", PARTLY: "en partie", DARK: "éteinte", UNKNOWN: "inconnue"}
ENGLISH: Final = {LIT: "lit", PARTLY: "partly", DARK: "dark", UNKNOWN: "unknown"}
STATES: Final = {
    State.OPEN: ("ouvert", "open", RED),
    State.ACKNOWLEDGED: ("pris en charge", "taken on", AMBER),
    State.CLOSED: ("clos", "closed", BLUE),
    State.WITHDRAWN: ("retiré", "withdrawn", GREY),
    HIDDEN: ("dans un autre cas", "in another case", GREY),
}

Steps = Sequence[tuple[float | None, str]]  # thresholds: from this value on (None = below all), this colour
PLAIN: Final[Steps] = ((None, BLUE),)


def verdict_name(view: View, verdict: str) -> str:
    return f"{SIGNS[verdict]} {(FRENCH if view.language == 'fr' else ENGLISH)[verdict]}"


def verdicts(view: View) -> list[Any]:
    """The ledger's words as people read them, with their colours."""
    return [words({v: (verdict_name(view, v), COLOURS[v]) for v in COLOURS})]


def kinds(view: View) -> list[Any]:
    """Fault kinds as people call them."""
    return [words({str(kind): (word.fr if view.language == "fr" else word.en, None) for kind, word in WORDS.items()})]


def causes(view: View) -> list[Any]:
    """Causes as people call them: fault kinds, and the parts and events behind them."""
    parts = {part: (word.fr_short if view.language == "fr" else word.en, None) for part, word in PARTS.items()}
    kinds_ = {str(kind): (word.fr if view.language == "fr" else word.en, None) for kind, word in WORDS.items()}
    return [words(kinds_ | parts)]


def name_kinds(view: View, panel: Any) -> Any:
    """Series named by the kind (`$tag_kind`) bear the word that people use."""
    for kind, word in WORDS.items():
        panel = override(panel, str(kind), displayName=word.fr if view.language == "fr" else word.en)
    return panel


def states(view: View) -> list[Any]:
    return [words({str(state): (view.t(fr, en), colour) for state, (fr, en, colour) in STATES.items()})]


def words(said_as: Mapping[str, tuple[str, str | None]]) -> Any:
    results = {
        value: model.ValueMappingResult(text=said, color=colour, index=number)
        for number, (value, (said, colour)) in enumerate(said_as.items())
    }
    return model.ValueMap(options=results)


def _start(panel: Any, title: str, about: str, queries: Sequence[Query], w: int, h: int) -> Any:
    sources = {query.table.source for query in queries}
    if len(sources) > 1:
        raise ValueError(f"panel {title!r} asks two data sources: {sources}")
    panel = panel.title(title).description(about).span(w).height(h)
    for number, query in enumerate(queries):
        panel = panel.with_target(replace(query, ref=chr(ord("A") + number)))
    return panel.datasource(source(sources.pop())) if sources else panel


def _scale(panel: Any, unit: str, decimals: int | None, steps: Steps) -> Any:
    panel = panel.unit(unit)
    if decimals is not None:
        panel = panel.decimals(decimals)
    return panel.thresholds(
        dashboard.ThresholdsConfig()
        .mode(model.ThresholdsMode.ABSOLUTE)
        .steps([model.Threshold(value=value, color=colour) for value, colour in steps])
    )


def override(panel: Any, name: str, **properties: object) -> Any:
    """`custom__fillOpacity=12` stands for the property custom.fillOpacity."""
    values = [model.DynamicConfigValue(id_val=key.replace("__", "."), value=v) for key, v in properties.items()]
    return panel.override_by_name(name, values)


def paint(panel: Any, name: str, colour: str) -> Any:
    return override(panel, name, color={"mode": "fixed", "fixedColor": colour})


def number(
    title: str,
    about: str,
    queries: Sequence[Query],
    *,
    w: int = 4,
    h: int = 4,
    unit: str = "none",
    decimals: int | None = None,
    steps: Steps = PLAIN,
    mappings: Sequence[Any] = (),
    none: str = "–",
    links: Sequence[Any] = (),
    fields: str = "",
) -> Any:
    """Big figures, one per series, each with its name when there are several.

    Grafana takes numbers, unless `fields` matches the name (alias) of a text.
    """
    panel = _start(stat.Panel(), title, about, queries, w, h).mappings(list(mappings)).no_value(none)
    panel = _scale(panel, unit, decimals, steps)
    mode = shared.BigValueTextMode.VALUE_AND_NAME if len(queries) > 1 else shared.BigValueTextMode.VALUE
    return (
        panel.graph_mode(shared.BigValueGraphMode.NONE)
        .color_mode(shared.BigValueColorMode.VALUE)
        .text_mode(mode)
        .reduce_options(_newest(fields))
        .data_links(list(links))
    )


def bars(
    title: str,
    about: str,
    queries: Sequence[Query],
    *,
    w: int = 8,
    h: int = 9,
    unit: str = "none",
    highest: float | None = None,
    steps: Steps = PLAIN,
    mappings: Sequence[Any] = (),
    links: Sequence[Any] = (),
) -> Any:
    """A horizontal bar per series."""
    panel = _start(bargauge.Panel(), title, about, queries, w, h).mappings(list(mappings)).min(0)
    panel = _scale(panel, unit, 0, steps).data_links(list(links))
    if highest is not None:
        panel = panel.max(highest)
    return (
        panel.orientation(shared.VizOrientation.HORIZONTAL)
        .display_mode(shared.BarGaugeDisplayMode.BASIC)
        .show_unfilled(True)
        .reduce_options(_newest())
    )


def _newest(fields: str = "") -> Any:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).fields(fields).values(False)


def curve(
    title: str,
    about: str,
    queries: Sequence[Query],
    *,
    w: int = 12,
    h: int = 8,
    unit: str = "none",
    decimals: int | None = None,
    lowest: float | None = None,
    highest: float | None = None,
    stacked_bars: bool = False,
    points: bool = False,
    legend: bool = True,
    gap_hours: float = 3,
    limit: float | None = None,
    links: Sequence[Any] = (),
) -> Any:
    """Series over time. Samples missing for longer than `gap_hours` are a gap, and are seen as one.

    `limit` is drawn as a line, for the eye; nothing is judged by it here.
    """
    panel = _start(timeseries.Panel(), title, about, queries, w, h)
    panel = _scale(panel, unit, decimals, PLAIN if limit is None else ((None, "transparent"), (limit, RED)))
    if limit is not None:
        panel = panel.thresholds_style(common.GraphThresholdsStyleConfig().mode(shared.GraphTresholdsStyleMode.LINE))
    panel = panel.color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.PALETTE_CLASSIC))
    if lowest is not None:
        panel = panel.min(lowest)
    if highest is not None:
        panel = panel.max(highest)
    if stacked_bars:
        panel = (
            panel.draw_style(shared.GraphDrawStyle.BARS)
            .stacking(common.StackingConfig().mode(shared.StackingMode.NORMAL).group("A"))
            .fill_opacity(85)
            .line_width(0)
        )
    else:
        panel = panel.draw_style(shared.GraphDrawStyle.LINE).line_width(1).span_nulls(gap_hours * 3_600_000)
        panel = panel.show_points(shared.VisibilityMode.ALWAYS if points else shared.VisibilityMode.NEVER)
    return (
        panel.legend(
            common.VizLegendOptions()
            .display_mode(shared.LegendDisplayMode.LIST)
            .placement(shared.LegendPlacement.BOTTOM)
            .show_legend(legend)
            .calcs([])
        )
        .tooltip(common.VizTooltipOptions().mode(shared.TooltipDisplayMode.MULTI).sort(shared.SortOrder.NONE))
        .data_links(list(links))
    )


def calendar(view: View, title: str, about: str, queries: Sequence[Query], *, h: int, links: Sequence[Any] = ()) -> Any:
    """The strip of nights: one square per night and lamp, a lamp a line."""
    panel = _start(statushistory.Panel(), title, about, queries, 24, h).mappings(verdicts(view))
    panel = _scale(panel, "none", None, ((None, GREY),)).data_links(list(links))
    return (
        panel.color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.THRESHOLDS))
        .show_value(shared.VisibilityMode.AUTO)
        .row_height(0.9)
        .col_width(0.9)
        .fill_opacity(95)
        .line_width(0)
        .legend(
            common.VizLegendOptions()
            .display_mode(shared.LegendDisplayMode.LIST)
            .placement(shared.LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs([])
        )
        .tooltip(common.VizTooltipOptions().mode(shared.TooltipDisplayMode.SINGLE).sort(shared.SortOrder.NONE))
    )


def listing(
    title: str,
    about: str,
    queries: Sequence[Query],
    columns: Mapping[str, Mapping[str, object]],
    *,
    w: int = 24,
    h: int = 9,
    sort: tuple[str, bool] | None = None,
    show_time: str | None = None,
    none: str = "0",
) -> Any:
    """A table; `columns` are the properties of each column by its name in the query, in any order.

    Several queries are merged into one table by the columns that they share. `sort` is a column's shown name and
    whether the largest come first. `show_time` is the heading of the time, which is hidden otherwise.
    """
    panel = _start(table.Panel(), title, about, queries, w, h).show_header(True)
    panel = _scale(panel, "none", None, PLAIN).no_value(none)
    if len(queries) > 1:
        panel = panel.with_transformation(model.DataTransformerConfig(id_val="merge", options={}))
    if show_time is None:
        hidden = {"Time": True, "time": True}  # older and newer Grafana
        options = {"excludeByName": hidden, "indexByName": {}, "renameByName": {}}
        panel = panel.with_transformation(model.DataTransformerConfig(id_val="organize", options=options))
    else:
        for name in ("Time", "time"):
            panel = override(panel, name, displayName=show_time, unit="dateTimeAsIso", custom__width=160)
    for name, properties in columns.items():
        panel = override(panel, name, **properties)
    if sort:
        panel = panel.sort_by([common.TableSortByFieldState().display_name(sort[0]).desc(sort[1])])
    return panel


def note(title: str, about: str, markdown: str, *, w: int = 24, h: int = 3) -> Any:
    return _start(text.Panel(), title, about, (), w, h).mode(text_model.TextMode.MARKDOWN).content(markdown)


def as_json(value: Sequence[Any]) -> list[object]:
    """Links and mappings inside an override, where the SDK takes plain values."""
    return [item.build() if hasattr(item, "build") else item for item in value]
