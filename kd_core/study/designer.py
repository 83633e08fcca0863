"""Student designer: which widths and input sizes fit a device and a budget, before any training.

A network costs the same trained or not, so each is built with random weights, traced once, and its
work read from the graph. The graph of a convolutional network is valid for other image sizes too,
as long as its first layers are the same (``models.stems``); its input is then only declared anew.
Works are kept in ``<home>/cache/designer``, so a second look is instant.

``python -m kd_core.study.designer`` reads a :class:`Request` as JSON from standard input and
prints one JSON line a network: ``{"done": 3, "total": 40}``, in a process of its own, so that a
page that asks stays quick.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from kd_core import __version__
from kd_core.config import ModelSettings, Settings
from kd_core.errors import KDLabError
from kd_core.export.onnx_export import trace_onnx
from kd_core.latency.work import Work, work_of
from kd_core.models import MODELS, build_model
from kd_core.models.stems import halvings_left_out, stem_for
from kd_core.registry import Param
from kd_core.settings import canonical_hash
from kd_core.study.records import write_json

SIZES = (28, 32, 40, 48, 64, 96, 128, 160, 224)
"""Input sides that are offered, in pixels."""

PLACES = 4
"""Values of each width or depth that are tried."""


class Request(Settings):
    """What is asked.

    Attributes:
        home: Where the cache is.
        channels: Of the images.
        outputs: Classes or labels.
        sizes: Sides of the images.
        families: Entries of ``MODELS``; empty for all that can be students.
    """

    home: str
    channels: int = 3
    outputs: int = 2
    sizes: tuple[int, ...] = (32, 64, 96)
    families: tuple[str, ...] = ()


@dataclass(frozen=True)
class Design:
    """One network that could be trained.

    Attributes:
        model: Its settings.
        size: Side of its images.
        params: Parameters.
        file_bytes: Bytes of the exported file.
        work: What one image costs.
    """

    model: ModelSettings
    size: int
    params: int
    file_bytes: int
    work: Work

    @property
    def title(self) -> str:
        """Network and settings, short."""
        values = " ".join(f"{k} {v}" for k, v in self.model.params.items())
        return f"{self.model.name} {values}".strip()


def networks(families: tuple[str, ...] = ()) -> list[ModelSettings]:
    """Student networks: each family's grid of widths and depths, and the fixed ones.

    >>> len(networks(("mobilenet_v3_small",))), len(networks(("tiny_cnn",))) > 8
    (1, True)
    """
    names = families or tuple(n for n, e in MODELS.items() if "student" in e.roles)
    return [
        ModelSettings(name=name, params=dict(zip([p.name for p in params], values, strict=True)))
        for name in names
        for params in [MODELS[name].params]
        for values in itertools.product(*(_places(param) for param in params))
    ]


def _places(param: Param) -> list[Any]:
    """A few values of a parameter, closer together where they are small."""
    if param.kind != "int" or param.low is None or param.high is None:
        return [param.default]
    low, high, step = max(1, int(param.low)), int(param.high), int(param.step or 1)
    if high - low < 2 * PLACES:
        return sorted({*range(low, high + 1, 2), int(param.default)})
    wanted = np.geomspace(low, high, PLACES + 1)
    return sorted({int(low + step * round((w - low) / step)) for w in wanted})


def designs(request: Request, tick: Callable[[int, int], None] = lambda d, n: None) -> list[Design]:
    """All networks at all sizes that they accept; what is not in the cache is exported.

    Args:
        request: What is asked.
        tick: Told how many networks are done, and of how many.
    """
    wanted = list(_wanted(request))
    found: list[Design] = []
    for place, (model, sizes) in enumerate(wanted):
        found += _designs(request, model, sizes)
        tick(place + 1, len(wanted))
    return found


def _wanted(request: Request) -> Iterator[tuple[ModelSettings, tuple[int, ...]]]:
    """Each network with the sizes that share its first layers."""
    for model in networks(request.families):
        entry = MODELS[model.name]
        groups: dict[tuple[str, int], list[int]] = {}
        for size in request.sizes:
            stem = stem_for(model, size)
            left_out = halvings_left_out(stem, size)
            if size >= entry.min_size[stem == "small"]:
                groups.setdefault((stem, left_out), []).append(size)
        for sizes in groups.values():
            yield model, tuple(sizes)


def _designs(request: Request, model: ModelSettings, sizes: tuple[int, ...]) -> list[Design]:
    """One network at several sizes, from the cache or from one export."""
    paths = {size: _cached(request, model, size) for size in sizes}
    if not all(path.is_file() for path in paths.values()):
        _export(request, model, paths)
    return [
        _read(path, model, size)
        for size, path in paths.items()
        if path.stat().st_size > len("{}\n")
    ]


def _cached(request: Request, model: ModelSettings, size: int) -> Path:
    key = canonical_hash(
        {
            "model": model.to_json(), "size": size, "channels": request.channels,
            "outputs": request.outputs, "version": __version__,
        }
    )  # fmt: skip
    return Path(request.home) / "cache" / "designer" / f"{key[:32]}.json"


def _read(path: Path, model: ModelSettings, size: int) -> Design:
    data = json.loads(path.read_text(encoding="utf-8"))
    return Design(model, size, data["params"], data["file_bytes"], Work.from_json(data["work"]))


def _export(request: Request, model: ModelSettings, paths: dict[int, Path]) -> None:
    """Export at the largest size and read the work at each; ``{}`` marks what cannot be built."""
    largest = max(paths)
    next(iter(paths.values())).parent.mkdir(parents=True, exist_ok=True)
    try:
        network = build_model(model, request.outputs, request.channels, largest, seed=0).eval()
        traced = trace_onnx(network, _image(request, largest))
        works = {size: work_of(resized(traced, size)) for size in paths}
    except KDLabError:
        for path in paths.values():
            write_json(path, {})
        return
    params = sum(p.numel() for p in network.parameters())
    for size, path in paths.items():
        facts = {"params": params, "file_bytes": traced.ByteSize(), "work": works[size].to_json()}
        write_json(path, facts)


def resized(traced: onnx.ModelProto, size: int) -> onnx.ModelProto:
    """The same graph declared for images of another side; shapes inside are inferred anew."""
    model = onnx.ModelProto()
    model.CopyFrom(traced)
    dims = model.graph.input[0].type.tensor_type.shape.dim
    for dim in dims[2:]:
        dim.dim_value = size
    del model.graph.value_info[:]
    return model


def _image(request: Request, size: int) -> np.ndarray:
    shape = (1, request.channels, size, size)
    return np.random.default_rng(0).standard_normal(shape, np.float32)


# --- in a process of its own --------------------------------------------------------------------


def start(request: Request) -> subprocess.Popen[str]:
    """Fill the cache in the background; read its standard output for the progress."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kd_core.study.designer"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(request.to_json()))
    process.stdin.close()
    return process


def ready(request: Request) -> bool:
    """Whether everything is in the cache, so that :func:`designs` answers at once."""
    return all(
        _cached(request, model, size).is_file()
        for model, sizes in _wanted(request)
        for size in sizes
    )


def main() -> None:
    """Answer one request; progress goes to standard output."""
    import torch

    torch.set_num_threads(1)
    request = Request.from_json(json.load(sys.stdin))

    def tick(done: int, total: int) -> None:
        print(json.dumps({"done": done, "total": total}), flush=True)

    designs(request, tick)


if __name__ == "__main__":
    main()
