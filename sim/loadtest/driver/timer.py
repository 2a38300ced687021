"""A timer that wakes a greenlet to within some ten microseconds.

libev, and so `gevent.sleep`, counts in whole milliseconds, which would be longer than many an
answer takes. Linux has a timer that is a file, and a greenlet can wait for a file.
"""

import ctypes
import os
import time

import gevent

_CLOCK_MONOTONIC = 1
_NONBLOCK_CLOEXEC = 0o2004000
_ABSOLUTE = 1
_NS = 1_000_000_000


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class Timer:
    """Waits until moments of `time.monotonic`; for one greenlet.

    Where there is no such file, it waits by `gevent.sleep`.
    """

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._settime = getattr(libc, "timerfd_settime", None)
        self._file = -1
        if self._settime is not None:
            self._file = libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
        if self._file >= 0:
            self._hub = gevent.get_hub()
            self._watcher = self._hub.loop.io(self._file, 1)

    def wait_until(self, moment_s: float) -> None:
        """Return when `moment_s` has come."""
        if self._file < 0 or self._settime is None:
            gevent.sleep(max(0.0, moment_s - time.monotonic()))
            return
        # An absolute time of zero would switch the timer off.
        moment_ns = max(1, int(moment_s * _NS))
        value = _Timespec(moment_ns // _NS, moment_ns % _NS)
        spec = _Itimerspec(_Timespec(0, 0), value)
        self._settime(self._file, _ABSOLUTE, ctypes.byref(spec), None)
        self._hub.wait(self._watcher)
        os.read(self._file, 8)

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
