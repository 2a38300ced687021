"""Charts as SVG pictures, drawn without a browser."""

import json
from collections.abc import Iterable

import vl_convert

from reports.charts import theme
from reports.content import Chart, Section

VEGA_LITE_VERSION = "6.4"

_WIDTH_PX = 760


def charts_of(sections: Iterable[Section]) -> tuple[Chart, ...]:
    """Return the charts of a report, in its order."""
    return tuple(
        block for section in sections for block in section.blocks if isinstance(block, Chart)
    )


def picture(chart: Chart) -> str:
    """Return the chart as SVG, in the light scheme on white paper."""
    config = {**theme.config(theme.LIGHT), "background": "#ffffff", "padding": 12}
    spec = {**chart.spec, "width": _WIDTH_PX, "config": config}
    return vl_convert.vegalite_to_svg(
        json.dumps(spec, allow_nan=False),
        vl_version=VEGA_LITE_VERSION,
        # A chart has its data in it: whatever it asks for is refused.
        allowed_base_urls=[],
    )
