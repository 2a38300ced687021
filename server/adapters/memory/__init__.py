"""The stores in the process's memory: for tests, and gone when the process ends."""
