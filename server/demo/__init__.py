"""The small world of `serve --demo`."""
