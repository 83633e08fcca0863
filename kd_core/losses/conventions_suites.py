"""Conventions of two suites of methods, with the weights that they publish for each method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kd_core.config import LossTerm
from kd_core.losses.conventions import (
    CONVENTIONS,
    Convention,
    Said,
    T,
    remark,
    settings,
    soft_targets,
)
from kd_core.registry import Param
from kd_core.text import Msg

OTHERS = 16_384
"""Other images that both suites draw for each image in CRD."""


def _terms(loss: str, weight: float) -> list[LossTerm]:
    """One method with its weight; ``rkd`` is two losses here."""
    if loss == "rkd":
        parts = {"rkd_distance": 25 * weight, "rkd_angle": 50 * weight}
        return [LossTerm(name=name, weight=value) for name, value in parts.items()]
    params: dict[str, Any] = {"negatives": OTHERS} if loss == "crd" else {}
    return [LossTerm(name=loss, weight=weight, params=params)]


REMARKS = {
    "hint": ("hint_regressor",),
    "attention": ("stages",),
    "vid": ("stages",),
    "nst": ("stages",),
    "similarity": ("similarity_layer",),
    "crd": ("crd_negatives",),
    "rkd": ("rkd_parts",),
    "review": ("review_layers",),
    "fsp": ("fsp_before", "stages"),
}


def _remarks(loss: str) -> tuple[Msg, ...]:
    return tuple(remark(name) for name in REMARKS.get(loss, ()))


# --distill: our loss, and -r, -a and -b of its README and scripts
REPDISTILLER = {
    "kd": ("kd", 0.1, 0.9, 0.0),
    "hint": ("hint", 1.0, 0.0, 100.0),
    "attention": ("attention", 1.0, 0.0, 1000.0),
    "similarity": ("similarity", 1.0, 0.0, 3000.0),
    "vid": ("vid", 1.0, 0.0, 1.0),
    "crd": ("crd", 1.0, 0.0, 0.8),
    "rkd": ("rkd", 1.0, 0.0, 1.0),
    "pkt": ("pkt", 1.0, 0.0, 30_000.0),
    "nst": ("nst", 1.0, 0.0, 50.0),
    "fsp": ("fsp", 1.0, 0.0, 50.0),
}


def _repdistiller(params: Mapping[str, Any]) -> Said:
    """``r · CE + a · T² · KL + b · L``; ``kd`` has no L, whatever b is."""
    loss, *weights = REPDISTILLER[params["method"]]
    if params["weights"] == "own":
        weights = [params[name] for name in ("r", "a", "b")]
    r, a, b = weights
    others = [] if loss == "kd" else _terms(loss, b)
    return settings(r, [soft_targets(a, {"T": params["kd_T"]}), *others]), _remarks(loss)


# method: our loss, weight of the labels and of the method, and whether it grows at the beginning
MDISTILLER = {
    "kd": ("kd", 0.1, 0.9, False),
    "fitnet": ("hint", 1.0, 100.0, False),
    "at": ("attention", 1.0, 1000.0, False),
    "sp": ("similarity", 1.0, 3000.0, False),
    "pkt": ("pkt", 1.0, 30_000.0, False),
    "nst": ("nst", 1.0, 50.0, False),
    "vid": ("vid", 1.0, 1.0, False),
    "crd": ("crd", 1.0, 0.8, False),
    "rkd": ("rkd", 1.0, 1.0, False),
    "reviewkd": ("review", 1.0, 1.0, True),
    "dkd": ("dkd", 1.0, 1.0, True),
}


def _mdistiller(params: Mapping[str, Any]) -> Said:
    """``CE_WEIGHT · CE + weight · L``, for some methods growing over the first epochs."""
    loss, ce, weight, grows = MDISTILLER[params["method"]]
    if params["weights"] == "own":
        ce, weight = params["ce"], params["weight"]
    if loss == "kd":
        terms = [soft_targets(weight, params)]
    elif loss == "dkd":
        inside = {name: params[name] for name in ("T", "target", "others")}
        terms = [LossTerm(name="dkd", weight=weight, params=inside)]
    else:
        terms = _terms(loss, weight)
    epochs = params["warmup_epochs"] if grows else 0
    remarks = _remarks(loss)
    if epochs:
        remarks += (remark("warmup_steps", epochs=epochs),)
    return settings(ce, terms, min(1.0, epochs / params["all_epochs"])), remarks


def _weight(name: str, default: float) -> Param:
    return Param(name, "float", default, low=0.0, high=1e6, when=("weights", ("own",)))


_DKD = ("method", ("dkd",))
_GROWING = ("method", tuple(name for name, found in MDISTILLER.items() if found[3]))
_WEIGHTS = Param("weights", "choice", "published", choices=("published", "own"))
CONVENTIONS.add(
    "repdistiller",
    Convention(
        say=_repdistiller,
        source="RepDistiller, train_student.py",
        params=(
            Param("method", "choice", "kd", choices=tuple(REPDISTILLER)),
            _WEIGHTS,
            _weight("r", 1.0),
            _weight("a", 0.0),
            _weight("b", 0.0),
            Param("kd_T", "float", 4.0, low=0.1, high=100.0, step=0.5),
        ),
    ),
)
CONVENTIONS.add(
    "mdistiller",
    Convention(
        say=_mdistiller,
        source="mdistiller, engine/cfg.py",
        params=(
            Param("method", "choice", "dkd", choices=tuple(MDISTILLER)),
            _WEIGHTS,
            _weight("ce", 1.0),
            _weight("weight", 1.0),
            replace(T, when=("method", ("kd", "dkd"))),
            Param("target", "float", 1.0, low=0.0, high=100.0, when=_DKD),
            Param("others", "float", 8.0, low=0.0, high=100.0, when=_DKD),
            Param("warmup_epochs", "int", 20, low=0, high=10_000, when=_GROWING),
            Param("all_epochs", "int", 240, low=1, high=10_000, when=_GROWING),
        ),
    ),
)
