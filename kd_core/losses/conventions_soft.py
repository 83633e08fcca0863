"""Conventions of soft targets: the paper, libraries, a tutorial, a formula of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kd_core.config import LossTerm
from kd_core.losses.conventions import (
    CLASSES,
    CONVENTIONS,
    REDUCTION,
    T_SQUARED,
    Convention,
    Said,
    T,
    reduction_remarks,
    remark,
    settings,
    soft_targets,
)
from kd_core.registry import Param


def _hinton(params: Mapping[str, Any]) -> Said:
    """``(C_soft · T² + hard · C_task) / (1 + hard)``: a weighted average of two cross-entropies."""
    whole = 1 + params["hard"]
    distil = settings(params["hard"] / whole, [soft_targets(1 / whole, params)])
    return distil, (remark("average", hard=params["hard"]), remark("cross_entropy"))


def _torchdistill(params: Mapping[str, Any]) -> Said:
    """``alpha · CE + beta · T² · KL``, and for alpha = 0 the bare KL."""
    if params["alpha"] == 0:  # its loss returns early, before beta and T²
        bare = {**params, "t_squared": False}
        return settings(0, [soft_targets(1, bare)]), (
            remark("torchdistill_bare", factor=params["T"] ** 2),
            *reduction_remarks(params),
        )
    beta = params["beta"] if params["own_beta"] else 1 - params["alpha"]
    distil = settings(params["alpha"], [soft_targets(beta, params)])
    return distil, (remark("alpha_labels"), *reduction_remarks(params))


def _kd_lib(params: Mapping[str, Any]) -> Said:
    """``(1 − w) · CE + w · T² · MSE(softmax, softmax)``: its default is no divergence at all."""
    weight = params["distil_weight"]
    term = LossTerm(name="prob_mse", weight=weight, params={"T": params["temp"]})
    return settings(1 - weight, [term]), (remark("kd_lib_mse"), remark("alpha_teacher"))


def _tutorial(params: Mapping[str, Any]) -> Said:
    """``w_ce · CE + w_soft · T² · KL`` with the sum divided by the batch."""
    soft = soft_targets(params["soft_target_loss_weight"], params)
    return settings(params["ce_loss_weight"], [soft]), (remark("tutorial"),)


def _tutorial_hint(params: Mapping[str, Any]) -> Said:
    """``w_ce · CE + w_map · MSE`` of a feature map and the student's, brought to its width."""
    term = LossTerm(name="hint", weight=params["feature_map_weight"])
    return settings(params["ce_loss_weight"], [term]), (remark("tutorial_hint"),)


def _formula(params: Mapping[str, Any]) -> Said:
    """``α`` on the labels or on the teacher, with whatever was said of T² and the mean."""
    on_labels = params["alpha_on"] == "labels"
    task = params["alpha"] if on_labels else 1 - params["alpha"]
    distil = settings(task, [soft_targets(1 - task, params)])
    side = remark("alpha_labels") if on_labels else remark("alpha_teacher")
    return distil, (side, *reduction_remarks(params))


def _share(name: str, default: float) -> Param:
    return Param(name, "float", default, low=0.0, high=1.0, step=0.05)


def _weight(name: str, default: float) -> Param:
    return Param(name, "float", default, low=0.0, high=1e6)


CONVENTIONS.add(
    "hinton",
    Convention(
        say=_hinton,
        source="Hinton et al. 2015, sections 2 and 3",
        params=(
            Param("T", "float", 2.0, low=0.1, high=100.0, step=0.5),
            Param("hard", "float", 0.5, low=0.0, high=1000.0),
            T_SQUARED,
        ),
    ),
)
CONVENTIONS.add(
    "torchdistill",
    Convention(
        say=_torchdistill,
        source="torchdistill 1.1, KDLoss",
        params=(
            T,
            _share("alpha", 0.5),
            Param("own_beta", "bool", False),
            _weight("beta", 0.5),
            REDUCTION,
            CLASSES,
        ),
    ),
)
CONVENTIONS.add(
    "kd_lib",
    Convention(
        say=_kd_lib,
        source="KD_Lib, VanillaKD",
        params=(
            Param("temp", "float", 20.0, low=0.1, high=100.0, step=0.5),
            _share("distil_weight", 0.5),
        ),
    ),
)
CONVENTIONS.add(
    "pytorch_tutorial",
    Convention(
        say=_tutorial,
        source="PyTorch, Knowledge Distillation Tutorial",
        params=(
            Param("T", "float", 2.0, low=0.1, high=100.0, step=0.5),
            _weight("soft_target_loss_weight", 0.25),
            _weight("ce_loss_weight", 0.75),
        ),
    ),
)
CONVENTIONS.add(
    "pytorch_tutorial_hint",
    Convention(
        say=_tutorial_hint,
        source="PyTorch, Knowledge Distillation Tutorial",
        params=(_weight("feature_map_weight", 0.25), _weight("ce_loss_weight", 0.75)),
    ),
)
CONVENTIONS.add(
    "formula",
    Convention(
        say=_formula,
        params=(
            _share("alpha", 0.5),
            Param("alpha_on", "choice", "teacher", choices=("labels", "teacher")),
            T,
            T_SQUARED,
            REDUCTION,
            CLASSES,
        ),
    ),
)
