"""Queueing, caching, availability and interval formulas: pure functions of the standard library.

Nothing heavy is imported here: estimates and sizing run while the command line starts.
"""
