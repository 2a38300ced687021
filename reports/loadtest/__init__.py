"""The report of a load test: its verdict, figures, charts and tables."""

CHART_NAMES = ("percentiles", "over_time", "kept_up", "against_load")
"""Every chart that such a report may have."""

TABLE_NAMES = ("flows", "objectives", "errors", "timeline", "levels")
