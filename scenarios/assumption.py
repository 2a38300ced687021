"""An assumption: a figure that remembers its range, its unit and its source.

It is a float, so that arithmetic reads as arithmetic; what it says of itself is for reports.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from scenarios.errors import ImpossibleValueError, QuantityError, nearest, shown
from scenarios.quantities import EXPECTED, Dimension, format_quantity, parse


class Assumption(float):
    """A value in base units with the range it may lie in and where it comes from.

    Attributes:
        low: least plausible value, or None where the figure is not in doubt.
        high: greatest plausible value, or None likewise.
        unit: what it counts, such as `users` or `bytes`.
        source: where it comes from; empty where the scenario does not say.
    """

    __slots__ = ("dimension", "high", "low", "source", "unit")

    low: float | None
    high: float | None
    unit: str
    source: str
    dimension: Dimension

    def __new__(
        cls,
        value: float,
        *,
        dimension: Dimension = Dimension.NUMBER,
        unit: str = "",
        low: float | None = None,
        high: float | None = None,
        source: str = "",
    ) -> Self:
        """Return an assumption of that value."""
        self = super().__new__(cls, value)
        self.low, self.high, self.unit, self.source = low, high, unit, source
        self.dimension = dimension
        return self

    def __getnewargs_ex__(self) -> tuple[tuple[float], dict[str, Any]]:
        """Return what rebuilds it in another process."""
        kept = {name: getattr(self, name) for name in self.__slots__}
        return (float(self),), kept

    def at(self, value: float) -> "Assumption":
        """Return the same assumption with another value: what if it were `value`."""
        (_, kept) = self.__getnewargs_ex__()
        return Assumption(value, **kept)

    def __str__(self) -> str:
        """Return the value as it would be written in a scenario file."""
        return format_quantity(self, self.dimension)


@dataclass(frozen=True)
class Quantity:
    """How a scenario key of type `Assumption` is read: its dimension, unit and limits.

    A key holds text or a number (`"500M"`, `100`), or a table with `value` and, where known,
    `low`, `high` and `source`.
    """

    dimension: Dimension
    unit: str
    above_zero: bool = False
    signed: bool = False
    below: float = math.inf

    def read(self, raw: object) -> Assumption:
        """Return the assumption that `raw`, as TOML gave it, stands for.

        Raises:
            ImpossibleValueError: with what was found and what was expected.
        """
        if isinstance(raw, Assumption):
            return raw
        if isinstance(raw, Mapping):
            return self._read_table(raw)
        return self._assumption(self._number(raw))

    @property
    def description(self) -> str:
        """What the key holds, in words."""
        return f"{EXPECTED[self.dimension]} ({self.unit})" if self.unit else self.expected

    @property
    def expected(self) -> str:
        """What a message asks for."""
        return EXPECTED[self.dimension]

    def _read_table(self, table: Mapping[str, object]) -> Assumption:
        for key in table:
            if key not in _TABLE_KEYS:
                raise ImpossibleValueError(
                    found=f"unknown key {key!r}{nearest(key, _TABLE_KEYS)}",
                    expected=", ".join(_TABLE_KEYS),
                )
        if "value" not in table:
            raise ImpossibleValueError(found="a table without value", expected=self.expected)
        value = self._number(table["value"])
        low = self._number(table["low"]) if "low" in table else None
        high = self._number(table["high"]) if "high" in table else None
        if not (value if low is None else low) <= value <= (value if high is None else high):
            given = ", ".join(f"{key} {shown(table[key])}" for key in table if key != "source")
            raise ImpossibleValueError(found=given, expected="low ≤ value ≤ high")
        source = table.get("source", "")
        if not isinstance(source, str):
            raise ImpossibleValueError(found=f"source {shown(source)}", expected="a text")
        return self._assumption(value, low=low, high=high, source=source)

    def _number(self, raw: object) -> float:
        value = parse(raw, self.dimension)
        if self.above_zero and value <= 0:
            raise QuantityError(found=raw, expected=f"more than zero: {self.expected}")
        if not self.signed and value < 0:
            raise QuantityError(found=raw, expected=f"zero or more: {self.expected}")
        if value >= self.below:
            limit = format_quantity(self.below, self.dimension)
            raise QuantityError(found=raw, expected=f"less than {limit}: {self.expected}")
        return value

    def _assumption(
        self,
        value: float,
        *,
        low: float | None = None,
        high: float | None = None,
        source: str = "",
    ) -> Assumption:
        return Assumption(
            value, dimension=self.dimension, unit=self.unit, low=low, high=high, source=source
        )

    def __get_pydantic_core_schema__(
        self, source_type: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Validate with `read`; pydantic calls this when it builds a model."""
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe the scalar and the table form for editors."""
        scalar = {"type": ["string", "number"]}
        return {
            "description": self.description,
            "anyOf": [
                scalar,
                {
                    "type": "object",
                    "properties": {
                        "value": scalar,
                        "low": scalar,
                        "high": scalar,
                        "source": {"type": "string"},
                    },
                    "required": ["value"],
                    "additionalProperties": False,
                },
            ],
        }


_TABLE_KEYS = ("value", "low", "high", "source")


@dataclass(frozen=True)
class QuantityOrName(Quantity):
    """A key that holds a quantity, or the name of an estimate to take it from."""

    @property
    def description(self) -> str:
        """What the key holds, in words."""
        return f"{super().description}{_OR_NAME}"

    def read_either(self, raw: object) -> Assumption | str:
        """Return the name, or the assumption that `raw` stands for."""
        if isinstance(raw, str) and re.fullmatch(_ESTIMATE, raw) and raw not in _NO_NUMBERS:
            return raw
        return self.read(raw)

    def _number(self, raw: object) -> float:
        try:
            return super()._number(raw)
        except QuantityError as error:
            raise QuantityError(found=raw, expected=f"{error.expected}{_OR_NAME}") from None

    def __get_pydantic_core_schema__(
        self, source_type: object, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """Validate with `read_either`."""
        return core_schema.no_info_plain_validator_function(self.read_either)


_OR_NAME = ", or the name of an estimate"
_ESTIMATE = r"[a-z][a-z0-9_]*"
_NO_NUMBERS = {"nan", "inf", "infinity"}
"""Texts that look like a name, but are a slip in arithmetic."""


Users = Annotated[Assumption, Quantity(Dimension.COUNT, "users", above_zero=True)]
Share = Annotated[Assumption, Quantity(Dimension.SHARE, "share")]
PositiveShare = Annotated[Assumption, Quantity(Dimension.SHARE, "share", above_zero=True)]
ShareBelowOne = Annotated[Assumption, Quantity(Dimension.SHARE, "share", above_zero=True, below=1)]
Bytes = Annotated[Assumption, Quantity(Dimension.SIZE, "bytes")]
PositiveBytes = Annotated[Assumption, Quantity(Dimension.SIZE, "bytes", above_zero=True)]
Seconds = Annotated[Assumption, Quantity(Dimension.DURATION, "s")]
PositiveSeconds = Annotated[Assumption, Quantity(Dimension.DURATION, "s", above_zero=True)]
UtcOffset = Annotated[Assumption, Quantity(Dimension.DURATION, "s", signed=True)]
Number = Annotated[Assumption, Quantity(Dimension.NUMBER, "")]
PositiveNumber = Annotated[Assumption, Quantity(Dimension.NUMBER, "", above_zero=True)]
ZipfExponent = Annotated[Assumption, Quantity(Dimension.NUMBER, "", above_zero=True, below=2)]
PerUserPerDay = Annotated[Assumption, Quantity(Dimension.NUMBER, "/user/day")]
UsdPerGb = Annotated[Assumption, Quantity(Dimension.NUMBER, "USD/GB")]
UsdPerGbMonth = Annotated[Assumption, Quantity(Dimension.NUMBER, "USD/GB-month")]
UsdPerHour = Annotated[Assumption, Quantity(Dimension.NUMBER, "USD/h")]
UsdPerMillion = Annotated[Assumption, Quantity(Dimension.NUMBER, "USD/1M requests")]
BytesPerSecond = Annotated[Assumption, Quantity(Dimension.SIZE, "bytes/s", above_zero=True)]
ShareOrName = Annotated[Assumption | str, QuantityOrName(Dimension.SHARE, "share")]
BytesOrName = Annotated[Assumption | str, QuantityOrName(Dimension.SIZE, "bytes")]
NumberOrName = Annotated[
    Assumption | str, QuantityOrName(Dimension.NUMBER, "items", above_zero=True)
]
