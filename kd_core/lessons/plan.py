"""What a teacher sets for a class: which lessons in which order, which controls, which study."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import Field

from kd_core.errors import ConfigError
from kd_core.settings import Settings

SETTING = "lessons"
"""Key among the class's settings."""


class Plan(Settings):
    """The teacher's choice; everything is shown in the usual order where nothing is said.

    Attributes:
        order: Lessons in the order of the class; others follow in the usual one.
        hidden: Lessons that visitors do not see.
        controls: Controls that visitors do not see, as ``lesson.control``.
        study: Id of the class's study; empty for the embedded one.
    """

    order: tuple[str, ...] = Field(default=())
    hidden: tuple[str, ...] = Field(default=())
    controls: tuple[str, ...] = Field(default=())
    study: str = ""

    def lessons(self, known: Sequence[str], everything: bool = False) -> tuple[str, ...]:
        """Lessons in the order of the class.

        Args:
            known: All lessons in the usual order.
            everything: With those that are hidden.

        >>> Plan(order=("b",), hidden=("c",)).lessons(("a", "b", "c"))
        ('b', 'a')
        """
        ordered = dict.fromkeys([*(name for name in self.order if name in known), *known])
        shown = tuple(name for name in ordered if everything or name not in self.hidden)
        return shown or tuple(known)

    def hidden_controls(self, lesson: str) -> tuple[str, ...]:
        """Names of the controls of a lesson that are hidden.

        >>> Plan(controls=("loss.T", "wrong.kind")).hidden_controls("loss")
        ('T',)
        """
        return tuple(_controls_of(self.controls, lesson))


def plan_of(value: Any) -> Plan:
    """The plan that was stored; the usual one where nothing was, or by a newer version."""
    try:
        return Plan.from_json(value or {})
    except ConfigError:
        return Plan()


def moved(order: Sequence[str], name: str, by: int) -> tuple[str, ...]:
    """The order with one lesson moved earlier (−1) or later (+1); at an end it stays.

    >>> moved(("a", "b", "c"), "c", -1)
    ('a', 'c', 'b')
    """
    rest = [other for other in order if other != name]
    place = min(max(0, list(order).index(name) + by), len(rest))
    return (*rest[:place], name, *rest[place:])


def _controls_of(controls: Iterable[str], lesson: str) -> Iterable[str]:
    for control in controls:
        before, _, name = control.partition(".")
        if before == lesson:
            yield name
