"""Charts as Vega-Lite specifications, one file a chart."""

CHART_NAMES = (
    "load",
    "storage",
    "utilisation",
    "latency",
    "hours",
    "failures",
    "cost",
    "stated",
    "sensitivity",
)
"""Every chart that a report may have."""
