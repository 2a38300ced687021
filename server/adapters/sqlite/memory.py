"""What SQLite takes of the memory: nearly all of it is pages of the files, cached."""

import _sqlite3
import ctypes
from collections.abc import Callable


def meter() -> Callable[[], int] | None:
    """Return what tells the bytes that SQLite has allocated, in all connections together.

    Python's module does not tell; None where its library cannot be asked.

    Source: https://www.sqlite.org/c3ref/memory_highwater.html
    """
    # None is the program itself, where the module is built into it.
    library = ctypes.CDLL(getattr(_sqlite3, "__file__", None))
    try:
        memory_used = library.sqlite3_memory_used
    except AttributeError:
        return None
    memory_used.restype = ctypes.c_int64
    memory_used.argtypes = ()

    def used_bytes() -> int:
        return int(memory_used())

    return used_bytes
