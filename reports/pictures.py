"""Charts as SVG pictures, drawn without a browser."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence

import vl_convert

from reports.charts import theme
from reports.content import Chart, Section
from reports.document import Json

VEGA_LITE_VERSION = "6.4"

_WIDTH_PX = 760

_NUMBERED = re.compile(r'(?P<before>(?:id="|url\(#)(?:clip|gradient_))(?P<number>\d+)')

# The pictures' texts are measured as XML, which has no such characters: one of them would end the
# whole process, not the call.
_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def charts_of(sections: Iterable[Section]) -> tuple[Chart, ...]:
    """Return the charts of a report, in its order."""
    return tuple(
        block for section in sections for block in section.blocks if isinstance(block, Chart)
    )


def picture(chart: Chart) -> str:
    """Return the chart as SVG, in the light scheme on white paper."""
    config = {**theme.config(theme.LIGHT), "background": "#ffffff", "padding": 12}
    spec = {**chart.spec, "width": _WIDTH_PX, "config": config}
    svg = vl_convert.vegalite_to_svg(
        json.dumps(_in_xml(spec), allow_nan=False),
        vl_version=VEGA_LITE_VERSION,
        # A chart has its data in it: whatever it asks for is refused.
        allowed_base_urls=[],
    )
    return _renumbered(svg)


def _renumbered(svg: str) -> str:
    """Count the picture's identifiers from zero: they go on from the picture drawn before."""
    numbers: dict[str, int] = {}

    def renumbered(found: re.Match[str]) -> str:
        number = numbers.setdefault(found["number"], len(numbers))
        return f"{found['before']}{number}"

    return _NUMBERED.sub(renumbered, svg)


def _in_xml(value: Json) -> Json:
    match value:
        case str():
            return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", value)
        case Mapping():
            return {name: _in_xml(item) for name, item in value.items()}
        case Sequence():
            return [_in_xml(item) for item in value]
        case _:
            return value
