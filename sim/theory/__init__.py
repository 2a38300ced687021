"""Queueing theory as pure functions, each with its source."""
