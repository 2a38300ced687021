"""Users simulated against a server: the scenario's requests sent, timed, checked and judged."""
