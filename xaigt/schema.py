"""YAML files that people write, checked against a model, with errors that name file, line and field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from xaigt.errors import XaigtError, nearest

Location = tuple[str | int, ...]


class SchemaError(XaigtError):
    """A file or setting that does not fit its model."""


class Strict(BaseModel):
    """Base of every model of a file: unknown keys are errors, instances are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


M = TypeVar("M", bound=BaseModel)


class Document:
    """A YAML file that remembers the line of every field.

    Parameters
    ----------
    path
        The file, UTF-8.

    Raises
    ------
    SchemaError
        If it cannot be read, is not YAML, is not a mapping, or names a key twice.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise SchemaError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start}).") from None
        except OSError as error:
            raise SchemaError(f"{path}: cannot be read ({error.strerror}).") from None
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
            self.lines: dict[Location, int] = {}
            if node is not None:
                self._walk(node, ())
            data = yaml.safe_load(text)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
            raise SchemaError(f"{path}{where}: not valid YAML ({error.problem}).") from None
        except yaml.YAMLError as error:
            raise SchemaError(f"{path}: not valid YAML ({error}).") from None
        if not isinstance(data, dict):
            raise SchemaError(f"{path}: must be a mapping of fields, not {type(data).__name__}.")
        self.data: dict[str, Any] = data

    def line(self, location: Location) -> int | None:
        """Line (from 1) of a field, or of the nearest field around it that the file has."""
        for end in range(len(location), -1, -1):
            if (found := self.lines.get(location[:end])) is not None:
                return found
        return None

    def _walk(self, node: yaml.Node, location: Location) -> None:
        self.lines.setdefault(location, node.start_mark.line + 1)
        if isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self._walk(item, (*location, index))
        elif isinstance(node, yaml.MappingNode):
            seen: dict[str, int] = {}
            for key, value in node.value:
                name, line = str(key.value), key.start_mark.line + 1
                if name in seen:
                    field = dotted((*location, name))
                    raise SchemaError(
                        f"{self.path}, line {line}, field {field}: given twice (first on line {seen[name]})."
                    )
                seen[name] = line
                self.lines[(*location, name)] = line
                self._walk(value, (*location, name))


def dotted(location: Location) -> str:
    """Name a field as options and messages do: ``lesions.0.volume_ml``."""
    return ".".join(str(part) for part in location)


def validate(
    model: type[M],
    data: Mapping[str, Any],
    document: Document | None = None,
    what: str = "",
    within: Location = (),
) -> M:
    """Check `data` against `model`.

    Parameters
    ----------
    model
        The pydantic model.
    data
        What was read.
    document
        The file it came from, for line numbers.
    what
        Said in place of a file name where there is no file, such as ``"--set"``.
    within
        Location of `data` in the file, if it is a part of it.

    Raises
    ------
    SchemaError
        Naming, for each problem, file, line, field, what is wrong and what is allowed.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = [_describe(item, model, document, what, within) for item in error.errors(include_url=False)]
        raise SchemaError("\n".join(dict.fromkeys(problems))) from None


def assign(data: dict[str, Any], settings: Sequence[str], what: str = "--set") -> dict[str, Any]:
    """Return a copy of nested `data` with ``key.subkey=value`` settings applied; values are YAML.

    Raises
    ------
    SchemaError
        If a setting has no ``=``, or a part of its key does not exist.
    """
    import copy

    result = copy.deepcopy(data)
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not key:
            raise SchemaError(f"{what} {setting!r}: must be key=value, such as acquisition.noise_hu=3.")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise SchemaError(f"{what} {setting!r}: the value is not valid YAML ({error}).") from None
        put(result, key, value, f"{what} {key}")
    return result


def put(data: dict[str, Any], key: str, value: Any, what: str) -> None:
    """Set ``key.subkey`` of nested `data`; items of lists go by number.

    Raises
    ------
    SchemaError
        If a part of the key does not exist; the message begins with `what`.
    """
    holder: Any = data
    parts = key.split(".")
    for depth, part in enumerate(parts):
        options = _keys(holder)
        if part not in options:
            where = f" in {'.'.join(parts[:depth])}" if depth else ""
            raise SchemaError(f"{what}: unknown key {part!r}{where}: {nearest(part, options)}.")
        index: Any = int(part) if isinstance(holder, list) else part
        if depth == len(parts) - 1:
            holder[index] = value
        else:
            holder = holder[index]


def _keys(holder: Any) -> list[str]:
    if isinstance(holder, dict):
        return [str(key) for key in holder]
    if isinstance(holder, list):
        return [str(index) for index in range(len(holder))]
    return []


def _describe(
    item: ErrorDetails, model: type[BaseModel], document: Document | None, what: str, within: Location
) -> str:
    # Tags of unions are part of pydantic's location but not of the file: they start with an underscore here.
    inner = tuple(part for part in item["loc"] if not (isinstance(part, str) and part.startswith("_")))
    location = (*within, *inner)
    where = what
    if document is not None:
        line = document.line(location)
        where = f"{document.path}" + (f", line {line}" if line else "")
    field = dotted(location)
    prefix = ", ".join(part for part in (where, f"field {field}" if field else "") if part)
    if item["type"] == "extra_forbidden":
        return f"{prefix}: unknown key; {nearest(str(location[-1]), _siblings(model, item['loc']))}."
    if item["type"] == "missing":
        return f"{prefix}: missing, and it has no default."
    message = item["msg"].removeprefix("Value error, ")
    given = item["input"]
    shown = "" if isinstance(given, dict | list) or item["type"] == "value_error" else f" (given: {given!r})"
    return f"{prefix}: {message[0].lower()}{message[1:]}{shown}."


def _siblings(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Names of the fields beside the last part of `location`."""
    schema = model.model_json_schema(mode="validation")
    node: dict[str, Any] = schema
    for part in location[:-1]:
        node = _resolve(node, schema)
        if isinstance(part, int):
            node = node.get("items", {})
        elif "properties" in node:
            node = node["properties"].get(part, {})
        elif "additionalProperties" in node and isinstance(node["additionalProperties"], dict):
            node = node["additionalProperties"]
    node = _resolve(node, schema)
    return list(node.get("properties", {}))


def _resolve(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    for options in ("anyOf", "allOf", "oneOf"):
        for option in node.get(options, []):
            resolved = _resolve(option, schema)
            if "properties" in resolved or "items" in resolved:
                return resolved
    if "$ref" in node:
        return _resolve(schema["$defs"][node["$ref"].rsplit("/", 1)[1]], schema)
    return node
