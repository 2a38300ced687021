"""The JSON Schema of scenario files, for editors that complete and explain as one types.

Looser than the loader: what a file leaves out may come from the scenario that it extends, so no key
is required. `socialfeed scenarios check` has the last word.
"""

import inspect
import re
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from scenarios.model import Scenario
from scenarios.section import Section

_FALSE = {"const": False, "description": "takes away what the extended scenario has here"}


def scenario_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) that describes a scenario file."""
    schema = Scenario.model_json_schema(schema_generator=_FileSchema)
    schema["$defs"]["Box"]["properties"]["machine"] = {
        "type": "string",
        "description": "a table of machines, whose keys count where the box has none",
    }
    schema["properties"] = {
        "extends": {
            "type": "string",
            "description": "a library name or a file, whose keys count where this one has none",
        },
        "machines": schema["properties"]["boxes"] | {"description": "what boxes share, by name"},
        **schema["properties"],
    }
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema}


def key_meanings(section: type[Section]) -> dict[str, str]:
    """Return what each key of a section means, as the `Attributes:` of its docstring say."""
    _, _, attributes = inspect.cleandoc(section.__doc__ or "").partition("\nAttributes:\n")
    # An entry starts at four spaces; what is deeper continues it.
    entries = re.findall(r"^ {4}(\w[\w, ]*):((?:.|\n {5,})*)", attributes, re.MULTILINE)
    return {key: " ".join(meaning.split()) for keys, meaning in entries for key in keys.split(", ")}


class _FileSchema(GenerateJsonSchema):
    """What pydantic says of the models, as it holds for a file that extends another."""

    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,  # noqa: ARG002 - no field is
        total: bool,  # noqa: ARG002, FBT001 - pydantic's signature
    ) -> bool:
        return False

    def field_title_should_be_set(self, *_: object) -> bool:
        return False  # It would only repeat the key.

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return {"anyOf": [self.generate_inner(schema["schema"]), _FALSE]}

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        described = super().dict_schema(schema)
        described.pop("minProperties", None)
        described["additionalProperties"] = False
        described["patternProperties"] = {
            name: {"anyOf": [part, _FALSE]} for name, part in described["patternProperties"].items()
        }
        return described

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        described = super().model_schema(schema)
        described.pop("title", None)
        described["description"] = described["description"].partition("\n\nAttributes:")[0]
        for key, meaning in key_meanings(schema["cls"]).items():
            expected = described["properties"][key].get("description")
            described["properties"][key]["description"] = (
                f"{meaning.removesuffix('.')}: {expected}" if expected else meaning
            )
        return described
