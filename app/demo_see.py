"""From a picture to answers piece by piece: cells of a field or slide, or tiles."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.demo_choose import Chosen
from app.demo_pictures import Opened, typical_side
from app.demo_result import Seen
from app.services import services
from kd_core.data.images import prepare_image
from kd_core.data.library import EMBEDDED
from kd_core.errors import DataError
from kd_core.export import FileContract
from kd_core.figures.cell_overlay import LONGEST_PX
from kd_core.slides.answers import Answers, answers_of
from kd_core.slides.cells import Cell, read_field
from kd_core.slides.classify import Timing, stream
from kd_core.slides.crops import EXAMPLES, SAMPLE_WINDOW, CropWindow, crop_cells, measure_window
from kd_core.slides.slide import Slide
from kd_core.slides.sweep import sweep
from kd_core.slides.tiles import Tile, choose_level, grid, tiles
from kd_core.slides.truth import match, read_truth
from kd_core.study.records import RunRecord
from kd_core.text import Msg

BATCH = 32
"""Pieces between two reports; of a field there are enough to share them among the cores."""
WORKERS = min(2, os.cpu_count() or 1)
"""Batches at once."""
BLOCK_PX = 2048
"""Side of the parts in which a large slide is searched for cells."""
MOST_BLOCKS = 10
MOST_TILES = 4000
MOST_PIECES = 10_000
"""Cells of one slide, more than so many blocks of a usual smear hold; a crop of 64 pixels takes
12 kB, so all together take about 120 MB."""

Pixels = NDArray[np.uint8]
Tell = Callable[[str, int, int], None]
"""Called with the step, what is done and what there is to do."""


def see_cells(chosen: Chosen, opened: Opened, tell: Tell) -> Seen:
    """The cells of a field that can be looked at in one piece.

    Raises:
        DataError: Those of the slide, or ``crops_no_cells``.
        ExportError: A model file cannot be run.
    """
    pixels = opened.pixels()
    tell("find", 0, 1)
    began = time.perf_counter()
    found = read_field(pixels)
    if found.problem is not None:
        return _nothing(chosen, opened, found.problem)
    window = crop_window(chosen.record, opened.picture.truth is not None)
    crops = crop_cells(pixels, found.cells, chosen.teacher.contract, window)
    find_ms = (time.perf_counter() - began) * 1e3
    answers, network_ms = _ask(chosen, crops, tell)
    truth = opened.picture.truth
    known = read_truth(truth.read_bytes(), truth.name) if truth else ()
    return Seen(
        *(opened.slide.width, opened.slide.height, _view(opened.slide)),
        places=found.cells,
        crops=crops,
        answers=answers,
        known=known,
        matched=match(found.cells, known) if known else None,
        find_ms=find_ms,
        network_ms=network_ms,
    )


def see_cells_of_slide(chosen: Chosen, opened: Opened, tell: Tell) -> Seen:
    """Cells of a slide that is too large for one piece: in blocks, evenly spread where many.

    Raises:
        DataError: As :func:`see_cells`.
        ExportError: Likewise.
    """
    slide, contract = opened.slide, chosen.teacher.contract
    window = crop_window(chosen.record, embedded=False)
    cells: list[Cell] = []
    crops: list[Pixels] = []
    began = time.perf_counter()

    def told(done: int, total: int) -> None:
        tell("blocks", done, total)

    searched = 0
    for block in sweep(slide, MOST_BLOCKS, BLOCK_PX, tick=told):
        searched += 1
        if block.cells:
            crops.append(crop_cells(block.image, block.cells, contract, window))
            cells += block.in_slide()
        if len(cells) > MOST_PIECES:
            break
    if not cells:
        return _nothing(chosen, opened, Msg("demo.slide.no_cells", {"n": searched}))
    find_ms = (time.perf_counter() - began) * 1e3
    together = np.concatenate(crops)
    answers, network_ms = _ask(chosen, together, tell)
    fields = {"n": searched, "side": BLOCK_PX}
    return Seen(
        *(slide.width, slide.height, _view(slide)),
        places=tuple(cells),
        crops=together,
        answers=answers,
        notes=(Msg("demo.slide.blocks", fields),),
        find_ms=find_ms,
        network_ms=network_ms,
    )


def see_tiles(chosen: Chosen, opened: Opened, tell: Tell) -> Seen:
    """Tiles with tissue, as large as a training image, or larger where they would be too many.

    Raises:
        DataError: Those of the slide.
        ExportError: A model file cannot be run.
    """
    slide, contract = opened.slide, chosen.teacher.contract
    side = typical_side(chosen.record)
    side = max(side, math.sqrt(slide.width * slide.height / MOST_TILES))
    level = choose_level(slide, downsample=side / contract.size)
    tell("find", 0, 1)
    began = time.perf_counter()
    places = grid(slide, max(1, round(side / slide.levels[level].downsample)), level=level)
    if not places.places:
        return _nothing(chosen, opened, Msg("demo.slide.empty"))
    kept: list[Tile] = []
    crops = np.empty((len(places), contract.channels, contract.size, contract.size), np.uint8)
    for i, tile in enumerate(tiles(slide, places)):
        crops[i] = prepare_image(tile.image, contract.size, contract.channels)
        kept.append(replace(tile, image=tile.image[:0]))
        if i % BATCH == 0:
            tell("cut", i, len(places))
    find_ms = (time.perf_counter() - began) * 1e3
    answers, network_ms = _ask(chosen, crops, tell)
    fields = {"side": kept[0].side, "n": len(kept), "skipped": places.skipped}
    return Seen(
        *(slide.width, slide.height, _view(slide)),
        places=tuple(kept),
        crops=crops,
        answers=answers,
        notes=(Msg("demo.slide.tiles", fields),),
        find_ms=find_ms,
        network_ms=network_ms,
    )


def crop_window(record: RunRecord, embedded: bool) -> CropWindow:
    """How much of a field the study's crops show.

    Args:
        record: Of the teacher.
        embedded: The picture is one of the embedded fields, whose scale is known.

    Raises:
        DataError: ``crops_no_cells``.
    """
    data = record.data
    if data.name in EMBEDDED:
        return SAMPLE_WINDOW if embedded else replace(SAMPLE_WINDOW, side_px=None)
    return _measured(data.name, data.hash, data.size, data.channels)


@st.cache_data(show_spinner=False, max_entries=50)
def _measured(name: str, data_hash: str, size: int, channels: int) -> CropWindow:
    try:
        dataset = services().library.get(name)
    except DataError:
        return CropWindow()
    if dataset.hash != data_hash:
        return CropWindow()
    rows = np.linspace(0, len(dataset) - 1, min(len(dataset), EXAMPLES)).astype(int)
    images = [prepare_image(dataset.read(int(row)), size, channels) for row in rows]
    return measure_window(np.stack(images), name)


def _ask(chosen: Chosen, crops: Pixels, tell: Tell) -> tuple[dict[str, Answers], dict[str, float]]:
    """Every model's answers to the crops, and the time in its network."""
    timing = Timing()
    sessions = {one.key: one.session for one in chosen.models}
    logits: dict[str, list[NDArray[np.float64]]] = {key: [] for key in sessions}
    tell("ask", 0, len(crops))
    images = cast(Sequence[Pixels], crops)
    for done, answers in stream(images, sessions, BATCH, timing, WORKERS):
        for key, piece in answers.items():
            logits[key].append(piece.logits)
        tell("ask", done, len(crops))
    contracts: dict[str, FileContract] = {one.key: one.contract for one in chosen.models}
    found = {key: answers_of(np.concatenate(z), contracts[key]) for key, z in logits.items()}
    return found, timing.network_ms


def _view(slide: Slide) -> Pixels:
    return slide.thumbnail(LONGEST_PX)


def _nothing(chosen: Chosen, opened: Opened, problem: Msg) -> Seen:
    contract = chosen.teacher.contract
    empty = np.empty((0, contract.channels, contract.size, contract.size), np.uint8)
    slide = opened.slide
    return Seen(slide.width, slide.height, _view(slide), (), empty, {}, problem=problem)
