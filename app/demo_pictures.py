"""What is looked at: embedded fields, examples of the study's own images, a visitor's files.

A visitor's files live in the memory of their session, and nowhere else: nothing here writes a
file, logs a name or keeps what a file says about a patient.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.services import ROOT, services
from kd_core.data.dataset import Dataset
from kd_core.data.windows import Window
from kd_core.errors import DataError, KDLabError
from kd_core.slides.read import open_slide
from kd_core.slides.slide import ArraySlide, Slide, resize
from kd_core.study.records import RunRecord
from kd_core.study.window import window_of as training_window

FIELDS = ROOT / "sample_data" / "fields"
Kind = Literal["image", "cells", "tiles"]
KINDS: tuple[Kind, ...] = ("image", "cells", "tiles")

KEPT_SLIDES = 3
"""Decoded pictures that a session keeps."""
LARGE_BYTES, KEPT_LARGE = 20_000_000, 2
"""Files from this size on, and how many of them a session keeps beside the browser's upload."""
KEPT_RESULTS = 6
"""Answers to whole fields and slides that a session keeps."""
THUMBNAIL_PX = 48
"""Height of a sample's thumbnail."""
UPLOAD_MB = 500
"""Largest file of the demo."""

SHAPES = 16
"""Training images that are measured."""
SINGLE_RATIO = 4.0
"""An upload up to so many times the side of a training image is one image, not a field."""


@dataclass(frozen=True, eq=False)
class Picture:
    """One picture before it is decoded.

    Attributes:
        key: Names it in caches: the hash of its content, or the sample's name.
        name: For the screen.
        content: The file's bytes, or its decoded pixels (H, W, C).
        label: Class name where it is known.
        embedded: Comes with the program, so that answers may be shared by all visitors.
    """

    key: str
    name: str
    content: bytes | NDArray[np.uint8]
    label: str = ""
    embedded: bool = False

    @property
    def truth(self) -> Path | None:
        """Where the cells of an embedded field are written down."""
        path = FIELDS / f"{self.key}.json"
        return path if self.embedded and path.is_file() else None


@dataclass(frozen=True, eq=False)
class Opened:
    """A picture that can be read, and how long it took to open."""

    picture: Picture
    slide: Slide
    decode_ms: float

    def pixels(self) -> NDArray[np.uint8]:
        """The whole as uint8 (H, W, C).

        Raises:
            DataError: As :meth:`Slide.region`.
        """
        return self.slide.region(0, 0, self.slide.width, self.slide.height)

    def close(self) -> None:
        """Let go of the file."""
        self.slide.close()


class Kept(OrderedDict[Any, Any]):
    """A few things by key; the one not used for longest goes first."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def put(self, key: Any, value: Any) -> Any:
        """Keep a value; it is given back."""
        self[key] = value
        self.move_to_end(key)
        while len(self) > self.most:
            _, old = self.popitem(last=False)
            close = getattr(old, "close", None)
            if close:
                close()
        return value


def kept(name: str, most: int) -> Kept:
    """This session's store of a kind."""
    found: Kept = st.session_state.setdefault(f"demo-kept-{name}", Kept(most))
    return found


def forget() -> None:
    """Drop everything that a visitor brought, and all that was computed from it."""
    for key in [k for k in st.session_state if str(k).startswith(("demo-kept-", "demo-view"))]:
        del st.session_state[key]
    st.session_state["demo-round"] = st.session_state.get("demo-round", 0) + 1
    st.session_state.pop("demo-shown", None)


def upload_key() -> str:
    """Key of the uploader; a new one is an empty one."""
    return f"demo-upload-{st.session_state.get('demo-round', 0)}"


# --- samples ------------------------------------------------------------------------------------


@st.cache_resource(show_spinner=False)
def fields() -> dict[str, Picture]:
    """The embedded fields by name."""
    return {
        path.stem: Picture(path.stem, path.stem, path.read_bytes(), embedded=True)
        for path in sorted(FIELDS.glob("field_*.jpg"))
    }


@st.cache_data(show_spinner=False, max_entries=100)
def field_thumbnail(name: str) -> NDArray[np.uint8]:
    """A field, small."""
    content = fields()[name].content
    assert isinstance(content, bytes)
    return open_slide(content, name).thumbnail(THUMBNAIL_PX * 4 // 3)


@st.cache_resource(show_spinner=False, max_entries=20)
def own_examples(dataset_name: str, data_hash: str) -> dict[str, Picture]:
    """One validation image a class of the study's data set; empty where it is gone."""
    try:
        dataset = services().library.get(dataset_name)
        return _examples(dataset) if dataset.hash == data_hash else {}
    except KDLabError:
        return {}


def _examples(dataset: Dataset, most: int = 6) -> dict[str, Picture]:
    rows = range(*dataset.rows("val").indices(len(dataset)))
    targets = dataset.targets()
    found = {}
    for k, name in enumerate(dataset.classes[:most]):
        hits = [i for i in rows if (targets[i, k] if targets.ndim == 2 else targets[i] == k) == 1]
        if hits:
            row = hits[len(hits) // 2]
            key = f"{dataset.name}-{dataset.table['id'].iloc[row]}"
            found[key] = Picture(key, name, dataset.read(row), label=name, embedded=True)
    return found


def of_upload(upload: Any) -> Picture:
    """A file that a visitor dropped; a large one is read and hashed once, not on every click."""
    if upload.size < LARGE_BYTES:
        return of_content(upload.getvalue(), str(upload.name))
    store = kept("large", KEPT_LARGE)
    if upload.file_id not in store:
        store.put(upload.file_id, of_content(upload.getvalue(), str(upload.name)))
    return store[upload.file_id]  # type: ignore[no-any-return]


def of_content(content: bytes | NDArray[np.uint8], name: str, label: str = "") -> Picture:
    """A picture named by what it is."""
    data = content if isinstance(content, bytes) else content.tobytes()
    return Picture(hashlib.sha256(data).hexdigest()[:20], name, content, label)


# --- opening ------------------------------------------------------------------------------------


def window_of(record: RunRecord) -> Window:
    """How the study's training images were windowed, which a visitor's films are, too."""
    return training_window(record, services().store.home.root)


def opened(picture: Picture, window: Window) -> Opened:
    """The picture, decoded or ready to be read by region; kept for the session.

    Raises:
        DataError: Those of :func:`kd_core.slides.read.open_slide`.
    """
    store = kept("slides", KEPT_SLIDES)
    name = (picture.key, window)
    if name in store:
        store.move_to_end(name)
        return store[name]  # type: ignore[no-any-return]
    began = time.perf_counter()
    if isinstance(picture.content, bytes):
        slide = open_slide(picture.content, picture.name, window)
    else:
        slide = ArraySlide(picture.content, picture.name)
    decode_ms = (time.perf_counter() - began) * 1e3
    return store.put(name, Opened(picture, slide, decode_ms))  # type: ignore[no-any-return]


@st.cache_data(show_spinner=False, max_entries=50)
def training_shapes(dataset_name: str, data_hash: str) -> list[tuple[int, int]]:
    """Width and height of some training images as they came; empty where the data set is gone."""
    try:
        dataset = services().library.get(dataset_name)
        if dataset.hash != data_hash:
            return []
        rows = np.linspace(0, len(dataset) - 1, SHAPES).round().astype(int)
        found = [dataset.read(int(row)).shape for row in rows]
    except KDLabError:
        return []
    return [(shape[1], shape[0]) for shape in found]


def typical_side(record: RunRecord) -> float:
    """Median longer side of the training images in pixels; the network's own size if unknown."""
    shapes = training_shapes(record.data.name, record.data.hash)
    return float(np.median([max(shape) for shape in shapes])) if shapes else float(record.data.size)


def of_cells(record: RunRecord) -> bool:
    """Whether the study's images are single cells, by how they are augmented."""
    if record.settings.data.augment == "cells":
        return True
    try:
        info = services().library.info(record.data.name)
    except DataError:
        return False
    return info.hash == record.data.hash and info.augment == "cells"


def guess_kind(slide: Slide, side: float, cells: bool) -> Kind:
    """One image, a field of cells, or something to be tiled.

    A single film is as a rule far larger than the network's input, so only cells are judged by
    the size of the training images; other data are tiled where they are too large to look at.
    """
    longest = max(slide.width, slide.height)
    if longest <= SINGLE_RATIO * side:
        return "image"
    if cells:
        return "cells"
    return "image" if slide.whole and len(slide.levels) == 1 else "tiles"


def kinds_of(slide: Slide, cells: bool) -> tuple[Kind, ...]:
    """The ways in which a picture can be taken; what is too large for one piece has fewer."""
    if slide.whole:
        return KINDS
    return ("cells", "tiles") if cells else ("tiles",)


def square(image: NDArray[np.uint8], side: int = THUMBNAIL_PX) -> NDArray[np.uint8]:
    """An image as high as the fields' thumbnails, (side, …, C); for a row of samples."""
    height, width = image.shape[:2]
    return resize(image, max(1, round(width * side / height)), side)
