"""The api gateway: HTTP in and out, and nothing of what the services decide."""
