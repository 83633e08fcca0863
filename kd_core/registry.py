"""The one way to add a data set, model, loss, mode, metric or device.

An entry is a frozen record that tells a page all it needs. Texts follow from the names, so that
an entry repeats nothing: entry ``kd`` of the registry ``loss`` has the catalogue texts
``loss.kd.title`` and ``loss.kd.about``, and its parameter ``T`` has ``loss.kd.param.T.title`` and
``loss.kd.param.T.help`` (with ``param.T.title`` and ``param.T.help`` as the shared fallback).
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from kd_core.errors import ConfigError
from kd_core.text import Msg

ParamKind = Literal["float", "int", "bool", "choice", "text", "dataset", "run", "layers", "steps"]


@dataclass(frozen=True)
class Param:
    """One setting of an entry: how a page draws it and which values are legal.

    Attributes:
        name: Key in the configuration.
        kind: Which control and which check.
        default: Value when nothing is said.
        low: Smallest legal value (inclusive); ``None`` for no bound.
        high: Largest legal value (inclusive); ``None`` for no bound.
        choices: Legal values of a ``choice``.
        unit: Unit shown behind the value, such as ``px``; empty for none.
        step: Step of the control.
        advanced: Shown only on request.
        when: Another parameter and its values where this one counts; elsewhere it is not shown.
    """

    name: str
    kind: ParamKind
    default: Any
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] = ()
    unit: str = ""
    step: float | None = None
    advanced: bool = False
    when: tuple[str, tuple[Any, ...]] | None = None

    def counts(self, values: Mapping[str, Any]) -> bool:
        """Whether the setting has any effect beside these.

        >>> Param("b", "float", 0.0, when=("weights", ("own",))).counts({"weights": "published"})
        False
        """
        return self.when is None or values.get(self.when[0]) in self.when[1]

    def check(self, value: Any) -> Any:
        """The value in its own type.

        Raises:
            ConfigError: ``param_type``, ``param_range`` or ``param_choice``.

        >>> Param("T", "float", 4.0, low=0.1, high=100).check(2)
        2.0
        """
        if self.kind in ("float", "int"):
            return self._number(value)
        if self.kind == "bool" and not isinstance(value, bool):
            must = Msg("must.bool").to_json()
            raise ConfigError("param_type", name=self.name, got=str(value), must=must)
        if self.kind == "choice" and value not in self.choices:
            must = Msg("must.one_of", {"choices": [str(c) for c in self.choices]}).to_json()
            raise ConfigError("param_choice", name=self.name, got=str(value), must=must)
        return value

    def _number(self, value: Any) -> float | int:
        whole = self.kind == "int"
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not math.isfinite(value) or (whole and value != int(value)):
            must = Msg("must.whole_number" if whole else "must.number").to_json()
            raise ConfigError("param_type", name=self.name, got=str(value), must=must)
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        if not low <= value <= high:
            must = self._range().to_json()
            raise ConfigError("param_range", name=self.name, got=value, must=must)
        return int(value) if whole else float(value)

    def _range(self) -> Msg:
        if self.high is None:
            return Msg("must.at_least", {"low": self.low})
        if self.low is None:
            return Msg("must.at_most", {"high": self.high})
        return Msg("must.between", {"low": self.low, "high": self.high})


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What every registry entry has; each registry's own record adds its functions.

    Attributes:
        source: Paper and year, or the origin of the method; empty where there is none.
        params: Settings in the order in which a page shows them.
    """

    source: str = ""
    params: tuple[Param, ...] = ()

    def defaults(self) -> dict[str, Any]:
        """Parameter names with their defaults."""
        return {param.name: param.default for param in self.params}

    def check(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """All parameters, checked, with defaults filled in.

        Raises:
            ConfigError: A value is illegal, or a name is not a parameter of this entry.
        """
        known = {param.name for param in self.params}
        for name in values:
            if name not in known:
                raise ConfigError("param_unknown", name=name, known=sorted(known))
        return {p.name: p.check(values.get(p.name, p.default)) for p in self.params}


E_co = TypeVar("E_co", bound=Entry)


class Registry(Generic[E_co]):
    """Named entries of one kind, in the order of registration.

    >>> colours = Registry("colour")
    >>> _ = colours.add("red", Entry(source="Newton 1704"))
    >>> colours.names(), colours["red"].source
    (('red',), 'Newton 1704')
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, E_co] = {}

    def add(self, name: str, entry: E_co) -> E_co:
        """Register an entry; a name can be taken once.

        Raises:
            ConfigError: ``entry_exists``.
        """
        if name in self._entries:
            raise ConfigError("entry_exists", kind=self.kind, name=name)
        self._entries[name] = entry
        return entry

    def __getitem__(self, name: str) -> E_co:
        if name not in self._entries:
            near = difflib.get_close_matches(name, self._entries, n=3, cutoff=0.5)
            raise ConfigError(
                "entry_unknown", kind=self.kind, name=name, near=near or list(self._entries)[:12]
            )
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def names(self) -> tuple[str, ...]:
        """Names in the order of registration."""
        return tuple(self._entries)

    def items(self) -> tuple[tuple[str, E_co], ...]:
        """Pairs of name and entry in the order of registration."""
        return tuple(self._entries.items())

    def text_id(self, name: str, part: str) -> str:
        """Catalogue id of an entry's text, e.g. ``loss.kd.title``."""
        return f"{self.kind}.{name}.{part}"
