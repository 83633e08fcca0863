"""A data set before it is stored: everything that the preview shows; nothing is written.

    path ──detect──► source ──read──► Found ──inspect──► parts ──► Draft ──Library.add──► Dataset

``Draft.dataset`` can be read like a stored data set, so the data doctor examines either.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kd_core.data.dataset import GROUP, LABEL, Dataset, DatasetInfo, Example, content_hash
from kd_core.data.inspect import ImageFacts, Progress, inspect
from kd_core.data.loaded import PARTS
from kd_core.data.sources import SOURCES, Found, LabelCounts, detect
from kd_core.data.splits import assign_parts
from kd_core.data.windows import Window
from kd_core.errors import DataError
from kd_core.text import Msg

MAX_PATTERN_CHARS = 200
NAMED = 2
"""Names that a note gives as examples."""


@dataclass(frozen=True)
class Draft:
    """What a data set would be.

    Attributes:
        dataset: The data set, read from where the originals are now.
        facts: What each readable image is, by id.
        unreadable: Why images are left out, by id.
        uncertain: What each column of a multi-label table holds.
        split: Where the parts come from: ``given``, ``made``, ``completed`` (a missing part was
            taken from train) or ``test_only``.
        notes: What a person should know of how the data were read.
    """

    dataset: Dataset
    facts: Mapping[str, ImageFacts]
    unreadable: Mapping[str, Msg]
    uncertain: tuple[LabelCounts, ...]
    split: Literal["given", "made", "completed", "test_only"]
    notes: tuple[Msg, ...]

    def summary(self) -> dict[str, Any]:
        """Sizes, channels, bit depth and value range over all images; JSON-safe.

        Keys: ``images``, ``width`` and ``height`` as (smallest, median, largest) in pixels,
        ``bits`` and ``grey`` as counts by value, ``low`` and ``high`` of the stored values,
        ``windowed``: how many images the window treats.
        """
        all_facts = list(self.facts.values())
        widths = [fact.width for fact in all_facts]
        heights = [fact.height for fact in all_facts]
        bits, bit_counts = np.unique([fact.bits for fact in all_facts], return_counts=True)
        return {
            "images": len(all_facts),
            "width": (min(widths), float(np.median(widths)), max(widths)),
            "height": (min(heights), float(np.median(heights)), max(heights)),
            "bits": {int(b): int(n) for b, n in zip(bits, bit_counts, strict=True)},
            "grey": sum(fact.grey for fact in all_facts),
            "low": min(fact.low for fact in all_facts),
            "high": max(fact.high for fact in all_facts),
            "windowed": sum(fact.windowed for fact in all_facts),
        }

    def examples(self, each: int = 6, limit: int = 60) -> list[Example]:
        """Images to look at; see :meth:`Dataset.examples`."""
        return self.dataset.examples(each, limit)


def draft(
    path: Path,
    source: str | None = None,
    *,
    earlier: Draft | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Draft:
    """Read what a person brings, as far as a preview needs it; writes nothing.

    Args:
        path: A folder, an .npz or a .csv.
        source: Entry of ``SOURCES``; found by :func:`detect` when ``None``.
        earlier: A draft of the same path with other options, whose look at the images is reused.
        progress: Called with images looked at, and all.
        **options: The source's options; defaults where left out.

    Raises:
        ConfigError: An option is unknown or illegal.
        DataError: Those of the source; ``nothing_readable``, ``class_one_image``,
            ``pattern_invalid``, ``pattern_no_group``, ``pattern_no_match``, ``split_too_small``.
    """
    name = source or detect(path)
    checked = SOURCES[name].check(options)
    window = Window.from_options(checked)
    found = SOURCES[name].read(path, checked)
    known = earlier.facts if earlier and earlier.dataset.info.window == window else None
    looks = inspect(found.images, found.ids, window, known, progress)
    facts = {i: look for i, look in looks.items() if isinstance(look, ImageFacts)}
    faults = {i: look for i, look in looks.items() if isinstance(look, DataError)}
    if not facts:
        first = next(iter(faults.values())).msg.to_json()
        raise DataError("nothing_readable", n=len(faults), first=first)
    found = _without(found, faults)
    _check_classes(found, checked)
    found = replace(found, patients=_patients(found, checked["patient_pattern"]))
    table, split = _table(found, facts, checked)
    channels = _channels(checked["channels"], facts)
    info = DatasetInfo(
        title=found.title,
        task=found.task,
        classes=found.classes,
        channels=channels,
        hash=content_hash(table, found.task, found.classes, channels, window),
        source=name,
        options=checked,
        window=window,
        augment=found.augment or "generic" if checked["augment"] == "auto" else checked["augment"],
        synthetic=found.synthetic,
        unreadable=tuple(sorted(faults)),
    )
    order = {i: row for row, i in enumerate(found.ids)}
    images = found.images.take([order[i] for i in table["id"]])
    return Draft(
        dataset=Dataset(info, table, images),
        facts=facts,
        unreadable={i: fault.msg for i, fault in faults.items()},
        uncertain=found.uncertain,
        split=split,
        notes=(*found.notes, *_without_patient(found)),
    )


def _without(found: Found, faults: Mapping[str, DataError]) -> Found:
    """What was found without the images that cannot be read."""
    rows = np.array([row for row, i in enumerate(found.ids) if i not in faults])
    return replace(
        found,
        ids=tuple(found.ids[row] for row in rows),
        images=found.images.take(rows.tolist()),
        targets=found.targets[rows],
        parts=None if found.parts is None else found.parts[rows],
        patients=None if found.patients is None else found.patients[rows],
        groups={name: values[rows] for name, values in found.groups.items()},
    )


def _check_classes(found: Found, options: Mapping[str, Any]) -> None:
    """One image can be trained on or tested on, but not both."""
    if found.task != "classification" or options["split"] == "test_only":
        return
    counts = np.bincount(found.targets, minlength=len(found.classes))
    for name, count in zip(found.classes, counts, strict=True):
        if count == 1:
            raise DataError("class_one_image", name=name)


def _patients(found: Found, pattern: str) -> NDArray[np.str_] | None:
    """Patients by a file-name pattern (its first group), else as given."""
    if not pattern:
        return found.patients
    if len(pattern) > MAX_PATTERN_CHARS:
        raise DataError("pattern_invalid", pattern=pattern[:40], detail=str(len(pattern)))
    try:
        regex = re.compile(pattern)
    except re.error as error:
        raise DataError("pattern_invalid", pattern=pattern, detail=str(error)) from None
    if not regex.groups:
        raise DataError("pattern_no_group", pattern=pattern)
    names = [i.rsplit("/", 1)[-1] for i in found.ids]
    matches = [regex.search(name) for name in names]
    if not any(matches):
        raise DataError("pattern_no_match", pattern=pattern, example=names[0])
    return np.array([(match and match.group(1)) or "" for match in matches], dtype=np.str_)


def _without_patient(found: Found) -> tuple[Msg, ...]:
    """How many images have no patient, where others have one."""
    if found.patients is None or not (found.patients != "").any():
        return ()
    names = [i.rsplit("/", 1)[-1] for i, p in zip(found.ids, found.patients, strict=True) if not p]
    evidence = {"n": len(names), "images": len(found.ids), "names": names[:NAMED]}
    return (Msg("data.note.patients_partly", evidence),) if names else ()


def _table(
    found: Found, facts: Mapping[str, ImageFacts], options: Mapping[str, Any]
) -> tuple[pd.DataFrame, Literal["given", "made", "completed", "test_only"]]:
    hashes = np.array([facts[i].sha256 for i in found.ids])
    patients = np.full(len(hashes), "") if found.patients is None else found.patients
    parts = assign_parts(
        found.parts,
        found.targets,
        # Images without a patient stay with their exact copies.
        np.where(patients == "", np.char.add("\0", hashes), patients),
        policy=options["split"],
        val_share=options["val_share"],
        test_share=options["test_share"],
        seed=options["split_seed"],
    )
    columns: dict[str, Any] = {
        "id": found.ids,
        "part": parts,
        "patient": patients,
        "sha256": hashes,
    }
    if found.targets.ndim == 1:
        columns["label"] = found.targets
    else:
        columns |= {LABEL + name: found.targets[:, k] for k, name in enumerate(found.classes)}
    columns |= {GROUP + name: values for name, values in found.groups.items()}
    order = sorted(range(len(parts)), key=lambda row: (PARTS.index(parts[row]), found.ids[row]))
    table = pd.DataFrame(columns).iloc[order].reset_index(drop=True)
    if options["split"] == "test_only":
        return table, "test_only"
    if found.parts is None or options["split"] == "new":
        return table, "made"
    return table, "given" if (parts == found.parts).all() else "completed"


def _channels(wanted: str, facts: Mapping[str, ImageFacts]) -> Literal[1, 3]:
    """Grey data stay grey; grey images stored as colour count as grey."""
    if wanted == "auto":
        return 1 if all(fact.grey for fact in facts.values()) else 3
    return 1 if wanted == "grey" else 3
