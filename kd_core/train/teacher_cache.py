"""Outputs of a fixed teacher, computed once for each stored augmentation view.

    <cache>/teacher_outputs/<hash of the key>/
      key.json                 what the outputs belong to, for people and for cleaning up
      view-0003/logits.npy     float32 (N, K), in the order of the training part

A view is filled when an epoch first needs it, so a run that is cancelled has wasted nothing, and
any other run with the same key finds it. Views do not depend on a run's seed (see
:func:`kd_core.train.loader.view_seed`), so K passes of the teacher serve all seeds and arms.

Outputs are computed in stored order and in batches of a fixed size, because the batch size changes
the last bits. The thread count and the device change them too; both are part of the key.
"""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from kd_core.data.disk import folder_aside, need_space
from kd_core.data.loaded import LoadedData
from kd_core.errors import StoreError
from kd_core.train.checkpoint import network_hash, weights_hash
from kd_core.train.loader import Pixels

FOLDER = "teacher_outputs"
FORMAT = 1

FILL_BATCH = 64
"""Images in one forward pass of the teacher; part of the format, never a setting."""

FEW = 8
"""Images whose pixels and answers are part of the key."""

LIMIT_BYTES = 20_000_000_000
"""Largest cache for one key, all views together; beyond it a live teacher is the better choice."""


Write = Callable[[Mapping[str, Tensor]], None]
"""Takes the outputs of the next images in stored order, by name."""


def cache_key(
    teacher: nn.Module, data: LoadedData, pixels: Pixels, *outputs: str
) -> dict[str, Any]:
    """All that the teacher's outputs depend on, as JSON.

    A few images' pixels and the teacher's answers to them are part of it, so that a later version
    of an augmentation, or a teacher that hides its weights, never meets outputs of another.
    """
    few = few_images(pixels)
    with torch.no_grad():
        answers = teacher(few)
    return key_of(teacher, data, pixels, few, {name: answers[name] for name in outputs})


def few_images(pixels: Pixels) -> Tensor:
    """The images whose pixels are part of a key, (8, C, S, S)."""
    return pixels(np.arange(min(FEW, len(pixels.part))), view=0)


def key_of(
    teacher: nn.Module,
    data: LoadedData,
    pixels: Pixels,
    few: Tensor,
    answers: Mapping[str, Tensor],
) -> dict[str, Any]:
    """The key of outputs whose values for ``few`` images are known.

    Of several teachers with one answer, each is named too: they are models of runs, and the outputs
    are of use as long as those are there.
    """
    several = getattr(teacher, "members", ())
    return {
        **({"members": [network_hash(member) for member in several]} if several else {}),
        "format": FORMAT,
        "teacher": network_hash(teacher),
        "data": data.identity,
        "size": data.size,
        "images": len(pixels.part),
        "augment": pixels.augment,
        "view_seed": pixels.seed,
        "pixels": weights_hash({"images": few}),
        "answers": weights_hash(answers),
        "mean": [float(value) for value in pixels.mean],
        "std": [float(value) for value in pixels.std],
        "outputs": list(answers),
        "device": pixels.device.type,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }


def bytes_per_image(outputs: Mapping[str, Tensor]) -> int:
    """Bytes that one image takes in one view, at 32 bits a value.

    >>> bytes_per_image({"logits": torch.zeros(8, 5)})
    20
    """
    return sum(4 * values[0].numel() for values in outputs.values())


class TeacherCache:
    """The stored outputs of one teacher for one data set.

    Args:
        root: The cache folder of the store.
        key: What :func:`cache_key` says.
        images: Number of images in the training part.
        views: K, the number of views that will be filled in the end.
        limit_bytes: Refuse to begin a cache that would be larger than this.
    """

    def __init__(
        self,
        root: Path,
        key: Mapping[str, Any],
        images: int,
        views: int,
        limit_bytes: int = LIMIT_BYTES,
    ) -> None:
        text = json.dumps(key, sort_keys=True)
        self.folder = root / FOLDER / hashlib.sha256(text.encode()).hexdigest()[:32]
        self._key, self._images, self._views = key, images, views
        self._limit = limit_bytes
        self._open: dict[int, dict[str, NDArray[np.float32]]] = {}

    def has(self, view: int) -> bool:
        """True if the outputs for this view are stored."""
        return self._view(view).is_dir()

    def read(self, view: int, index: Tensor) -> dict[str, Tensor]:
        """Outputs for some images, on the CPU.

        Args:
            view: A view that is stored.
            index: Positions in the training part, (N,).
        """
        if view not in self._open:
            files = self._view(view).glob("*.npy")
            self._open[view] = {file.stem: np.load(file, mmap_mode="r") for file in files}
        rows = index.numpy()
        return {name: torch.from_numpy(all_[rows]) for name, all_ in self._open[view].items()}

    def fill(self, view: int, batches: Iterable[Mapping[str, Tensor]]) -> None:
        """Store one view, aside until it is whole.

        Args:
            view: Number of the view.
            batches: The teacher's outputs for all images in stored order.

        Raises:
            StoreError: ``teacher_outputs_too_large`` or ``disk_full``; nothing is left behind.
        """
        with self.filling(view) as write:
            for outputs in batches:
                write(outputs)

    @contextmanager
    def filling(self, view: int) -> Iterator[Write]:
        """A function that takes the outputs batch by batch; the view is there when this ends well.

        Raises:
            StoreError: As :meth:`fill`.
        """
        target = self._view(view)
        try:
            with folder_aside(target) as aside, ExitStack() as stack:
                files = _Files(aside, self._images, self._check_room, stack)
                yield files.write
        except OSError as error:
            # Another run stored the same view meanwhile; its values are as good as ours.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        else:
            self._describe(files.per_image)

    def _view(self, view: int) -> Path:
        return self.folder / f"view-{view:04d}"

    def _check_room(self, per_image: int) -> None:
        needed = per_image * self._images * self._views
        if needed > self._limit:
            raise StoreError(
                "teacher_outputs_too_large",
                needed_bytes=needed,
                limit_bytes=self._limit,
                per_image_bytes=per_image,
                images=self._images,
                views=self._views,
            )
        need_space(self.folder, per_image * self._images)

    def _describe(self, per_image: int) -> None:
        about = {**self._key, "bytes_per_image": per_image, "views": self._views}
        path = self.folder / "key.json"
        if not path.exists():
            path.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


class _Files:
    """One file an output, that grows batch by batch.

    Plain writes and no memory map: a disk that fills up then raises an error, where a map would
    kill the process.
    """

    def __init__(
        self, folder: Path, images: int, check_room: Callable[[int], None], stack: ExitStack
    ) -> None:
        self._folder, self._images = folder, images
        self._check_room, self._stack = check_room, stack
        self._files: dict[str, BinaryIO] = {}
        self.per_image = 0

    def write(self, outputs: Mapping[str, Tensor]) -> None:
        """Append the outputs of some images."""
        if not self._files:
            self.per_image = bytes_per_image(outputs)
            self._check_room(self.per_image)
            for name, values in outputs.items():
                self._open(name, tuple(values.shape[1:]))
        for name, values in outputs.items():
            rows = values.detach().float().cpu().numpy()  # (batch, …)
            self._files[name].write(rows.astype("<f4").tobytes())

    def _open(self, name: str, shape: tuple[int, ...]) -> None:
        file = self._stack.enter_context((self._folder / f"{name}.npy").open("wb"))
        self._files[name] = file
        header = {"descr": "<f4", "fortran_order": False, "shape": (self._images, *shape)}
        np.lib.format.write_array_header_2_0(file, header)


def drop(root: Path, data_hash: str) -> int:
    """Delete all outputs for one data set; the bytes that this freed.

    Args:
        root: The cache folder of the store.
        data_hash: Content hash of the data set.
    """
    freed = 0
    for path in (root / FOLDER).glob("*/key.json"):
        data = json.loads(path.read_text(encoding="utf-8"))["data"]
        if data.partition(" ")[0] == data_hash:  # behind it stands a split, or other images
            freed += sum(file.stat().st_size for file in path.parent.rglob("*") if file.is_file())
            shutil.rmtree(path.parent, ignore_errors=True)
    return freed
