"""The ports kept by something real: SQLite, or the process's own memory."""
