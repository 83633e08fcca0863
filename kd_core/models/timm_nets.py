"""Any network of timm's by name, as ``timm:<name>``.

timm knows its models' channels, heads and position embeddings itself; what it does not know is a
stem for small images, so its networks keep the published one.
"""

from __future__ import annotations

import difflib
import functools
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kd_core.data.download import Progress, fetch
from kd_core.errors import ModelError
from kd_core.models.spec import BuildRequest, ModelSpec
from kd_core.models.state_files import weights_folder

PREFIX = "timm:"
WEIGHTS_FILE = "model.safetensors"  # never the pickle that lies beside it

# What timm's constructors and forward passes raise when a name, a tag or a size does not fit.
BUILD_ERRORS = (RuntimeError, ValueError, TypeError, KeyError, IndexError, AssertionError)


def timm_names(pattern: str = "*") -> list[str]:
    """Names of timm's models that match a pattern such as ``*mobilenet*``."""
    return list(_timm().list_models(pattern))


def timm_spec(name: str) -> ModelSpec:
    """The entry of ``timm:<name>``; the name may have timm's tag (``resnet18.a1_in1k``).

    Only names in timm's own list are accepted, so that no code or weights of another origin are
    fetched.

    Raises:
        ModelError: ``timm_unknown``.
    """
    timm = _timm()
    bare = name.removeprefix(PREFIX)
    try:
        config = timm.get_pretrained_cfg(bare) if timm.is_model(bare) else None
    except RuntimeError:  # the tag is not one of this model's
        config = None
    if config is None:
        known = timm.list_models(pretrained=True) if "." in bare else timm.list_models()
        near = difflib.get_close_matches(bare, known, n=3, cutoff=0.4)
        raise ModelError("timm_unknown", name=bare, near=near)
    head = getattr(config, "classifier", None) or ()
    first = getattr(config, "first_conv", None) or ""
    return ModelSpec(
        build=functools.partial(build, bare),
        family="timm",
        roles=("teacher", "student"),
        first=first if isinstance(first, str) else first[0],
        head=(head,) if isinstance(head, str) else tuple(head),
        source="Wightman 2019",
    )


def build(name: str, request: BuildRequest) -> nn.Module:
    """One of timm's networks; a trial pass shows whether it takes images of this size.

    Raises:
        ModelError: ``timm_build_failed``.
    """
    try:
        network: nn.Module = _timm().create_model(name, **_options(name, request))
        with torch.no_grad():
            images = torch.zeros(2, request.channels, request.size, request.size)
            network.eval()(images)
    except BUILD_ERRORS as error:
        raise _build_failed(name, request, error) from error
    return network.train()


def _options(name: str, request: BuildRequest) -> dict[str, Any]:
    options: dict[str, Any] = {"num_classes": request.n_outputs, "in_chans": request.channels}
    if request.dropout is not None:
        options["drop_rate"] = request.dropout
    if getattr(_timm().get_pretrained_cfg(name), "fixed_input_size", False):
        options["img_size"] = request.size
    return options


def adapted_tensors(name: str, request: BuildRequest, path: Path) -> dict[str, Tensor]:
    """Published weights, adapted by timm to channels and size; the head is a fresh one.

    Raises:
        ModelError: ``timm_build_failed``.
    """
    try:
        donor: nn.Module = _timm().create_model(
            name,
            pretrained=True,
            pretrained_cfg_overlay={"file": str(path)},
            **_options(name, request),
        )
    except BUILD_ERRORS as error:
        raise _build_failed(name, request, error) from error
    return dict(donor.state_dict())


def fetch_weights(name: str, progress: Progress | None = None) -> Path:
    """The published weights as a safetensors file, from the Hugging Face cache where they are.

    Raises:
        DownloadError: As :func:`kd_core.data.download.fetch`.
        ModelError: ``weights_none`` for a model without published weights.
    """
    from huggingface_hub import hf_hub_url, try_to_load_from_cache

    config = _timm().get_pretrained_cfg(name)
    if not config.hf_hub_id:
        raise ModelError("weights_none", model=name)
    cached = try_to_load_from_cache(config.hf_hub_id, WEIGHTS_FILE)
    if isinstance(cached, str):
        return Path(cached)
    # Not by the hub's own client, which asks an absent network for 47 s and shows no progress here
    path = weights_folder() / f"{config.hf_hub_id.replace('/', '--')}.safetensors"
    return fetch(hf_hub_url(config.hf_hub_id, WEIGHTS_FILE), path, progress=progress)


def _build_failed(name: str, request: BuildRequest, error: Exception) -> ModelError:
    lines = str(error).splitlines() or [type(error).__name__]
    return ModelError("timm_build_failed", name=name, size=request.size, detail=lines[0][:200])


@functools.cache
def _timm() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside timm are not the person's business
        import timm
    return timm
