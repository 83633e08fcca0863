"""Low rank: a layer becomes two or three smaller ones whose product is nearly the same.

The history item names the layers with their ranks, oldest first::

    {"kind": "factorise", "layers": {"layer1.0.conv1": ["tucker", 20, 31], "fc": ["svd", 2]}}
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from kd_core.compress.factorise_ranks import (
    Form,
    Spectrum,
    spectrum,
    svd_factors,
    tucker_factors,
)
from kd_core.compress.spec import COMPRESSORS, CompressorSpec, Made, Subject, Workshop
from kd_core.errors import ModelError
from kd_core.models import TaskModel
from kd_core.models.checkpoint import SHAPE_STEPS
from kd_core.models.profile import profile
from kd_core.registry import Param
from kd_core.text import Msg

FACTORISE = "factorise"
TRIALS = 24  # halvings of the energy: exact to one rank
Ranks = dict[str, tuple[Form, tuple[int, ...]]]


# --- layers -------------------------------------------------------------------------------------


def layers_of(model: TaskModel) -> dict[str, nn.Conv2d | nn.Linear]:
    """What can be factorised, by path: linear layers and convolutions that are not grouped.

    Only layers that are called count; attention reads some weights without calling their layer.
    """
    called: set[str] = set()
    found: dict[str, Any] = {
        path: module
        for path, module in model.network.named_modules()
        if isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1)
    }
    handles = []
    for path, module in found.items():

        def hook(module: Any, inputs: Any, path: str = path) -> None:
            called.add(path)

        handles.append(module.register_forward_pre_hook(hook))
    _run(model)
    for handle in handles:
        handle.remove()
    return {path: module for path, module in found.items() if path in called}


@torch.no_grad()
def _run(model: TaskModel) -> None:
    """Let the network see one black image."""
    size = model.spec.size
    training = model.training
    model.eval()(torch.zeros(1, model.spec.channels, size, size))
    model.train(training)


def factorised(module: nn.Module, form: Form, ranks: tuple[int, ...]) -> nn.Sequential:
    """The smaller layers in a row, with weights of the right shape and arbitrary values."""
    if isinstance(module, nn.Linear):
        first = nn.Linear(module.in_features, ranks[0], bias=False)
        return nn.Sequential(
            first, nn.Linear(ranks[0], module.out_features, module.bias is not None)
        )
    assert isinstance(module, nn.Conv2d)
    bias = module.bias is not None
    if form == "svd":
        first_conv = _conv_like(module, module.in_channels, ranks[0])
        return nn.Sequential(first_conv, nn.Conv2d(ranks[0], module.out_channels, 1, bias=bias))
    return nn.Sequential(
        nn.Conv2d(module.in_channels, ranks[1], 1, bias=False),
        _conv_like(module, ranks[1], ranks[0]),
        nn.Conv2d(ranks[0], module.out_channels, 1, bias=bias),
    )


def _conv_like(conv: nn.Conv2d, inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(
        inputs,
        outputs,
        conv.kernel_size,  # type: ignore[arg-type]
        conv.stride,  # type: ignore[arg-type]
        conv.padding,  # type: ignore[arg-type]
        conv.dilation,  # type: ignore[arg-type]
        bias=False,
        padding_mode=conv.padding_mode,
    )


def _with_weights(module: Any, form: Form, ranks: tuple[int, ...]) -> nn.Sequential:
    """The smaller layers with the factors of the module's weight."""
    made = factorised(module, form, ranks)
    factors: tuple[Tensor, ...]
    if form == "svd":
        factors = svd_factors(module.weight, ranks[0])
    else:
        factors = tucker_factors(module.weight, (ranks[0], ranks[1]))
    with torch.no_grad():
        for layer, factor in zip(made, factors, strict=True):
            weight: Any = layer.weight
            weight.copy_(factor.reshape(weight.shape))
        if module.bias is not None:
            last: Any = made[-1]
            last.bias.copy_(module.bias)
    return made


def replay_factors(model: TaskModel, item: Mapping[str, Any]) -> None:
    """Put factors in the place of layers, as a history item says; weights are arbitrary.

    Raises:
        ModelError: ``history_unfit`` where the item names what the network does not have.
    """
    try:
        for path, (form, *ranks) in item["layers"].items():
            made = factorised(model.network.get_submodule(path), form, tuple(ranks))
            model.network.set_submodule(path, made)
    except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelError("history_unfit", model=model.spec.name, step=FACTORISE) from error


SHAPE_STEPS[FACTORISE] = replay_factors


# --- ranks --------------------------------------------------------------------------------------


def ranks_for_energy(spectra: Mapping[str, Spectrum], energy: float) -> Ranks:
    """Ranks that keep a share of each layer's squares; layers where factors do not pay stay."""
    ranks = {path: one.ranks(energy) for path, one in spectra.items()}
    return {path: (one.form, ranks[path]) for path, one in spectra.items() if one.pays(ranks[path])}


def ranks_for_params(spectra: Mapping[str, Spectrum], whole: int, aim: float) -> Ranks:
    """The highest common energy at which the network loses a share of its parameters.

    Args:
        spectra: Of each layer, by path.
        whole: Parameters of the network.
        aim: Share of them that is to go.
    """
    low, high = 0.0, 1.0
    for _ in range(TRIALS):
        energy = (low + high) / 2
        ranks = ranks_for_energy(spectra, energy)
        gone = sum(spectra[p].params() - spectra[p].params(r) for p, (_, r) in ranks.items())
        low, high = (energy, high) if gone >= aim * whole else (low, energy)
    return ranks_for_energy(spectra, low)


# --- the method ---------------------------------------------------------------------------------


def factorise(form: Form, subject: Subject, shop: Workshop, params: Mapping[str, Any]) -> Made:
    """Replace layers by factors where these have fewer weights.

    Args:
        form: ``svd``, or ``tucker`` for kernels larger than 1 × 1.
        subject: The model.
        shop: The way to fine-tune.
        params: The entry's parameters, complete.

    Raises:
        ModelError: ``compress_no_network``, ``factorise_nothing`` or ``factorise_unfit``.
    """
    if subject.network is None:
        raise ModelError("compress_no_network")
    original = subject.network
    model = copy.deepcopy(original).cpu().eval()
    layers = layers_of(model)
    spectra = {}
    for number, (path, module) in enumerate(layers.items()):
        shop.tick("compress", number, len(layers))
        spectra[path] = spectrum(module.weight, form)
    if params["by"] == "energy":
        ranks = ranks_for_energy(spectra, params["energy"])
    else:
        whole = sum(p.numel() for p in model.parameters())
        ranks = ranks_for_params(spectra, whole, params["ratio"])
    if not ranks:
        raise ModelError("factorise_nothing", model=original.spec.name)
    for path, (kind, numbers) in ranks.items():
        made = _with_weights(layers[path], kind, numbers)
        model.network.set_submodule(path, made.train(layers[path].training))
    item = {"kind": FACTORISE, "layers": {p: [kind, *n] for p, (kind, n) in ranks.items()}}
    model.history = (*original.history, item)
    try:
        _run(model)
    except (AttributeError, RuntimeError, TypeError) as error:  # it reads what a layer had
        raise ModelError("factorise_unfit", model=original.spec.name) from error
    facts = _facts(original, model, spectra, ranks)
    if shop.tune:
        model = shop.tune(model, 1.0).cpu()
    return Made(network=model.eval(), facts=facts, notes=_notes(facts, params))


def _facts(
    original: TaskModel, model: TaskModel, spectra: Mapping[str, Spectrum], ranks: Ranks
) -> dict[str, Any]:
    spec = original.spec
    before, after = (profile(m, spec.channels, spec.size) for m in (original, model))
    layers = [
        {
            "layer": path,
            "form": ranks[path][0] if path in ranks else "whole",
            "ranks": list(ranks[path][1]) if path in ranks else [],
            "weights": one.params(),
            "left": one.params(ranks[path][1]) if path in ranks else one.params(),
        }
        for path, one in spectra.items()
    ]
    return {
        "macs": [before.macs, after.macs],
        "params": [before.params, after.params],
        "removed": {
            "macs": 1 - after.macs / before.macs,
            "params": 1 - after.params / before.params,
        },
        "layers": layers,
    }


def _notes(facts: Mapping[str, Any], params: Mapping[str, Any]) -> tuple[Msg, ...]:
    whole = sum(layer["form"] == "whole" for layer in facts["layers"])
    notes = [Msg("factorise.left", {"n": whole, "all": len(facts["layers"])})] if whole else []
    reached = facts["removed"]["params"]
    if params["by"] == "params" and abs(reached - params["ratio"]) > 0.02:
        notes.append(Msg("prune.missed", {"wanted": params["ratio"], "reached": reached}))
    return tuple(notes)


def _refuses(subject: Subject, params: Mapping[str, Any]) -> Msg | None:
    if subject.network is None or subject.on_file:
        return Msg("refuses.no_network")
    spectra = (
        Spectrum("svd", tuple(m.weight.shape), (torch.ones(1),))
        for m in layers_of(subject.network).values()
    )
    if not any(one.pays((1,)) for one in spectra):
        return Msg("refuses.factorise_nothing", {"model": subject.network.spec.name})
    return None


def _add(name: str, form: Form, source: str) -> None:
    apply: Callable[..., Made] = functools.partial(factorise, form)
    COMPRESSORS.add(
        name,
        CompressorSpec(
            apply=apply,
            family="factorise",
            works_on="network",
            refuses=_refuses,
            tunes="may",
            source=source,
            params=(
                Param("by", "choice", "params", choices=("params", "energy")),
                Param("ratio", "float", 0.5, low=0.05, high=0.95, step=0.05),
                Param("energy", "float", 0.9, low=0.1, high=1.0, step=0.01),
            ),
        ),
    )


_add("low_rank_svd", "svd", "Denton et al. 2014")
_add("low_rank_tucker", "tucker", "Kim et al. 2016")
