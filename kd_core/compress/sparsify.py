"""Weights that are zero in a network of the same shape.

The file stores every zero and ordinary runtimes multiply with it, so nothing gets smaller or
faster until the file is zipped or the hardware knows the pattern; entries and facts say so.
"""

from __future__ import annotations

import copy
import functools
import gzip
import io
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from kd_core.compress.spec import COMPRESSORS, CompressorSpec, Made, Subject, Workshop
from kd_core.errors import ModelError
from kd_core.models import TaskModel
from kd_core.registry import Param
from kd_core.text import Msg

Masks = dict[str, Tensor]
"""By module path: which weights stay, boolean, as the weights."""

Weights = dict[str, Tensor]
GZIP_LEVEL = 1  # zeros go at any level, and level 6 takes a minute for a large network


# --- which weights stay -------------------------------------------------------------------------


def masks_global(weights: Mapping[str, Tensor], ratio: float) -> Masks:
    """The smallest weights of the whole network go, by absolute value (Han et al. 2015).

    >>> masks_global({"a": torch.tensor([1.0, 4.0]), "b": torch.tensor([2.0, 3.0])}, 0.5)
    {'a': tensor([False,  True]), 'b': tensor([False,  True])}
    """
    sizes = torch.cat([w.abs().flatten() for w in weights.values()])
    kept = _largest(sizes, ratio)
    pieces = kept.split([w.numel() for w in weights.values()])
    return {path: m.reshape(w.shape) for (path, w), m in zip(weights.items(), pieces, strict=True)}


def masks_layer(weights: Mapping[str, Tensor], ratio: float) -> Masks:
    """The smallest weights of each layer go.

    >>> masks_layer({"a": torch.tensor([1.0, 4.0]), "b": torch.tensor([2.0, 3.0])}, 0.5)["b"]
    tensor([False,  True])
    """
    return {
        path: _largest(w.abs().flatten(), ratio).reshape(w.shape) for path, w in weights.items()
    }


def masks_n_m(weights: Mapping[str, Tensor], n: int = 2, m: int = 4) -> Masks:
    """The n largest of each m neighbouring weights along the inputs stay (Mishra et al. 2021).

    The weights of an output are taken in rows of input channels, one row for each place of the
    kernel, as sparse tensor cores read them. A layer whose inputs are no multiple of m stays whole.

    >>> masks_n_m({"a": torch.tensor([[1.0, -4.0, 3.0, 2.0]])})["a"].tolist()
    [[False, True, True, False]]
    """
    masks = {}
    for path, w in weights.items():
        if w.shape[1] % m:
            continue
        rows = w.abs().movedim(1, -1)  # (out, …, in)
        largest = rows.reshape(-1, m).topk(n, dim=1).indices
        mask = torch.zeros(rows.numel() // m, m, dtype=torch.bool).scatter_(1, largest, True)
        masks[path] = mask.reshape(rows.shape).movedim(-1, 1).contiguous()
    return masks


def _largest(sizes: Tensor, ratio: float) -> Tensor:
    """Which numbers stay when the smallest go; of equal ones the first go."""
    n = int(ratio * len(sizes))
    if n == 0:
        return torch.ones(len(sizes), dtype=torch.bool)
    kept = sizes > sizes.kthvalue(n).values  # several times as fast as sorting
    if int((~kept).sum()) != n:
        kept = torch.ones(len(sizes), dtype=torch.bool)
        kept[sizes.argsort(stable=True)[:n]] = False
    return kept


# --- keeping them zero --------------------------------------------------------------------------


class Keep:
    """Makes masked weights zero again before each forward pass, whatever an optimiser did.

    It is a plain object that lives in a module's forward hooks, so copies of the network have it
    too, and its state dict has the same names as before.
    """

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def __call__(self, module: Any, inputs: Any) -> None:
        """Zero the masked weights, unseen by the gradient."""
        self.mask = self.mask.to(module.weight.device)
        module.weight.data.mul_(self.mask)


def keep_masks(network: nn.Module, masks: Mapping[str, Tensor]) -> None:
    """Zero the masked weights now and before each forward pass."""
    for path, mask in masks.items():
        module = network.get_submodule(path)
        keep = Keep(mask)
        keep(module, ())
        module.register_forward_pre_hook(keep)


def settle(network: nn.Module, masks: Mapping[str, Tensor]) -> None:
    """Zero the masked weights for good and take the hooks away."""
    for path, mask in masks.items():
        module: Any = network.get_submodule(path)
        hooks = module._forward_pre_hooks
        for key in [key for key, hook in hooks.items() if isinstance(hook, Keep)]:
            del hooks[key]
        module.weight.data.mul_(mask.to(module.weight.device))


# --- the method ---------------------------------------------------------------------------------


def sparsify(
    choose: Callable[[Weights, Mapping[str, Any]], Masks],
    subject: Subject,
    shop: Workshop,
    params: Mapping[str, Any],
) -> Made:
    """Set the weights that matter least to zero, in steps, and keep them there while tuning.

    Args:
        choose: Weights and parameters to masks.
        subject: The model.
        shop: The way to fine-tune.
        params: The entry's parameters, complete.

    Raises:
        ModelError: ``compress_no_network`` or ``sparsify_no_layers``.
    """
    if subject.network is None:
        raise ModelError("compress_no_network")
    model = copy.deepcopy(subject.network).cpu().eval()
    weights = sparse_weights(model)
    steps = params.get("steps", 1) if shop.tune else 1
    for step in range(1, steps + 1):
        shop.tick("compress", step - 1, steps)
        ratio = params.get("ratio", 0.5) * step / steps
        masks = choose(weights, {**params, "ratio": ratio})
        if not masks:
            raise ModelError("sparsify_no_layers", model=model.spec.name)
        keep_masks(model.network, masks)
        if shop.tune:
            model = shop.tune(model, 1 / steps).cpu().eval()
        settle(model.network, masks)
        weights = sparse_weights(model)
    return Made(
        network=model,
        facts=_facts(subject.network, model, masks),
        notes=(Msg("sparsify.only_zipped"),),
    )


def sparse_weights(model: TaskModel) -> Weights:
    """Weights that may become zero, by module path: convolutions and linear layers.

    Depthwise filters are left out, since a channel has only a few weights there, and so is the
    layer that makes the outputs.
    """
    layers = {
        path: module
        for path, module in model.network.named_modules()
        if isinstance(module, nn.Conv2d | nn.Linear) and isinstance(module.weight, nn.Parameter)
    }
    last = next(reversed(layers), "")
    return {
        path: module.weight.detach()
        for path, module in layers.items()
        if path != last and module.weight[0].numel() > 1 and not _depthwise(module)
    }


def _depthwise(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d) and module.groups > 1 and module.weight.shape[1] == 1


def _facts(before: TaskModel, after: TaskModel, masks: Masks) -> dict[str, Any]:
    layers = []
    for path, mask in masks.items():
        weight: Any = after.network.get_submodule(path).weight
        zeros = int((weight == 0).sum())
        layers.append({"layer": path, "weights": mask.numel(), "zeros": zeros})
    params = list(after.parameters())
    return {
        "params": sum(p.numel() for p in params),
        "nonzero": sum(int(torch.count_nonzero(p)) for p in params),
        "state_gzip_bytes": [gzip_bytes(model) for model in (before, after)],
        "layers": layers,
    }


def gzip_bytes(model: nn.Module) -> int:
    """Bytes of all tensors of a network, zipped."""
    raw = io.BytesIO()
    for tensor in model.state_dict().values():
        raw.write(tensor.detach().cpu().contiguous().numpy().tobytes())
    return len(gzip.compress(raw.getvalue(), GZIP_LEVEL))


def _refuses(subject: Subject, params: Mapping[str, Any], *, m: int = 1) -> Msg | None:
    if subject.network is None or subject.on_file:
        return Msg("refuses.no_network")
    if not any(w.shape[1] % m == 0 for w in sparse_weights(subject.network).values()):
        return Msg("refuses.sparsify_no_layers", {"model": subject.network.spec.name, "m": m})
    return None


# --- entries ------------------------------------------------------------------------------------

_SHARES = (
    Param("ratio", "float", 0.7, low=0.05, high=0.99, step=0.05),
    Param("steps", "int", 1, low=1, high=20),
)


def _add(name: str, choose: Any, source: str, params: tuple[Param, ...], m: int = 1) -> None:
    COMPRESSORS.add(
        name,
        CompressorSpec(
            apply=functools.partial(sparsify, choose),
            family="sparsify",
            works_on="network",
            refuses=functools.partial(_refuses, m=m),
            tunes="may",
            source=source,
            params=params,
        ),
    )


_add("sparse_global", lambda w, p: masks_global(w, p["ratio"]), "Han et al. 2015", _SHARES)
_add("sparse_layer", lambda w, p: masks_layer(w, p["ratio"]), "Han et al. 2015", _SHARES)
_add("sparse_2_4", lambda w, p: masks_n_m(w), "Mishra et al. 2021", (), m=4)
