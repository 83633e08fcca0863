"""What papers and libraries mean by α, T and their reductions, said in our settings.

    translate("torchdistill", alpha=0.9, T=4.0)  ->  DistilSettings, remarks, formula

Everything comes down to ``w_task · L_task + Σ wᵢ · Lᵢ``. Our soft targets are
``T² · Σ_k p_k log(p_k / q_k)``, a mean over images; whoever leaves T² out, or also divides by the
number of classes K, has a smaller weight in our terms. Formulas are for one label an image.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kd_core.config import DistilSettings, LossTerm
from kd_core.losses.spec import LOSSES
from kd_core.registry import Entry, Param, Registry
from kd_core.text import Msg


@dataclass(frozen=True)
class Translation:
    """A convention with numbers in it, in our terms.

    Attributes:
        distil: The settings whose objective has the same gradient.
        remarks: What to know: where the library differs from the paper, what is not the same.
        source: Where the convention is defined.
        formula: The convention's own formula with these numbers (LaTeX).
    """

    distil: DistilSettings
    remarks: tuple[Msg, ...]
    source: str
    formula: Msg


Said = tuple[DistilSettings, tuple[Msg, ...]]
"""What a convention makes of its parameters: settings, and remarks."""


@dataclass(frozen=True, kw_only=True)
class Convention(Entry):
    """One paper or library; its parameters have the names that they have there.

    Attributes:
        say: Checked parameters to our settings and remarks.
    """

    say: Callable[[Mapping[str, Any]], Said]


CONVENTIONS: Registry[Convention] = Registry("convention")


def translate(name: str, **params: Any) -> Translation:
    """A convention's numbers in our settings.

    Args:
        name: Entry of ``CONVENTIONS``.
        **params: The entry's parameters; the others have the library's defaults.

    Raises:
        ConfigError: ``entry_unknown``, ``param_unknown``, ``param_type``, ``param_range`` or
            ``param_choice``.

    >>> translate("torchdistill", alpha=0.9, T=2.0).distil.alpha
    0.9
    """
    entry = CONVENTIONS[name]
    checked = entry.check(params)
    distil, remarks = entry.say(checked)
    return Translation(distil, remarks, entry.source, Msg(f"convention.{name}.formula", checked))


def settings(task: float, terms: Iterable[LossTerm], warmup: float = 0.0) -> DistilSettings:
    """``task · L_task + Σ wᵢ · Lᵢ`` as settings; α is used where it says the same.

    Args:
        task: w_task, at least 0.
        terms: Distillation losses with their weights; those of weight 0 are left out.
        warmup: Share of the budget over which the distillation weights grow.

    >>> settings(0.1, [LossTerm(name="kd", weight=0.9)]).losses[0].weight is None  # 1 − α
    True
    """
    kept = tuple(term for term in terms if term.weight != 0)
    responds = any(LOSSES[term.name].family == "response" for term in kept)
    if not responds or task > 1:
        own = task if responds or task != 1 else None
        return DistilSettings(losses=kept, warmup=warmup, task_weight=own)
    rest = [_rest(term) if math.isclose(term.weight or 0, 1 - task) else term for term in kept]
    return DistilSettings(alpha=task, losses=tuple(rest), warmup=warmup)


def _rest(term: LossTerm) -> LossTerm:
    return term.change(weight=None) if LOSSES[term.name].family == "response" else term


def soft_targets(weight: float, params: Mapping[str, Any]) -> LossTerm:
    """Our soft targets for ``weight · KL`` with or without T², by either mean.

    Args:
        weight: The weight of the other formula's divergence.
        params: ``T``; ``t_squared`` (default true) and ``reduction`` (default ``batchmean``), and
            for ``mean`` the number of ``classes``.

    >>> soft_targets(0.5, {"T": 2.0, "t_squared": False}).weight
    0.125
    """
    if not params.get("t_squared", True):
        weight /= params["T"] ** 2
    if params.get("reduction", "batchmean") == "mean":
        weight /= params["classes"]
    return LossTerm(name="kd", weight=weight, params={"T": params["T"]})


def remark(name: str, **params: Any) -> Msg:
    """One remark of the catalogue."""
    return Msg(f"convention.remark.{name}", params)


def reduction_remarks(params: Mapping[str, Any]) -> list[Msg]:
    """What a missing T² or a mean over classes too does to the weight."""
    remarks = []
    if not params.get("t_squared", True):
        remarks.append(remark("no_t_squared", T=params["T"], factor=params["T"] ** 2))
    if params.get("reduction", "batchmean") == "mean":
        remarks.append(remark("mean", classes=params["classes"]))
    return remarks


T = Param("T", "float", 4.0, low=0.1, high=100.0, step=0.5)
T_SQUARED = Param("t_squared", "bool", True)
REDUCTION = Param("reduction", "choice", "batchmean", choices=("batchmean", "mean"))
CLASSES = Param("classes", "int", 10, low=2, high=100_000)
