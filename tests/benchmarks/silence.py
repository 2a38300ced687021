"""Metrics that are told nothing by box, to measure what telling them costs.

What stays: a `with` around two empty methods at each span, the calls of the others, the count of
answers, and the envelope's clock. So the measured cost is less than that of all metrics.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import pytest

from server.adapters.metrics import Metrics


class _Untimed:
    timings = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def on_to(self, box: str) -> None:
        pass

    def forget(self) -> None:
        pass


@contextmanager
def silenced() -> Iterator[None]:
    """Have nothing timed and nothing counted by box."""
    untimed = _Untimed()
    no_visits: list[object] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Metrics, "span", lambda _metrics, _box: untimed)
        patch.setattr(Metrics, "collect_visits", lambda _metrics: no_visits)
        patch.setattr(Metrics, "cache", lambda _metrics, _box, **_found: None)
        yield
