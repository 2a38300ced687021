"""The open files that the system allows a process: each connection is one."""

import resource

from server.errors import OpenFilesError
from server.limits import MOST_CONNECTIONS

# For the database, its threads, and connections that are told to come back.
OTHER_FILES = 256


def allow_connections(wanted: int | None) -> int:
    """Return how many connections there can be: those wanted, or by default what is possible.

    Raises this process's own limit as far as the system lets it.

    Raises:
        OpenFilesError: if more are wanted than the process may open.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_CONNECTIONS if wanted is None else wanted
    if hard != resource.RLIM_INFINITY:
        most = min(most, max(hard - OTHER_FILES, 1))
    if wanted is not None and most < wanted:
        raise OpenFilesError(connections=wanted, most=most)
    if soft not in {resource.RLIM_INFINITY, hard}:
        raised = max(soft, most + OTHER_FILES)
        if hard != resource.RLIM_INFINITY:
            raised = min(raised, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    return most
