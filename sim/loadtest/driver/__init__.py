"""The load generator: what runs inside Locust's processes, and only there."""
