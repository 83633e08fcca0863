"""Several images at once: a table with disagreements first, a confusion matrix, a CSV."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from app.demo_choose import Chosen
from app.demo_models import my_turn
from app.demo_pictures import UPLOAD_MB, Picture, kept, of_content, window_of
from app.progress import Bar
from app.texts import say
from app.theme import is_dark
from kd_core.data.images import prepare_image
from kd_core.data.uploads import TABLE_SUFFIXES, Limits, read_zip
from kd_core.data.windows import Window
from kd_core.errors import DataError, UploadError
from kd_core.evaluate.predictions import Predictions
from kd_core.export import FileContract
from kd_core.figures import confusion_figure, confusion_info
from kd_core.slides.answers import answers_of, disagreement
from kd_core.slides.read import open_slide
from kd_core.tasks import TASKS
from kd_core.text import Msg

MOST_IMAGES = 2000
THUMBNAIL_PX = 56
BATCH = 32
KEPT = 2
LIMITS = Limits(
    file_bytes=UPLOAD_MB * 1_000_000, unpacked_bytes=2_000_000_000, members=2 * MOST_IMAGES
)

Pixels = NDArray[np.uint8]
Content = bytes | Pixels


@dataclass(eq=False)
class Many:
    """Answers to many images.

    Attributes:
        names: Path of each image in its archive, or its file name.
        thumbnails: A small JPEG each, as a data address.
        labels: Class number by folder name, −1 where no folder is named like a class.
        logits: By model, one row an image.
        unreadable: Files that could not be read, and why.
    """

    names: list[str] = field(default_factory=list)
    thumbnails: list[str] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    logits: dict[str, list[NDArray[np.float32]]] = field(default_factory=dict)
    unreadable: list[tuple[str, Msg]] = field(default_factory=list)


def is_archive(picture: Picture) -> bool:
    """A zip by its content."""
    return isinstance(picture.content, bytes) and picture.content[:4] == b"PK\x03\x04"


def show(chosen: Chosen, pictures: Sequence[Picture]) -> Picture | None:
    """The table; the picture of the row that was chosen, if any."""
    found = _answers(chosen, pictures)
    for name, why in found.unreadable[:10]:
        st.warning(say("demo.many.unreadable", name=name, why=why), icon=":material/error:")
    if len(found.unreadable) > 10:
        st.caption(say("demo.many.more_unreadable", n=len(found.unreadable) - 10))
    if not found.names:
        return None
    st.caption(say("demo.no_device"))
    table = _table(chosen, found)
    differ = int((~table["agree"]).sum()) if "agree" in table else 0
    st.markdown(say("demo.many.summary", n=len(table), differ=differ))
    row = _draw(table)
    st.download_button(
        say("demo.csv"),
        table.drop(columns=["thumbnail"]).to_csv(index=False).encode(),
        "predictions.csv",
        "text/csv",
        icon=":material/download:",
    )
    _confusion(chosen, found)
    if row is None:
        st.caption(say("demo.many.choose"))
        return None
    return _one(pictures, str(table["image"].iloc[row]))


def _answers(chosen: Chosen, pictures: Sequence[Picture]) -> Many:
    store = kept("many", KEPT)
    name = (tuple(picture.key for picture in pictures), chosen.files)
    if name not in store:
        window = window_of(chosen.record)
        found = Many(logits={one.key: [] for one in chosen.models})
        waiting: list[Pixels] = []
        with Bar(say("demo.many.working")) as bar, my_turn() as turn:
            for done, total, path, content in _files(pictures):
                image = _read(path, content, window, found)
                if image is not None:
                    waiting.append(_note(chosen, path, image, found))
                if len(waiting) == BATCH:
                    _ask(chosen, waiting, found)
                    bar(done, total)
                    turn.give_way()
            _ask(chosen, waiting, found)
        store.put(name, found)
    return store[name]  # type: ignore[no-any-return]


def _files(pictures: Sequence[Picture]) -> Iterator[tuple[int, int, PurePosixPath, Content]]:
    """Number, how many, path and content of every image."""
    done = 0
    for picture in pictures:
        if not is_archive(picture):
            done += 1
            yield done, len(pictures), PurePosixPath(picture.name), picture.content
            continue
        assert isinstance(picture.content, bytes)
        file = io.BytesIO(picture.content)
        file.name = picture.name
        for path, total, content in read_zip(file, LIMITS):
            if path.suffix.lower() in TABLE_SUFFIXES:
                continue
            done += 1
            if done > MOST_IMAGES:
                raise UploadError("demo_too_many", limit=MOST_IMAGES)
            yield done, total, path, content


def _read(
    path: PurePosixPath, content: Content, window: Window | None, found: Many
) -> Pixels | None:
    if not isinstance(content, bytes):
        return content
    try:
        with open_slide(content, path.name, window) as slide:
            return slide.region(0, 0, slide.width, slide.height)
    except DataError as error:
        found.unreadable.append((str(path), error.msg))
        return None


def _note(chosen: Chosen, path: PurePosixPath, image: Pixels, found: Many) -> Pixels:
    """Write down what is known before the models are asked; the prepared image."""
    classes = [name.casefold() for name in chosen.record.data.classes]
    folders = [part.casefold() for part in reversed(path.parts[:-1])]
    label = next((classes.index(part) for part in folders if part in classes), -1)
    found.names.append(str(path))
    found.labels.append(label)
    found.thumbnails.append(thumbnail(image))
    contract = chosen.teacher.session.contract
    return prepare_image(image, contract.size, contract.channels)


def _ask(chosen: Chosen, waiting: list[Pixels], found: Many) -> None:
    if waiting:
        for one in chosen.models:
            outputs = one.session.predict_uint8(np.stack(waiting))
            found.logits[one.key] += list(outputs[TASKS[chosen.record.data.task].output])
        waiting.clear()


def thumbnail(image: Pixels, side: int = THUMBNAIL_PX) -> str:
    """A small JPEG as a data address."""
    flat = Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).convert("RGB")
    flat.thumbnail((side, side))
    out = io.BytesIO()
    flat.save(out, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


def _table(chosen: Chosen, found: Many) -> pd.DataFrame:
    """One row an image: disagreements first, then the teacher's least sure answers."""
    data = chosen.record.data
    columns: dict[str, object] = {"thumbnail": found.thumbnails, "image": found.names}
    answers = {}
    for one in chosen.models:
        logits = np.stack(found.logits[one.key]).astype(np.float64)
        answers[one.key] = answers_of(logits, one.contract)
        columns[one.key] = answers[one.key].names()
        columns[f"{one.key} p"] = answers[one.key].confidence
    if any(label >= 0 for label in found.labels):
        columns["label"] = [data.classes[k] if k >= 0 else "" for k in found.labels]
    agree = ~disagreement(answers, chosen.teacher.key)
    if len(answers) > 1:
        columns["agree"] = agree
    order = np.lexsort((answers[chosen.teacher.key].confidence, agree))
    return pd.DataFrame(columns).iloc[order].reset_index(drop=True)


def _draw(table: pd.DataFrame) -> int | None:
    named = {name: say(f"demo.column.{name}") for name in ("image", "label", "agree")}
    shown = st.dataframe(
        table,
        hide_index=True,
        width="stretch",
        row_height=THUMBNAIL_PX + 6,
        height=460,
        key="demo-view-many",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "thumbnail": st.column_config.ImageColumn("", width="small"),
            **{name: st.column_config.Column(title) for name, title in named.items()},
            **{
                name: st.column_config.NumberColumn(say("demo.column.sure"), format="percent")
                for name in table.columns
                if str(name).endswith(" p")
            },
        },
    )
    rows = shown["selection"]["rows"]
    return int(rows[0]) if rows and rows[0] < len(table) else None


def _confusion(chosen: Chosen, found: Many) -> None:
    """Where folders are named like classes: what each model takes for what."""
    data = chosen.record.data
    known = np.array([i for i, label in enumerate(found.labels) if label >= 0], np.int64)
    if not known.size or data.task != "classification":
        return
    st.subheader(say("demo.many.confusion", n=len(known)))
    for column, one in zip(st.columns(len(chosen.models)), chosen.models, strict=True):
        p = as_predictions(found, known, one.key, one.contract)
        with column:
            right = float((p.predicted() == p.targets).mean())
            st.markdown(say("demo.many.right", name=one.key, share=right))
            figure = confusion_figure(confusion_info(p), say, is_dark())
            st.plotly_chart(
                figure, width="stretch", theme=None, key=f"demo-view-confusion-{one.key}"
            )


def as_predictions(
    found: Many, known: NDArray[np.int64], key: str, contract: FileContract
) -> Predictions:
    """A model's answers to the images with a label, at its file's own operating point."""
    return Predictions(
        ids=tuple(found.names[i] for i in known),
        targets=np.array(found.labels)[known],
        logits=np.stack(found.logits[key])[known],
        part="val",
        seed=0,
        classes=contract.classes,
        task=contract.task,
        calibration=contract.calibration,
        threshold=contract.threshold,
    )


def _one(pictures: Sequence[Picture], name: str) -> Picture | None:
    """The picture of a row, read again from the upload."""
    for _, _, path, content in _files(pictures):
        if str(path) == name:
            return of_content(content, path.name)
    return None
