"""What all dashboards share: for whom and for which Grafana they are made, their variables, links and marks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.models import dashboard as model

from dashboards.queries import COMMUNE, KEPT, RAW, TELEMETRY, TYPE, Query, equal, tag_values
from gateway.fleet import Fleet

Language = Literal["fr", "en"]

PREFIX: Final = "trezor-"  # of every uid that is ours
TAG: Final = "trezor"  # on every dashboard that is ours
KEPT_WORD: Final = "nuits"  # in the name of the data source of what stays

# InfluxQL ran in the browser up to 10.2 and runs in the server since; annotations name their columns differently.
BACKEND_INFLUXQL: Final = (10, 3)
OLDEST: Final = (9, 3)
NEWEST: Final = (999, 0)


@dataclass(frozen=True)
class View:
    """For whom: language, the worlds that can be chosen (the first is shown first), where the console page is."""

    worlds: tuple[str, ...]
    language: Language = "fr"
    page: str | None = None  # the console's address, without a slash at its end
    fleet: Fleet | None = None  # for the map, and for how many lamps a commune has
    grafana: tuple[int, int] = NEWEST

    def t(self, fr: str, en: str) -> str:
        return fr if self.language == "fr" else en


def raw_name(world: str) -> str:
    """The data source's name: the world itself, so that links to the console's page can be made from it."""
    return world


def kept_name(world: str) -> str:
    return f"{raw_name(world)} {KEPT_WORD}"


def raw_uid(world: str) -> str:
    """At most 40 characters, Grafana's limit, for a world of 32."""
    return f"tz-{world}"


def kept_uid(world: str) -> str:
    return f"tz-{world}_kept"  # no world has a '_' in it


def source(variable: str) -> Any:
    return model.DataSourceRef(type_val=TYPE, uid=f"${{{variable}}}")


def variables(view: View, *, commune: bool = False, lamp: bool = False, any_commune: bool = False) -> list[Any]:
    """The world (two data sources, the second following the first), and what the dashboard is about."""
    world = view.worlds[0]
    chosen = [
        build.DatasourceVariable(RAW)
        .label(view.t("Monde", "World"))
        .type(TYPE)
        .regex(f"/^({'|'.join(map(raw_name, view.worlds))})$/")
        .current(model.VariableOption(selected=True, text=raw_name(world), value=raw_uid(world))),
        build.DatasourceVariable(KEPT)
        .type(TYPE)
        .hide(model.VariableHide.HIDE_VARIABLE)
        .regex(f"/^${{{RAW}:text}} {KEPT_WORD}$/")
        .current(model.VariableOption(selected=True, text=kept_name(world), value=kept_uid(world))),
    ]
    if commune or any_commune:
        choose = _choice("commune", view.t("Commune", "Commune"), tag_values(TELEMETRY.commune))
        if any_commune:
            everything = model.VariableOption(selected=True, text="All", value="$__all")
            choose = choose.include_all(True).all_value(".*").current(everything)
        chosen.append(choose)
    if lamp:
        query = tag_values(TELEMETRY.lamp, equal(TELEMETRY.commune, COMMUNE))
        chosen.append(_choice("lamp", view.t("Lampe", "Lamp"), query))
    return chosen


def _choice(name: str, label: str, query: str) -> Any:
    return (
        build.QueryVariable(name)
        .label(label)
        .query(query)
        .datasource(source(RAW))
        .refresh(model.VariableRefresh.ON_DASHBOARD_LOAD)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(False)
    )


def board(view: View, uid: str, title: str, about: str, since: str, made: Sequence[Any], panels: Sequence[Any]) -> Any:
    """An assembled dashboard: variables `made`, panels flowing left to right and top to bottom, rows between them."""
    result = (
        build.Dashboard(title)
        .uid(PREFIX + uid)
        .description(about)
        .tags([TAG])
        .timezone("utc")
        .time(since, "now")
        .refresh("5m")
        .readonly()
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .variables(list(made))
        .links(_links(view))
    )
    for panel in panels:
        result = result.with_row(panel) if isinstance(panel, build.Row) else result.with_panel(panel)
    built = result.build()
    for number, panel in enumerate(built.panels, 1):
        panel.id_val = number
    return built


def row(title: str) -> Any:
    return build.Row(title)


def _links(view: View) -> list[Any]:
    links = [
        build.DashboardLink("TREZOR")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(False)
        .include_vars(True)
        .keep_time(True)
    ]
    if view.page:
        links.append(
            build.DashboardLink(view.t("Page des communes", "The communes' page"))
            .type(model.DashboardLinkType.LINK)
            .icon("external link")
            .tooltip(
                view.t("La page du moniteur : cas, preuves, alertes", "The monitor's page: cases, evidence, alerts")
            )
            .url(page_url(view, ""))
            .target_blank(True)
        )
    return links


def page_url(view: View, path: str) -> str:
    """Where the console shows that of the chosen world."""
    return f"{view.page}/w/${{{RAW}:text}}/{path}"


def to_board(view: View, uid: str, title: str, **values: str) -> Any:
    """A data link to another of our dashboards, in the same world and range, with these variables.

    Values are Grafana's placeholders.
    """
    parameters = "".join(f"&var-{name}={value}" for name, value in values.items())
    link = f"/d/{PREFIX}{uid}?${{{RAW}:queryparam}}&${{__url_time_range}}{parameters}"
    return build.DashboardLink(title).url(link)


def to_page(view: View, title: str, path: str) -> list[Any]:
    """A data link to the console, where there is one."""
    return [build.DashboardLink(title).url(page_url(view, path)).target_blank(True)] if view.page else []


@dataclass(frozen=True)
class Episodes:
    """An annotation query, as Grafana's InfluxDB data source keeps it. Both of its readers must find the columns.

    The older reader knows columns by their names, the newer by `table.name` (and the text by a part of it). The first
    column that is neither text, tag nor end becomes the title; the `tags_column` must name something that is not there,
    for an empty one swallows every column.
    """

    name: str
    query: Query
    colour: str
    text: str
    end: str | None
    view: View

    def build(self) -> "Episodes":
        return self

    def to_json(self) -> dict[str, object]:
        measured = f"{self.query.table}".strip('"')
        end = self.end if self.view.grafana < BACKEND_INFLUXQL else f"{measured}.{self.end}"
        return {
            "name": self.name,
            "datasource": source(self.query.table.source),
            "enable": True,
            "hide": False,
            "iconColor": self.colour,
            "query": self.query.text,
            "textColumn": self.text,
            "tagsColumn": "no-tags",
            "titleColumn": "",
        } | ({"timeEndColumn": end} if self.end else {})
