"""Structured pruning: whole channels go, and what is left is an ordinary, smaller network.

One entry a way of scoring channels; everything else is shared::

    groups → scores → (share for the aim) → units that go → cut → fine-tuning or recalibration
"""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from kd_core.compress.prune_channels import ChannelGroup, remove
from kd_core.compress.prune_choose import (
    Chosen,
    Limits,
    choose,
    choose_for,
    lowest,
    parse_layers,
)
from kd_core.compress.prune_facts import pruning_facts, pruning_notes
from kd_core.compress.prune_gradients import mean_gradients, recalibrate, squared_gradients
from kd_core.compress.prune_groups import find_groups
from kd_core.compress.prune_latency import LATENCY_TRIALS, latency_left
from kd_core.compress.prune_scores import (
    Scores,
    fpgm,
    hessian,
    l1,
    l2,
    lamp,
    random_scores,
    score_groups,
    taylor,
)
from kd_core.compress.prune_sizes import sizes_of
from kd_core.compress.rebuild import narrowing
from kd_core.compress.spec import COMPRESSORS, CompressorSpec, Made, Subject, Workshop
from kd_core.errors import ModelError
from kd_core.models import TaskModel
from kd_core.models.profile import profile
from kd_core.registry import Param
from kd_core.text import Msg

Groups = tuple[ChannelGroup, ...]
Scorer = Callable[[TaskModel, Groups, Workshop, Mapping[str, Any]], Scores]


# --- one scorer a method ------------------------------------------------------------------------


def _by_weights(local: Any, **more: Any) -> Scorer:
    return lambda model, groups, shop, params: score_groups(model.network, groups, local, **more)


def _by_taylor(
    model: TaskModel, groups: Groups, shop: Workshop, params: Mapping[str, Any]
) -> Scores:
    gradients = mean_gradients(model, shop, params["images"])
    return score_groups(model.network, groups, taylor, gradients=gradients)


def _by_hessian(
    model: TaskModel, groups: Groups, shop: Workshop, params: Mapping[str, Any]
) -> Scores:
    squares = squared_gradients(model, shop, params["images"])
    return score_groups(model.network, groups, hessian, gradients=squares)


def _at_random(
    model: TaskModel, groups: Groups, shop: Workshop, params: Mapping[str, Any]
) -> Scores:
    return random_scores(groups, shop.seed)


# --- the method ---------------------------------------------------------------------------------


def prune(scorer: Scorer, subject: Subject, shop: Workshop, params: Mapping[str, Any]) -> Made:
    """Cut a network to an aim, in steps, with fine-tuning where the step has a recipe.

    Args:
        scorer: Says how much each channel matters.
        subject: The model.
        shop: Data, and the way to fine-tune.
        params: The entry's parameters, complete.

    Raises:
        ModelError: ``compress_no_network``, ``prune_no_groups``, ``prune_layers_unreadable`` or
            ``prune_layer_unknown``.
    """
    if subject.network is None:
        raise ModelError("compress_no_network")
    original = subject.network
    model = _working_copy(original)
    groups = _cached_groups(original)
    if not groups:
        raise ModelError("prune_no_groups", model=original.spec.name)
    parse_layers(params["layers"], groups)
    units = {group.name: group.units for group in groups}
    limits = Limits(units, params["max_ratio"], params["round_to"])
    steps = params["steps"] if shop.tune else 1
    for step in range(1, steps + 1):
        shop.tick("compress", step - 1, steps)
        now = find_groups(model) if step > 1 else groups
        scores = scorer(model, now, shop, params)
        ratios = parse_layers(params["layers"], now)
        chosen = (
            _as_told(scores, ratios, limits, step / steps)
            if ratios
            else _choose(model, scores, shop, params, limits, step / steps, original)
        )
        remove(model.network, chosen)
        item = narrowing(original.network, model.network)
        model.history = (*original.history, item)
        if shop.tune:
            model = shop.tune(model, 1 / steps)
    recalibrated = False
    if not shop.tune and params["recalibrate"]:
        recalibrated = recalibrate(model, shop, params["images"])
    facts = pruning_facts(original, model, groups, params) | {
        "steps": steps,
        "recalibrated": recalibrated,
    }
    return Made(network=model.eval(), facts=facts, notes=pruning_notes(facts))


def _working_copy(original: TaskModel) -> TaskModel:
    return copy.deepcopy(original).cpu().eval().requires_grad_(True)


def _as_told(
    scores: Scores, ratios: Mapping[ChannelGroup, float], limits: Limits, progress: float
) -> Chosen:
    """The units that go where a person gave a ratio by layer; other layers stay whole."""
    kept = {g: round(limits.original[g.name] * (1 - r * progress)) for g, r in ratios.items()}
    return lowest(scores, kept, limits)


def _choose(
    model: TaskModel,
    scores: Scores,
    shop: Workshop,
    params: Mapping[str, Any],
    limits: Limits,
    progress: float,
    original: TaskModel,
) -> Chosen:
    """The units that go in a step; ``progress`` is the share of the way after it."""
    aim, scope = params["ratio"] * progress, params["scope"]
    if params["target"] == "channels":
        now = sum(group.channels for group in scores)
        before = sum(limits.original[group.name] * group.blocks for group in scores)
        share = aim if scope == "uniform" else 1 - (1 - aim) * before / now
        return choose(scores, share, scope, limits)
    if params["target"] == "latency":
        with latency_left(original, model, shop) as left:
            return choose_for(scores, aim, left, scope, limits, trials=LATENCY_TRIALS)
    what = params["target"]
    sizes = sizes_of(model)
    whole = _weigh(original, what)
    return choose_for(scores, aim, lambda c: sizes.without(c, what) / whole, scope, limits)


def _weigh(model: TaskModel, what: str) -> int:
    figures = profile(model, model.spec.channels, model.spec.size)
    return figures.macs if what == "macs" else figures.params


# --- why not ------------------------------------------------------------------------------------


def refuses(subject: Subject, params: Mapping[str, Any], *, norms: bool = False) -> Msg | None:
    """Why this network cannot be pruned with these parameters.

    Args:
        subject: The model.
        params: The entry's parameters.
        norms: Whether the method reads batch norms and nothing else.
    """
    if subject.network is None or subject.on_file:
        return Msg("refuses.no_network")
    groups = _cached_groups(subject.network)
    name = subject.network.spec.name
    if not groups:
        return Msg("refuses.prune_no_groups", {"model": name})
    if norms and not score_groups(subject.network.network, groups, l1, kinds=(_BatchNorm,)):
        return Msg("refuses.prune_no_norms", {"model": name})
    try:
        parse_layers(params.get("layers", ""), groups)
    except ModelError as error:
        return error.msg
    return None


def _cached_groups(model: TaskModel) -> Groups:
    key = json.dumps([model.spec_json(), list(model.history)], sort_keys=True)
    if key not in _GROUPS:
        while len(_GROUPS) >= 32:
            _GROUPS.pop(next(iter(_GROUPS)), None)
        _GROUPS[key] = find_groups(model)
    return _GROUPS[key]


_GROUPS: dict[str, Groups] = {}
"""Groups of the networks that were asked about last; they follow from shapes alone."""


# --- entries ------------------------------------------------------------------------------------

SCORERS: dict[str, Scorer] = {}
"""How each method scores channels, by the name of its entry."""

_RATIO = Param("ratio", "float", 0.5, low=0.05, high=0.95, step=0.05)
_TARGET = Param("target", "choice", "macs", choices=("macs", "params", "channels", "latency"))
_SCOPE = Param("scope", "choice", "global", choices=("global", "uniform"))
_SHARED = (
    Param("steps", "int", 1, low=1, high=20),
    Param("round_to", "choice", 1, choices=(1, 2, 4, 8, 16, 32), advanced=True),
    Param("max_ratio", "float", 0.9, low=0.1, high=0.99, step=0.05, advanced=True),
    Param("layers", "text", "", advanced=True),
    Param("recalibrate", "bool", True, advanced=True),
)


def _add(
    name: str,
    scorer: Scorer,
    source: str,
    images: int = 256,
    scope: Param = _SCOPE,
    norms: bool = False,
) -> None:
    SCORERS[name] = scorer
    COMPRESSORS.add(
        name,
        CompressorSpec(
            apply=functools.partial(prune, scorer),
            family="prune",
            works_on="network",
            refuses=functools.partial(refuses, norms=norms),
            calibrates=True,
            tunes="may",
            source=source,
            params=(
                _RATIO,
                _TARGET,
                scope,
                *_SHARED,
                Param("images", "int", images, low=2, high=10_000, advanced=True),
            ),
        ),
    )


_GLOBAL_ONLY = Param("scope", "choice", "global", choices=("global",), advanced=True)

_add("prune_l1", _by_weights(l1), "Li et al. 2017")
_add("prune_l2", _by_weights(l2), "Fang et al. 2023")
_add("prune_bn", _by_weights(l1, kinds=(_BatchNorm,)), "Liu et al. 2017", norms=True)
_add("prune_taylor", _by_taylor, "Molchanov et al. 2019")
_add("prune_hessian", _by_hessian, "LeCun et al. 1989", images=64)
_add(
    "prune_lamp",
    _by_weights(l2, normalise=lamp),
    "Lee et al. 2021",
    scope=_GLOBAL_ONLY,
)
_add("prune_fpgm", _by_weights(fpgm, kinds=(nn.Conv2d, nn.Linear)), "He et al. 2019")
_add("prune_random", _at_random, "")
