"""The report as one HTML file that opens offline: nothing in it is loaded from anywhere.

Charts are drawn by the browser, from specifications in the page, in the reader's colour scheme;
on paper and without JavaScript their pictures stand in.
"""

import base64
import json
import re
from collections.abc import Mapping
from functools import cache

import vl_convert
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from reports import content
from reports.charts import theme
from reports.document import AnyDocument, Json
from reports.pictures import VEGA_LITE_VERSION
from reports.report import report_of

_SNIPPET = "window.vegaEmbed = vegaEmbed;"
_NUMBER_SPACE_UNIT = re.compile(r"(?<=\d) (?=%|[A-Za-z]{1,3}\b)|(?<=[≤≥]) ")


def page(document: AnyDocument, pictures: Mapping[str, str]) -> str:
    """Return the HTML page; `pictures` are the charts as SVG, by their names."""
    report = report_of(document)
    charts = {
        block.name: block.spec
        for section in report.sections
        for block in section.blocks
        if isinstance(block, content.Chart)
    }
    return (
        _environment()
        .get_template("report.html.jinja")
        .render(
            kind=report.kind,
            scenario=report.scenario,
            seed=report.seed,
            verdict=report.verdict,
            key_figures=report.key_figures,
            sections=report.sections,
            pictures={name: _data_uri(svg) for name, svg in pictures.items()},
            chart_data=_inline_json(
                {
                    "charts": charts,
                    "themes": {
                        "light": theme.config(theme.LIGHT),
                        "dark": theme.config(theme.DARK),
                    },
                }
            ),
            vega=_vega() if charts else "",
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["kind_of"] = lambda block: type(block).__name__
    environment.tests["folded_table"] = lambda block: (
        isinstance(block, content.Table) and block.folded
    )
    environment.filters["unbroken"] = _unbroken
    return environment


def _unbroken(text: str) -> str:
    """Keep a number and its unit on one line."""
    return _NUMBER_SPACE_UNIT.sub("\N{NO-BREAK SPACE}", text)


@cache
def _vega() -> Markup:
    """Vega-Embed, Vega-Lite and Vega as one script."""
    script = vl_convert.javascript_bundle(_SNIPPET, vl_version=VEGA_LITE_VERSION)
    # What would end or change the script element may only stand in texts and regular expressions,
    # where a backslash before it changes nothing.
    return Markup(script.replace("</script", "<\\/script").replace("<!--", "<\\!--"))  # noqa: S704


def _inline_json(value: Json) -> Markup:
    """Return JSON that holds nothing HTML could take for a tag or a comment."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - no markup is left in it


def _data_uri(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
