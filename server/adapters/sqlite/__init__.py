"""The stores in one SQLite file: WAL, one writer that groups commits, several readers."""
