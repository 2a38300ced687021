"""Service times taken from a server that runs: measured, attributed to boxes, written to a file."""
