"""What is inside a fixed teacher: stored once for each view, or looked at anew at every step.

Features are large: a stage of 256 maps of 16 × 16 cells takes 262 kB an image and view, where the
answers take 28 bytes. So it is decided by cost. They are stored where all of them fit below a limit
and beside what is free on the disk, and where reading them back is quicker than another pass of the
teacher; else the teacher sees the same views again, so that what is learned from stays the same.

Each place has files of its own in the teacher's cache, so that all losses, arms and seeds that read
it share them.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from kd_core.data.disk import free_bytes
from kd_core.data.loaded import LoadedData
from kd_core.models.profile import profile
from kd_core.text import Msg
from kd_core.train.checkpoint import weights_hash
from kd_core.train.loader import Pixels
from kd_core.train.teacher_cache import TeacherCache, Write, bytes_per_image, few_images, key_of
from kd_core.train.teaching import look

LIMIT_BYTES = 4_000_000_000
"""Most that the features of one run may take on the disk, all places and views together."""

KEPT_FREE = 2
"""So many times their size must be free, so that a study never fills a disk by this alone."""

READ_BYTES_PER_S = 500e6
"""Reading scattered rows of a file: an SSD, or memory where the file is still there."""

MACS_PER_S = {"cpu": 10e9, "cuda": 3e12, "mps": 500e9}
"""Multiply-accumulates a second of a forward pass at 32 bits, for one CPU thread or one GPU; rough
figures, since only their order decides. They are no measurement, so that a run decides alike each
time."""


@dataclass(frozen=True)
class Plan:
    """Where features come from, and why.

    Attributes:
        source: ``cached`` or ``live``.
        why: ``fits``, or what speaks against storing: ``large``, ``disk``, ``quick`` (the teacher
            is quicker than the disk), ``same_pass`` (the teacher
            is asked at every step anyway).
        per_image_bytes: Bytes of one image in one view.
        total_bytes: Of all images and views of this run.
    """

    source: Literal["cached", "live"]
    why: Literal["fits", "large", "disk", "quick", "same_pass"]
    per_image_bytes: int
    total_bytes: int

    @property
    def msg(self) -> Msg:
        """The decision in a sentence."""
        sizes = {"per_image": self.per_image_bytes, "total": self.total_bytes}
        return Msg(f"train.features_{self.why}", sizes)


def decide(
    per_image: int,
    images: int,
    views: int,
    *,
    macs: int,
    device: str,
    threads: int,
    free: int,
    limit: int,
) -> Plan:
    """Store features, or compute them at every step.

    Args:
        per_image: Bytes of one image in one view.
        images: Images of the training part.
        views: Views that the run will see.
        macs: Multiply-accumulates of the teacher for one image.
        device: ``cpu``, ``cuda`` or ``mps``.
        threads: Threads of a CPU.
        free: Bytes that are free on the disk.
        limit: Most bytes that may be stored.

    >>> here = {"device": "cpu", "threads": 1, "free": 10**12, "limit": LIMIT_BYTES}
    >>> decide(4096, 1000, 8, macs=10**9, **here).source
    'cached'
    """
    total = per_image * images * views
    pace = MACS_PER_S.get(device, MACS_PER_S["cpu"]) * (threads if device == "cpu" else 1)
    sizes = {"per_image_bytes": per_image, "total_bytes": total}
    if total > limit:
        return Plan("live", "large", **sizes)
    if total * KEPT_FREE > free:
        return Plan("live", "disk", **sizes)
    if macs / pace < per_image / READ_BYTES_PER_S:
        return Plan("live", "quick", **sizes)
    return Plan("cached", "fits", **sizes)


class TeacherFeatures:
    """The features of one fixed teacher at some places, for one training part.

    Args:
        teacher: In evaluation mode, on the device.
        places: Where to look; see :mod:`kd_core.train.teaching`.
        data: The data set.
        pixels: The images as the teacher sees them.
        root: The cache folder of the store.
        views: Views that the run will see; ``None`` where the teacher is asked at every step.

    Attributes:
        plan: Where the features come from.
    """

    def __init__(
        self,
        teacher: nn.Module,
        places: Sequence[str],
        data: LoadedData,
        pixels: Pixels,
        root: Path,
        views: int | None,
    ) -> None:
        self._teacher, self._places, self._views = teacher, tuple(places), views
        self._data, self._pixels, self._root = data, pixels, root
        self._caches: dict[str, TeacherCache] = {}
        self.plan = self._decide()

    @property
    def stored(self) -> bool:
        """True if the features are read from the disk."""
        return self.plan.source == "cached"

    def stay_with(self, source: Literal["cached", "live"]) -> None:
        """Do as an earlier sitting of the run did, whatever the disk holds by now."""
        if source != self.plan.source:
            why: Literal["fits", "disk"] = "fits" if source == "cached" else "disk"
            self.plan = replace(self.plan, source=source, why=why)

    def lacking(self, view: int) -> list[str]:
        """Places whose features for a view are to be stored and are not there yet."""
        if not self.stored:
            return []
        return [place for place, cache in self._opened().items() if not cache.has(view)]

    def filling(self, view: int, places: Sequence[str], stack: ExitStack) -> dict[str, Write]:
        """What takes the features of each place; the view is there when the stack closes well."""
        caches = self._opened()
        return {place: stack.enter_context(caches[place].filling(view)) for place in places}

    def read(self, view: int, index: Tensor) -> dict[str, Tensor]:
        """Stored features of some images by place, on the CPU.

        Args:
            view: A view that is stored.
            index: Positions in the training part, (N,).
        """
        return {place: cache.read(view, index)[place] for place, cache in self._opened().items()}

    def _opened(self) -> dict[str, TeacherCache]:
        if not self._caches:
            few = few_images(self._pixels)
            with torch.no_grad():
                seen = look(self._teacher, few, self._places).features
            base = key_of(self._teacher, self._data, self._pixels, few, seen)
            images = len(self._pixels.part)
            for place in self._places:
                own = {"outputs": [place], "answers": weights_hash({place: seen[place]})}
                cache = TeacherCache(self._root, {**base, **own}, images, self._views or 1)
                self._caches[place] = cache
        return self._caches

    def _decide(self) -> Plan:
        one = self._pixels.part.images[:1]
        images = torch.zeros(1, *one.shape[1:], device=self._pixels.device)
        with torch.no_grad():
            per_image = bytes_per_image(look(self._teacher, images, self._places).features)
        n = len(self._pixels.part)
        if self._views is None:
            return Plan("live", "same_pass", per_image, 0)
        return decide(
            per_image,
            n,
            self._views,
            macs=profile(self._teacher, self._data.channels, self._data.size).macs,
            device=self._pixels.device.type,
            threads=torch.get_num_threads(),
            free=free_bytes(self._root),
            limit=LIMIT_BYTES,
        )
