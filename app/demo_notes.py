"""What has to be said about an upload before anybody believes an answer to it."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app import demo_fits
from app.demo_choose import Chosen
from app.demo_fits import Fitting
from app.demo_models import my_turn
from app.demo_pictures import Opened, kept, training_shapes
from app.texts import say
from kd_core.explain.familiar import FLAGGED, Judgement
from kd_core.explain.looks import shape_findings

MOST_JUDGED = 100
"""Crops of a field that are compared; more change the share little."""
KEPT_JUDGED = 20

Pixels = NDArray[np.uint8]


def of_image(chosen: Chosen, opened: Opened, prepared: Pixels) -> None:
    """What was done to read one image (C, S, S), and how far it is from the training images."""
    for note in opened.slide.notes:
        st.caption(say(note))
    data = chosen.record.data
    shapes = training_shapes(data.name, data.hash)
    found = list(shape_findings(opened.slide.width, opened.slide.height, shapes))
    judged = _judge(chosen, prepared[None], opened.picture.key)
    found += [finding for one in judged for finding in one.findings]
    if found:
        lines = [say("demo.unfamiliar"), *(say(finding) for finding in found)]
        st.warning("\n\n".join(lines), icon=":material/help:")
    elif judged:
        st.success(say("demo.familiar"), icon=":material/check:")


def of_crops(chosen: Chosen, crops: Pixels, picture: str) -> None:
    """How many of a field's crops (n, C, S, S) are unlike the training images."""
    st.caption(say("demo.field.knows", classes=list(chosen.record.data.classes)))
    rows = np.linspace(0, len(crops) - 1, min(len(crops), MOST_JUDGED)).round().astype(int)
    judged = _judge(chosen, crops[rows], picture)
    if not judged:
        return
    share = sum(not one.familiar for one in judged) / len(judged)
    fields = {"share": share, "n": len(judged), "usual": FLAGGED}
    if share <= 3 * FLAGGED:
        st.caption(say("demo.familiar.crops", **fields))
        return
    lines = [say("demo.unfamiliar.crops", **fields)]
    worst = max(judged, key=lambda one: max(one.looks, one.seen))
    lines += [say("demo.unfamiliar.example")] + [say(finding) for finding in worst.findings]
    st.warning("\n\n".join(lines), icon=":material/help:")


def _judge(chosen: Chosen, images: Pixels, picture: str) -> list[Judgement]:
    """One judgement an image; none while that cannot be told, and a sentence instead."""
    found = demo_fits.fitting(chosen)
    if found.going:
        _wait(found)
    if found.problem is not None:
        st.caption(say("demo.familiar.unknown", why=found.problem))
    if found.made is None:
        return []
    store, name = kept("judged", KEPT_JUDGED), (picture, chosen.teacher.sha256)
    if name not in store:
        with my_turn():
            store.put(name, found.made.judge(images, demo_fits.features(chosen.teacher)(images)))
    return store[name]  # type: ignore[no-any-return]


@st.fragment(run_every="1s")
def _wait(found: Fitting) -> None:
    """Progress of a fit that is made in the background; the page is drawn again at its end."""
    if found.going:
        share = min(1.0, found.done / found.total)
        st.progress(share, text=say("demo.familiar.working"))
    else:
        st.rerun()
