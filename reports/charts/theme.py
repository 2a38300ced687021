"""How charts look: fonts and colours for light and dark paper, as Vega configurations.

Categories are Okabe and Ito's palette, which people with any colour vision can tell apart, with its
yellow left out on light paper; amounts go from the paper's colour to its ink's.

Source: M. Okabe, K. Ito, Color Universal Design (2008).
"""

from dataclasses import dataclass

from reports.document import JsonObject

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one scheme."""

    ink: str
    muted: str
    line: str
    main: str
    emphasis: str
    categories: tuple[str, ...]
    amounts: tuple[str, ...]


LIGHT = Palette(
    ink="#1b1f24",
    muted="#59626d",
    line="#e2e4e1",
    main="#0072b2",
    emphasis="#b84f00",
    categories=(
        "#0072b2",
        "#e69f00",
        "#009e73",
        "#56b4e9",
        "#cc79a7",
        "#d55e00",
        "#5b6b7b",
        "#a6b3bf",
    ),
    amounts=("#eef2f5", "#b3d1e6", "#5fa2cc", "#1a679f", "#0a2c4f"),
)

DARK = Palette(
    ink="#e6e9ed",
    muted="#a2adb9",
    line="#2c343d",
    main="#56b4e9",
    emphasis="#ff9d4d",
    categories=(
        "#56b4e9",
        "#e69f00",
        "#1fbf92",
        "#e09fc4",
        "#3784bd",
        "#f0703a",
        "#8d9aa8",
        "#566472",
    ),
    amounts=("#1b222a", "#1d4a6c", "#3488c2", "#8cc8ef", "#f4faff"),
)


def config(palette: Palette) -> JsonObject:
    """Return the Vega-Lite configuration of a scheme."""
    return {
        "background": None,
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            "labelColor": palette.muted,
            "titleColor": palette.muted,
            "labelFontSize": 11.5,
            "titleFontSize": 11.5,
            "titleFontWeight": "normal",
            "titlePadding": 8,
            "labelPadding": 6,
            "domain": False,
            "ticks": False,
            "gridColor": palette.line,
        },
        "rule": {"color": palette.muted},
        "axisX": {"labelFlush": True, "labelOverlap": True},
        "axisBand": {"grid": False},
        "legend": {
            "labelColor": palette.ink,
            "titleColor": palette.muted,
            "titleFontWeight": "normal",
            "labelFontSize": 12,
            "titleFontSize": 11.5,
            "symbolSize": 70,
            "rowPadding": 5,
            "columnPadding": 18,
            "labelLimit": 150,
        },
        "area": {"line": False, "fillOpacity": 0.92},
        "bar": {"color": palette.main},
        "point": {"color": palette.main},
        "line": {"color": palette.main},
        "text": {"color": palette.ink, "fontSize": 11.5},
        "style": {
            "span": {"strokeWidth": 1.5, "strokeOpacity": 0.55},
            "interval": {"color": palette.emphasis, "fillOpacity": 0.3},
            "stem": {"color": palette.main, "strokeWidth": 2},
            "value": {"color": palette.ink},
        },
        "range": {
            "category": list(palette.categories),
            "ramp": list(palette.amounts),
            "heatmap": list(palette.amounts),
        },
    }
