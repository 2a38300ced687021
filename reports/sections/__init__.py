"""The chapters of a report, in the order in which a reader asks."""
