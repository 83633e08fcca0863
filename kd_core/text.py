"""Messages without a language: an id and named parameters.

The engine never makes sentences. It makes a :class:`Msg`; ``app/`` and the command line render it
with a :class:`Catalogue` in the reader's language. A catalogue is a folder of TOML files, one
folder a language (``app/locale/en/*.toml``, ``app/locale/pt_BR/*.toml``), each a flat table
``"id" = "Text with {name}"``. Another language is one folder more; what it lacks stays English.

A placeholder may name a format: ``{count:int}``, ``{rate:percent}`` (0.5 is shown as 50.0 %),
``{gap:points}`` (× 100, one decimal), ``{size:bytes}`` (MB, 10⁶; below 1 MB three digits that
count, so that two sizes can be divided as they stand), ``{time:seconds}``, ``{latency:ms}``,
``{score:score}`` (three decimals), ``{x:four}`` (four), ``{x:number}`` (up to 6 significant
digits), ``{names:list}``. Numbers follow the language. A parameter may itself be a :class:`Msg`.
A plural is a table whose keys are CLDR plural categories of the parameter ``n``::

    ["data.images"]
    one = "{n:int} image"
    other = "{n:int} images"
"""

from __future__ import annotations

import functools
import string
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from babel import Locale
from babel.lists import format_list
from babel.numbers import format_decimal

MB = 1_000_000
MINUS = "−"
"""As long as a plus, where the keyboard's hyphen is short."""


@dataclass(frozen=True)
class Msg:
    """A message id with its parameters; equal when both are equal.

    >>> Msg("data.images", {"n": 3}).to_json()
    {'id': 'data.images', 'params': {'n': 3}}
    """

    id: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.id, tuple(sorted((k, repr(v)) for k, v in self.params.items()))))

    def to_json(self) -> dict[str, Any]:
        """JSON form; nested messages are converted too."""
        return {"id": self.id, "params": {k: _plain(v) for k, v in self.params.items()}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Msg:
        """The message that :meth:`to_json` wrote."""
        params = {
            k: cls.from_json(v) if isinstance(v, dict) and set(v) == {"id", "params"} else v
            for k, v in data.get("params", {}).items()
        }
        return cls(data["id"], params)


def _plain(value: Any) -> Any:
    if isinstance(value, Msg):
        return value.to_json()
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


@dataclass(frozen=True)
class Catalogue:
    """All texts of one language.

    Attributes:
        language: Its folder: ``en``, ``pt_BR``.
        texts: Message id to template, or to a table of plural templates.
    """

    language: str
    texts: Mapping[str, str | Mapping[str, str]]

    def __contains__(self, msg_id: str) -> bool:
        return msg_id in self.texts

    def render(self, msg: Msg) -> str:
        """The sentence; an unknown id is shown as itself, so that nothing is ever hidden."""
        template = self.texts.get(msg.id)
        if template is None:
            inner = ", ".join(f"{k}={v}" for k, v in msg.params.items())
            return f"{msg.id} ({inner})" if inner else msg.id
        if not isinstance(template, str):
            n = msg.params.get("n", 0)
            category = _locale(self.language).plural_form(n)
            template = template.get(category) or template["other"]
        return _Formatter(self).vformat(template, (), msg.params)

    def number(self, value: float | None, kind: str) -> str:
        """One number in this language; ``kind`` is a placeholder format of the module text."""
        return _Formatter(self).format_field(value, kind)


class _Formatter(string.Formatter):
    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def get_value(self, key: int | str, args: Any, kwargs: Any) -> Any:
        return kwargs.get(key, f"{{{key}}}") if isinstance(key, str) else f"{{{key}}}"

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, dict) and set(value) == {"id", "params"}:
            value = Msg.from_json(value)
        if isinstance(value, Msg):
            return self.catalogue.render(value)
        if value is None or value != value:
            return "–"  # a figure that does not exist (NaN) is named, not printed as a number
        if isinstance(value, list | tuple):
            return _names([self.format_field(item, "") for item in value], self.catalogue.language)
        if not format_spec or isinstance(value, str):
            return str(value)
        return FORMATS[format_spec](value, self.catalogue.language)


@functools.cache
def _locale(language: str) -> Locale:
    return Locale.parse(language.replace("-", "_"))


@functools.lru_cache(maxsize=10_000)  # a page says the same few numbers at each of its runs
def _decimal(value: float, language: str, pattern: str) -> str:
    return typeset(str(format_decimal(value, pattern, locale=_locale(language))))


def typeset(number: str) -> str:
    """A written number with a true minus, as figures have it; a rounded zero has no sign.

    >>> typeset("-0.5"), typeset("-0.0"), typeset("1e-5")
    ('−0.5', '0.0', '1e-5')
    """
    if not number.startswith("-"):
        return number
    return MINUS + number[1:] if any(digit in number for digit in "123456789") else number[1:]


def significant(value: float, digits: int = 4) -> float:
    """A number to so many digits that count; never −0.

    >>> significant(71.6426, 3), significant(-0.00001)
    (71.6, -1e-05)
    """
    return float(f"{value:.{digits}g}") + 0.0


def _seconds(value: float, language: str) -> str:
    if value < 90:
        pattern = "0.##" if value < 1 else "#,##0.#" if value < 10 else "#,##0"
        return _decimal(value, language, pattern) + " s"
    if value < 5400:
        return _decimal(value / 60, language, "#,##0") + " min"
    return _decimal(value / 3600, language, "#,##0.#") + " h"


def _megabytes(value: float, language: str) -> str:
    if value < MB:
        return _decimal(significant(value / MB, 3), language, "0.00######") + " MB"
    return _decimal(value / MB, language, "#,##0.00" if value < 10 * MB else "#,##0.0") + " MB"


def _significant(value: float, language: str) -> str:
    return _decimal(significant(value, 6), language, "#,##0.######")


def _names(value: Any, language: str) -> str:
    return str(format_list([str(item) for item in value], locale=_locale(language)))


FORMATS: dict[str, Callable[[Any, str], str]] = {
    "int": lambda v, lang: _decimal(v, lang, "#,##0"),
    "percent": lambda v, lang: _decimal(v * 100, lang, "#,##0.0") + " %",
    "points": lambda v, lang: _decimal(v * 100, lang, "#,##0.0"),
    "score": lambda v, lang: _decimal(v, lang, "0.000"),
    "four": lambda v, lang: _decimal(v, lang, "0.0000"),
    "ms": lambda v, lang: _decimal(v, lang, "#,##0.00" if v < 10 else "#,##0.0") + " ms",
    "bytes": _megabytes,
    "seconds": _seconds,
    "number": _significant,
    "list": _names,
}


def languages(folder: Path) -> tuple[str, ...]:
    """The languages that have a folder, English first."""
    names = {path.name for path in folder.iterdir() if path.is_dir()}
    return ("en", *sorted(names - {"en"}))


def best_language(wanted: str, offered: Sequence[str]) -> str:
    """The offered language for what a browser or a terminal asks; English where there is none.

    >>> offered = ("en", "pt_BR")
    >>> [best_language(wanted, offered) for wanted in ("pt-BR", "pt_PT.UTF-8", "en-GB", "C", "")]
    ['pt_BR', 'pt_BR', 'en', 'en', 'en']
    """
    tag = wanted.partition(".")[0].replace("-", "_")
    exact = [name for name in offered if name.lower() == tag.lower()]
    stem = tag.partition("_")[0].lower()
    similar = [name for name in offered if name.partition("_")[0].lower() == stem]
    return (*exact, *similar, "en")[0]


def language_name(language: str) -> str:
    """A language's own name for itself.

    >>> language_name("en"), language_name("pt_BR")
    ('English', 'Português (Brasil)')
    """
    name = str(_locale(language).get_display_name(_locale(language)))
    return name[:1].upper() + name[1:]


@functools.cache
def load_catalogue(folder: Path, language: str = "en") -> Catalogue:
    """Read every TOML file of one language; a missing text falls back to English.

    Args:
        folder: The folder that holds one folder a language.
        language: Name of that language's folder.
    """
    texts: dict[str, str | Mapping[str, str]] = {}
    for tag in dict.fromkeys(("en", language)):
        for path in sorted((folder / tag).glob("*.toml")):
            texts.update(tomllib.loads(path.read_text(encoding="utf-8")))
    return Catalogue(language, texts)
