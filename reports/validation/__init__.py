"""The report of a validation: how far the model was from the measured server."""

CHART_NAMES = ("medians", "slowest", "throughput", "freshness")
"""Every chart that such a report may have."""

TABLE_NAMES = ("points", "loads", "objectives")
"""Every table that it may have, as CSV."""
