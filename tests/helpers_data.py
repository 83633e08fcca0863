"""Tiny data for tests: a loaded set in memory, and the same kind of images as files.

data = tiny_data()                       three classes, colour, 16 px, learnable
data = tiny_data("multilabel")           three labels, each present or not, some unknown
images, labels = tiny_images(40)         uint8 (N, S, S, C) and int64 (N,)
write_folder(tmp_path, images, labels)   <root>/<class>/<i>.png
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from kd_core.data.loaded import LoadedData, Part


def tiny_images(
    n: int, classes: int = 3, size: int = 16, channels: int = 3, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Noise with a bright bar whose row gives the class: learnable in a few steps, not trivial.

    Returns:
        uint8 (N, S, S, C) and int64 (N,); labels go round, so every class is there.
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    images = rng.integers(0, 128, (n, size, size, channels))
    band = size // classes
    for image, label in zip(images, labels, strict=True):
        image[label * band : (label + 1) * band] += rng.integers(32, 96)
    return images.clip(0, 255).astype(np.uint8), labels.astype(np.int64)


def tiny_targets(labels: np.ndarray, classes: int, task: str, seed: int = 0) -> np.ndarray:
    """Targets of the task: the labels, or float32 (N, L) with a second label and a few NaN."""
    if task == "classification":
        return labels
    rng = np.random.default_rng(seed)
    targets = np.eye(classes, dtype=np.float32)[labels]
    targets[rng.random(targets.shape) < 0.1] = np.nan
    return targets


def tiny_data(
    task: str = "classification",
    *,
    n: int = 48,
    classes: int = 3,
    size: int = 16,
    channels: int = 3,
    seed: int = 0,
    patients: bool = True,
) -> LoadedData:
    """A loaded data set: ``n`` train images, half as many val and test images.

    Patients have two images each and stay in one part; the group column is ``site``.
    """
    parts = {}
    for number, (name, count) in enumerate((("train", n), ("val", n // 2), ("test", n // 2))):
        images, labels = tiny_images(count, classes, size, channels, seed * 10 + number)
        parts[name] = Part(
            images=np.ascontiguousarray(images.transpose(0, 3, 1, 2)),  # (N, C, S, S)
            targets=tiny_targets(labels, classes, task, seed),
            ids=tuple(f"{name}-{i:03d}.png" for i in range(count)),
            patients=np.array([f"{name}-p{i // 2}" for i in range(count)]) if patients else None,
            groups={"site": np.array(["north", "south"])[np.arange(count) // 2 % 2]},
        )
    pixels = parts["train"].images / 255.0
    return LoadedData(
        name=f"tiny-{task}",
        hash=f"{seed:064x}",
        task=task,
        classes=tuple(f"class{i}" for i in range(classes)),
        size=size,
        mean=tuple(pixels.mean((0, 2, 3)).tolist()),
        std=tuple(pixels.std((0, 2, 3)).tolist()),
        parts=parts,
        synthetic=True,
    )


def write_folder(root: Path, images: np.ndarray, labels: np.ndarray, suffix: str = "png") -> Path:
    """Write ``<root>/class<k>/<i>.<suffix>``; grey images are written with one channel."""
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        path = root / f"class{label}" / f"{i:04d}.{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(path)
    return root


def write_npz(path: Path, labels: dict[str, np.ndarray], channels: int = 3, size: int = 16) -> Path:
    """Write a MedMNIST file with the given labels by part; grey images have no channel axis."""
    arrays = {}
    for seed, (part, values) in enumerate(labels.items()):
        images, _ = tiny_images(len(values), size=size, channels=channels, seed=seed)
        arrays[f"{part}_images"] = images[..., 0] if channels == 1 else images
        arrays[f"{part}_labels"] = values
    np.savez(path, **arrays)
    return path


def write_dicom(path: Path, pixels: np.ndarray, **tags: object) -> Path:
    """Write a DICOM file, monochrome for (H, W) and RGB for (H, W, 3); tags overwrite the usual."""
    import pydicom
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[path.name])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    file.SOPClassUID = meta.MediaStorageSOPClassUID
    file.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    file.Rows, file.Columns = pixels.shape[:2]
    file.SamplesPerPixel = 1 if pixels.ndim == 2 else 3
    file.PhotometricInterpretation = "MONOCHROME2" if pixels.ndim == 2 else "RGB"
    if pixels.ndim == 3:
        file.PlanarConfiguration = 0
    file.BitsAllocated = file.BitsStored = pixels.dtype.itemsize * 8
    file.HighBit = file.BitsStored - 1
    file.PixelRepresentation = int(pixels.dtype.kind == "i")
    file.PixelData = pixels.tobytes()
    for name, value in tags.items():
        if value is None:
            delattr(file, name)
        else:
            setattr(file, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save_as(path, enforce_file_format=True)
    return path
