"""What all settings share: frozen, validated on creation, compared by value, with their own JSON.

Whatever is wrong is a :class:`~kd_core.errors.ConfigError` with code ``config_value``: the field's
path from the outermost settings, what came, and what it must be, as a message.
"""

from __future__ import annotations

import hashlib
import json
import re
from contextvars import ContextVar
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from kd_core.errors import ConfigError
from kd_core.text import Msg

SCHEMA = 1

# How many settings are being validated around this one: only the outermost turns pydantic's error
# into ours, because only there is the field's path complete.
_depth: ContextVar[int] = ContextVar("_depth", default=0)


class Settings(BaseModel):
    """Base of all settings: frozen, no unknown names, no NaN, errors as data."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    later: ClassVar[frozenset[str]] = frozenset()
    """Fields that came after the first release; see :meth:`identity`."""

    @model_validator(mode="wrap")
    @classmethod
    def _errors_as_data(cls, data: Any, handler: Any) -> Self:
        depth = _depth.get()
        token = _depth.set(depth + 1)
        try:
            value: Self = handler(data)
        except ValidationError as error:
            if depth:
                raise
            raise _config_error(error) from None
        finally:
            _depth.reset(token)
        return value

    def to_json(self) -> dict[str, Any]:
        """JSON-safe dictionary."""
        return self.model_dump(mode="json")

    def identity(self) -> dict[str, Any]:
        """What is hashed: :meth:`to_json` without the ``later`` fields that are at their default.

        So a new setting, as long as nobody uses it, leaves the identity of old runs alone.
        """
        fields = type(self).model_fields
        kept = (
            name
            for name in fields
            if name not in self.later
            or getattr(self, name) != fields[name].get_default(call_default_factory=True)
        )
        return {name: _identity(getattr(self, name)) for name in kept}

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Settings from a dictionary or a JSON text.

        Raises:
            ConfigError: ``config_json`` for text that is not JSON, ``config_newer`` for a later
                schema version, ``config_value`` for a setting that is missing, unknown or out
                of range.
        """
        if isinstance(data, str | bytes):
            try:
                data = json.loads(data)
            except ValueError as error:
                raise ConfigError("config_json", detail=str(error)) from None
        if not isinstance(data, dict):
            raise ConfigError("config_json", detail=type(data).__name__)
        version = data.get("schema_version")
        if isinstance(version, int) and version > SCHEMA:
            raise ConfigError("config_newer", version=version, known=SCHEMA)
        return cls.model_validate(data)

    def change(self, **changes: Any) -> Self:
        """A validated copy with other values."""
        return type(self).model_validate({**dict(self), **changes})

    def digest(self) -> str:
        """SHA-256 of the canonical JSON (sorted keys, no spaces), 64 hex digits."""
        return canonical_hash(self.to_json())


def _identity(value: Any) -> Any:
    if isinstance(value, Settings):
        return value.identity()
    if isinstance(value, tuple | list):
        return [_identity(one) for one in value]
    if isinstance(value, dict):
        return {name: _identity(one) for name, one in value.items()}
    return value


def canonical_hash(data: Any) -> str:
    """SHA-256 of canonical JSON: sorted keys, no spaces, no NaN.

    >>> canonical_hash({"b": 1, "a": 2}) == canonical_hash({"a": 2, "b": 1})
    True
    """
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _config_error(error: ValidationError) -> ConfigError:
    first = error.errors()[0]
    return ConfigError(
        "config_value",
        field=".".join(str(part) for part in first["loc"]) or "settings",
        got="nothing" if first["type"] == "missing" else str(first["input"])[:80],
        rule=first["type"],
        must=_must(first["type"], first.get("ctx", {})).to_json(),
    )


# pydantic's error type -> the text of what the value must be, and its name there for each limit
_LIMITS = {
    "greater_than_equal": ("at_least", {"ge": "low"}),
    "less_than_equal": ("at_most", {"le": "high"}),
    "greater_than": ("more_than", {"gt": "low"}),
    "less_than": ("less_than", {"lt": "high"}),
    "too_short": ("longer", {"min_length": "low"}),
    "too_long": ("shorter", {"max_length": "high"}),
    "string_too_short": ("longer", {"min_length": "low"}),
    "string_too_long": ("shorter", {"max_length": "high"}),
}
# first word of pydantic's other error types ("int_parsing", "finite_number", …) -> the text
_KINDS = {
    **{"missing": "given", "extra": "known", "int": "whole_number", "float": "number"},
    **{"finite": "number", "bool": "bool", "string": "text", "tuple": "list", "list": "list"},
    **{"dict": "table", "model": "table"},
}


def _must(rule: str, context: dict[str, Any]) -> Msg:
    """What a value must be, from pydantic's error type and its context."""
    if rule == "literal_error":
        return Msg("must.one_of", {"choices": re.findall(r"'([^']*)'", context["expected"])})
    if rule in _LIMITS:
        name, names = _LIMITS[rule]
        return Msg(f"must.{name}", {ours: context[theirs] for theirs, ours in names.items()})
    return Msg(f"must.{_KINDS.get(rule.partition('_')[0], 'other')}")
