"""From answers to counts and the figures derived from them, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from kd_core.data.doctor.parts import wilson
from kd_core.slides.answers import Answers

Role = Literal["infected", "uninfected", "no_red_cell"]
ROLES: tuple[Role, ...] = ("infected", "uninfected", "no_red_cell")

_WORDS: tuple[tuple[Role, tuple[str, ...]], ...] = (
    # "uninfected" and "no_parasite" hold the words of the next line, so they come first.
    ("uninfected", ("uninfect", "no_parasit", "non_parasit", "unparasit", "healthy", "normal")),
    ("uninfected", ("negative", "confuser", "red_cell", "rbc", "erythrocyt")),
    ("infected", ("infect", "parasit", "ring", "troph", "schizont", "gametocyt", "positive")),
    ("infected", ("malaria", "falciparum", "vivax")),
)


def default_roles(classes: tuple[str, ...]) -> dict[str, Role]:
    """What each class means for parasitaemia, judged by its name; a page lets people change it.

    The sample's confusers are red cells with a platelet or dirt on them, so they count as
    uninfected. What is not recognised (platelets, debris, white cells) is no red cell.

    >>> default_roles(("Uninfected", "Parasitized", "debris"))
    {'Uninfected': 'uninfected', 'Parasitized': 'infected', 'debris': 'no_red_cell'}
    """
    return {name: _role(name) for name in classes}


def _role(name: str) -> Role:
    plain = name.casefold().replace(" ", "_").replace("-", "_")
    for role, words in _WORDS:
        if any(word in plain for word in words):
            return role
    return "no_red_cell"


def is_smear(roles: Mapping[str, Role]) -> bool:
    """True where parasitaemia means something: there are infected and uninfected classes."""
    return {"infected", "uninfected"} <= set(roles.values())


@dataclass(frozen=True)
class Share:
    """A share of cells with its 95 % interval (Wilson 1927).

    The interval says how far the share of so many cells may be from that of the whole smear. It
    knows nothing about the model's mistakes.

    Attributes:
        value: In [0, 1]; NaN for no cells.
        low: Low end.
        high: High end.
        part: Cells that count.
        whole: Cells they are a part of.
    """

    value: float
    low: float
    high: float
    part: int
    whole: int

    @classmethod
    def of(cls, part: int, whole: int) -> Share:
        """The share of ``part`` in ``whole``.

        >>> Share.of(0, 0).value
        nan
        """
        if whole == 0:
            return cls(float("nan"), float("nan"), float("nan"), 0, 0)
        low, high = wilson(part / whole, whole)
        return cls(part / whole, max(0.0, low), min(1.0, high), part, whole)


@dataclass(frozen=True)
class Counts:
    """What one model counted.

    Attributes:
        by_class: Cells of each class; of each label for ``multilabel``.
        total: Cells.
        parasitaemia: Infected among red cells; ``None`` where the classes give no sense to it.
    """

    by_class: dict[str, int]
    total: int
    parasitaemia: Share | None


def count(answers: Answers, roles: Mapping[str, Role] | None = None) -> Counts:
    """Cells by class, and parasitaemia.

    Args:
        answers: Of one model.
        roles: What each class means; :func:`default_roles` when ``None``.
    """
    if answers.task == "multilabel":
        numbers = answers.chosen.sum(0)
    else:
        numbers = np.bincount(answers.chosen, minlength=len(answers.classes))
    by_class = dict(zip(answers.classes, map(int, numbers), strict=True))
    return counts_of(by_class, len(answers), roles, multilabel=answers.task == "multilabel")


def counts_of(
    by_class: Mapping[str, int],
    total: int,
    roles: Mapping[str, Role] | None = None,
    multilabel: bool = False,
) -> Counts:
    """Counts that are known already, such as the truth's.

    >>> share = counts_of({"healthy": 98, "ring": 2}, 100).parasitaemia
    >>> share.value, round(share.low, 4), round(share.high, 4)
    (0.02, 0.0055, 0.07)
    """
    roles = default_roles(tuple(by_class)) if roles is None else roles
    if multilabel or not is_smear(roles):
        return Counts(dict(by_class), total, None)
    sums = {role: sum(n for name, n in by_class.items() if roles[name] == role) for role in ROLES}
    share = Share.of(sums["infected"], sums["infected"] + sums["uninfected"])
    return Counts(dict(by_class), total, share)
