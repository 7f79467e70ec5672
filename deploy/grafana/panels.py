"""What the dashboards are made of: queries over declared metrics, panels with their units, variables, links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard, prometheus, stat, table, text, timeseries
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
    VariableOption,
    VariableRefresh,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from exporters.metric_specs import SPECS

SOURCE = DataSourceRef("prometheus", "${datasource}")
HOUR = VariableOption(selected=True, text="1h", value="1h")
VARIABLES = ("portal", "scenario", "location", "browser")
Steps = Sequence[tuple[float | None, str]]
#: Shares of good runs: red below 95 %, amber below 99 %.
GOOD_SHARE: Steps = ((None, "red"), (0.95, "orange"), (0.99, "green"))
#: An error budget: gone, nearly gone, some left.
BUDGET: Steps = ((None, "red"), (0.0, "orange"), (0.25, "green"))
NONE_IS_GOOD: Steps = ((None, "green"), (1e-9, "orange"))


def metric(name: str, end: str = "", /, **labels: str) -> str:
    """A selector of a declared metric: the dashboard's variables for the labels it has, and `labels` beside them.

    `class_` stands for `class`. KeyError or ValueError: the metric or the label is not declared.
    """
    spec = SPECS[name]
    if end and (spec.type != "histogram" or end not in ("_bucket", "_count", "_sum")):
        raise ValueError(f"{name} has no {end}")
    wanted = [f'{label}=~"${label}"' for label in VARIABLES if label in spec.labels]
    for key, value in labels.items():
        label = key.rstrip("_")
        if label not in (*spec.labels, "le"):
            raise ValueError(f"{name} has no label {label}")
        operator = "=~" if "|" in value else "="
        wanted.append(f'{label}{operator}"{value}"')
    return f"{name}{end}{{{','.join(wanted)}}}" if wanted else f"{name}{end}"


def rise(name: str, end: str = "", /, window: str = "$window", **labels: str) -> str:
    """How much a counter rose over a window."""
    return f"increase({metric(name, end, **labels)}[{window}])"


def quantile(share: float, name: str, by: str) -> str:
    """A quantile of a histogram over the chosen window."""
    return f"histogram_quantile({share:g}, sum by (le, {by}) ({rise(name, '_bucket')}))"


def recorded(name: str) -> str:
    """A recorded ratio of `gapwatch slo rules`, for the chosen portals and scenarios."""
    return f'{name}{{portal=~"$portal",scenario=~"$scenario"}}'


def _query(expr: str, legend: str, instant: bool) -> prometheus.Dataquery:
    query = prometheus.Dataquery().expr(expr).legend_format(legend).datasource(SOURCE)
    return query.instant() if instant else query.range()


def thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
    """Colours by value."""
    each = [Threshold(value, colour) for value, colour in steps]
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(each)


def link(title: str, url: str) -> dashboard.DashboardLink:
    """A link that opens beside the dashboard."""
    return dashboard.DashboardLink(title).type(DashboardLinkType.LINK).url(url).target_blank(True)


def evidence(
    portal: str = "${__field.labels.portal}", scenario: str = "${__field.labels.scenario}"
) -> list[dashboard.DashboardLink]:
    """Links of a series to what happened: the failed runs behind it and the status page."""
    runs = f"${{url}}/api/v1/runs?portal={portal}&scenario={scenario}&outcome=failed&limit=20"
    return [link("Failed runs, with findings and evidence", runs), link("Status page", "${url}/")]


def number(
    title: str, queries: Mapping[str, str], unit: str, description: str, *, steps: Steps = ((None, "text"),),
    width: int = 6, decimals: int | None = None, none: str = "no data",
) -> stat.Panel:  # fmt: skip
    """Big numbers, one a series; `queries` is legend to expression."""
    panel = (
        stat.Panel().title(title).description(description).datasource(SOURCE).unit(unit).span(width).height(6)
        .thresholds(thresholds(steps)).no_value(none).data_links(evidence())
        .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
        .graph_mode(common.BigValueGraphMode.NONE)
    )  # fmt: skip
    if decimals is not None:
        panel = panel.decimals(decimals)
    for legend, expr in queries.items():
        panel = panel.with_target(_query(expr, legend, instant=True))
    return panel


def curve(
    title: str, queries: Mapping[str, str], unit: str, description: str, *, steps: Steps | None = None, width: int = 12,
    stacked: bool = False, least: float | None = None, most: float | None = None,
) -> timeseries.Panel:  # fmt: skip
    """Values over time; runs are minutes apart, so gaps of an hour are bridged."""
    panel = (
        timeseries.Panel().title(title).description(description).datasource(SOURCE).unit(unit).span(width).height(8)
        .span_nulls(True).data_links(evidence()).line_width(1).fill_opacity(10 if not stacked else 60)
        .legend(common_builders.VizLegendOptions().show_legend(True).calcs(["lastNotNull"])
                .display_mode(common.LegendDisplayMode.TABLE).placement(common.LegendPlacement.BOTTOM))
    )  # fmt: skip
    if stacked:
        panel = panel.draw_style(common.GraphDrawStyle.BARS).stacking(
            common_builders.StackingConfig().mode(common.StackingMode.NORMAL)
        )
    if steps is not None:
        style = common_builders.GraphThresholdsStyleConfig().mode(common.GraphTresholdsStyleMode.DASHED)
        panel = panel.thresholds(thresholds(steps)).thresholds_style(style)
    if least is not None:
        panel = panel.min(least)
    if most is not None:
        panel = panel.max(most)
    for legend, expr in queries.items():
        panel = panel.with_target(_query(expr, legend, instant=False))
    return panel


def rows(
    title: str, queries: Sequence[str], description: str, columns: Mapping[str, str], *, unit: str = "short",
    width: int = 12, none: str = "no data", key: Sequence[str] = (),
) -> table.Panel:  # fmt: skip
    """A table: one row for each label set. `columns` names those that are shown; `key` joins several queries."""
    panel = table.Panel().title(title).description(description).datasource(SOURCE).unit(unit).span(width).height(9)
    panel = panel.no_value(none)
    for number_, expr in enumerate(queries):
        query = _query(expr, "", instant=True).format(PromQueryFormat.TABLE).ref_id(chr(ord("A") + number_))
        panel = panel.with_target(query)
    if len(queries) > 1:
        panel = panel.with_transformation(DataTransformerConfig("merge", options={}))
    keep = {"include": {"names": [*columns]}}
    panel = panel.with_transformation(DataTransformerConfig("filterFieldsByName", options=keep))
    order = {name: index for index, name in enumerate((*key, *columns))}
    names = DataTransformerConfig("organize", options={"renameByName": dict(columns), "indexByName": order})
    return panel.with_transformation(names)


def coloured(panel: table.Panel, column: str, steps: Steps, unit: str) -> table.Panel:
    """Colour a column of a table by value."""
    each = {
        "mode": "absolute",
        "steps": [{"value": value, "color": colour} for value, colour in steps],
    }
    return panel.override_by_name(
        column,
        [
            DynamicConfigValue("thresholds", each),
            DynamicConfigValue("unit", unit),
            DynamicConfigValue("custom.cellOptions", {"type": "color-text"}),
        ],
    )


def words(title: str, content: str, *, width: int = 24, height: int = 4) -> text.Panel:
    """A text in Markdown."""
    return text.Panel().title(title).content(content).span(width).height(height)


def board(uid: str, title: str, description: str) -> dashboard.Dashboard:
    """An empty dashboard with the variables and links that all have."""
    made = (
        dashboard.Dashboard(title).uid(uid).description(description).tags(["gapwatch"]).refresh("1m")
        .time("now-24h", "now").timezone("browser").editable().tooltip(DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )  # fmt: skip
    before: list[str] = []
    for name in VARIABLES:
        chosen = ",".join(f'{each}=~"${each}"' for each in before)
        query = f"label_values(gapwatch_runs_total{f'{{{chosen}}}' if chosen else ''}, {name})"
        made = made.with_variable(
            dashboard.QueryVariable(name).label(name.capitalize()).datasource(SOURCE).query(query)
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).multi(True).include_all(True).all_value(".*")
        )  # fmt: skip
        before.append(name)
    return (
        made.with_variable(dashboard.IntervalVariable("window").label("Over").values("15m,1h,6h,1d,7d").current(HOUR))
        .with_variable(dashboard.TextBoxVariable("url").label("gapwatch").default_value("http://127.0.0.1:9464"))
        .link(dashboard.DashboardLink("gapwatch").type(DashboardLinkType.DASHBOARDS).tags(["gapwatch"])
              .as_dropdown(True).include_vars(True).keep_time(True))
        .link(link("Status page", "${url}/"))
    )  # fmt: skip
