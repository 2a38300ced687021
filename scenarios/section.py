"""The base of every section of a scenario: frozen, and closed to keys it does not know."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
"""What a box, a flow, a step or a region is called; safe in dotted keys and in metrics."""

Whole = Annotated[int, Field(strict=True, ge=1, le=100_000)]
"""A number of things of which there is at least one; no text, no true or false."""

WholeOrNone = Annotated[int, Field(strict=True, ge=0, le=100_000)]
"""A number of things that may be absent."""


class Section(BaseModel):
    """A table of a scenario file; unknown keys are errors, values never change after loading."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)
