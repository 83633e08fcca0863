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

import requests
import torch
from torch import Tensor, nn

from kd_core.errors import DownloadError, ModelError
from kd_core.models.spec import BuildRequest, ModelSpec

PREFIX = "timm:"
TIMEOUT_S = 10

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
        detail = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(
            "timm_build_failed", name=name, size=request.size, detail=detail[:200]
        ) from error
    return network.train()


def _options(name: str, request: BuildRequest) -> dict[str, Any]:
    options: dict[str, Any] = {"num_classes": request.n_outputs, "in_chans": request.channels}
    if request.dropout is not None:
        options["drop_rate"] = request.dropout
    if getattr(_timm().get_pretrained_cfg(name), "fixed_input_size", False):
        options["img_size"] = request.size
    return options


def imagenet_tensors(name: str, request: BuildRequest) -> dict[str, Tensor]:
    """Published weights, adapted by timm to channels and size; the head is a fresh one.

    Raises:
        DownloadError: ``weights_unreachable``.
        ModelError: ``weights_none``, ``timm_build_failed``.
    """
    path = fetch(name)
    try:
        donor: nn.Module = _timm().create_model(
            name,
            pretrained=True,
            pretrained_cfg_overlay={"file": str(path)},
            **_options(name, request),
        )
    except BUILD_ERRORS as error:
        detail = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(
            "timm_build_failed", name=name, size=request.size, detail=detail[:200]
        ) from error
    return dict(donor.state_dict())


def fetch(name: str) -> Path:
    """The published weights as a safetensors file in the Hugging Face cache.

    Raises:
        DownloadError: ``weights_unreachable``.
        ModelError: ``weights_none`` for a model without published weights.
    """
    from huggingface_hub import constants, hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    repo = getattr(_timm().get_pretrained_cfg(name), "hf_hub_id", None)
    if not repo:
        raise ModelError("weights_none", model=name)
    try:
        return Path(hf_hub_download(repo, "model.safetensors", local_files_only=True))
    except LocalEntryNotFoundError:
        pass  # not fetched yet
    try:
        # One short question first: without a network the client would ask six times, for 47 s.
        requests.head(constants.ENDPOINT, timeout=TIMEOUT_S, allow_redirects=True)
        return Path(hf_hub_download(repo, "model.safetensors"))
    except (requests.RequestException, HfHubHTTPError, OSError) as error:
        raise DownloadError(
            "weights_unreachable",
            model=name,
            url=f"{constants.ENDPOINT}/{repo}",
            detail=type(error).__name__,
        ) from error


@functools.cache
def _timm() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations inside timm are not the person's business
        import timm
    return timm
