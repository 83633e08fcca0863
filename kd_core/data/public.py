"""Public data sets by name: official address, checksum, licence and citation.

MedMNIST's addresses and MD5 sums are those of its package, version 3.0.2 (``medmnist/info.py``,
Zenodo record 10519652); the sum and size of NIH's cell images are those that TensorFlow Datasets
records for the same address. A size stands here only where a source states it to the byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kd_core.data.download import Progress, Stop, fetch
from kd_core.data.medmnist_table import MEDMNIST, MedMnistRow
from kd_core.registry import Entry, Registry


@dataclass(frozen=True, kw_only=True)
class PublicSet(Entry):
    """A data set that anybody may download.

    Attributes:
        url: Official address of its one file.
        file: Name under which it is kept.
        reader: Entry of ``SOURCES`` that reads it: ``npz``, or ``image_folder`` for a .zip.
        task: Entry of ``TASKS``.
        classes: Class or label names, in the order of their numbers.
        channels: 1 (grey) or 3 (colour).
        size: Side of the images in pixels; ``None`` where they differ.
        images: Images in all.
        licence: As its authors state it.
        citation: What to cite.
        homepage: Where its authors describe it.
        md5: Published checksum; empty where there is a ``sha256``.
        sha256: Published checksum; empty where there is only an ``md5``.
        size_bytes: Size of the file, where known.
        patient_pattern: Regular expression whose first group is the patient in a file name.
    """

    url: str
    file: str
    reader: Literal["npz", "image_folder"]
    task: str
    classes: tuple[str, ...]
    channels: int
    size: int | None
    images: int
    licence: str
    citation: str
    homepage: str
    md5: str = ""
    sha256: str = ""
    size_bytes: int | None = None
    patient_pattern: str = ""

    @property
    def options(self) -> dict[str, str]:
        """What the source must be told: class names, and where a file name has the patient."""
        options = {"class_names": "; ".join(self.classes)} if self.reader == "npz" else {}
        return options | ({"patient_pattern": self.patient_pattern} if self.patient_pattern else {})


PUBLIC_SETS: Registry[PublicSet] = Registry("public_set")


def download_set(
    name: str, root: Path, progress: Progress | None = None, stop: Stop | None = None
) -> Path:
    """The file of a public set below ``root``, downloaded unless it is there and right.

    Raises:
        ConfigError: ``entry_unknown``.
        DownloadError: Those of :func:`~kd_core.data.download.fetch`.
        StoreError: ``disk_full``.
    """
    entry = PUBLIC_SETS[name]
    return fetch(
        entry.url,
        root / entry.file,
        sha256=entry.sha256,
        md5=entry.md5,
        size=entry.size_bytes,
        progress=progress,
        stop=stop,
    )


_MEDMNIST_CITATION = (
    "Yang J, Shi R, Wei D, et al. MedMNIST v2: a large-scale lightweight benchmark for 2D and 3D "
    "biomedical image classification. Scientific Data 2023;10:41. doi:10.1038/s41597-022-01721-8"
)


def _add_medmnist(row: MedMnistRow, size: int) -> None:
    name = row.name if size == 28 else f"{row.name}_{size}"
    PUBLIC_SETS.add(
        name,
        PublicSet(
            source="Yang et al. 2023",
            url=f"https://zenodo.org/records/10519652/files/{name}.npz?download=1",
            file=f"{name}.npz",
            reader="npz",
            task=row.task,
            classes=row.classes,
            channels=row.channels,
            size=size,
            images=row.images,
            licence=row.licence,
            citation=_MEDMNIST_CITATION,
            homepage="https://medmnist.com",
            md5=row.md5 if size == 28 else row.md5_64,
            size_bytes=row.size_bytes if size == 28 else None,
        ),
    )


for _row in MEDMNIST:
    for _size in (28, 64):
        _add_medmnist(_row, _size)

PUBLIC_SETS.add(
    "nih_malaria_cells",
    PublicSet(
        source="Rajaraman et al. 2018",
        url="https://data.lhncbc.nlm.nih.gov/public/Malaria/cell_images.zip",
        file="nih_malaria_cells.zip",
        reader="image_folder",
        task="classification",
        classes=("Parasitized", "Uninfected"),
        channels=3,
        size=None,
        images=27_558,
        licence="Released by the US National Library of Medicine; no licence is stated",
        citation=(
            "Rajaraman S, Antani SK, Poostchi M, et al. Pre-trained convolutional neural networks "
            "as feature extractors toward improved malaria parasite detection in thin blood smear "
            "images. PeerJ 2018;6:e4568. doi:10.7717/peerj.4568"
        ),
        homepage="https://lhncbc.nlm.nih.gov/LHC-research/LHC-projects/image-processing/"
        "malaria-datasheet.html",
        sha256="0a949556b2414159b5100192609805376654c4266d8d187be9b1922fad43c668",
        size_bytes=353_452_851,
        patient_pattern=r"^(C\d+)",
    ),
)
