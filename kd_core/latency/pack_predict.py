"""Predict with the model that lies beside this file.

    python predict.py cell.jpg more.png     the probabilities of each image
    python predict.py --json cell.jpg       the same as JSON
    python predict.py --check               do the golden images give the golden answers here?

Needs Python 3.8 or newer with numpy, Pillow and onnxruntime. Read from the top: an image file is
decoded, turned upright, given its window if it has more than 8 bits, made grey or colour,
stretched to a square by Pillow's antialiased bilinear filter and normalised. Another resize (of
OpenCV, torch or TensorFlow) gives other pixels and other answers; ``--check`` finds that out.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

HERE = Path(__file__).resolve().parent
FORMATS = ("PNG", "JPEG", "TIFF", "BMP")
DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")  # one channel, more than 8 bits
ONLY_ERRORS = 3  # onnxruntime's log severity
BITS_PER_SAMPLE = 258  # TIFF tag
PNG_BIT_DEPTH = 24  # offset in the file


def main() -> int:
    """Carry out the command line; 0 if all is well."""
    parser = argparse.ArgumentParser(description="Class probabilities of images.")
    parser.add_argument("images", nargs="*", type=Path, help="PNG, JPEG, TIFF or BMP files")
    parser.add_argument("--check", action="store_true", help="compare with the golden answers")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--threads", type=int, default=1, help="threads inside an operator")
    arguments = parser.parse_args()
    model = Model(HERE, arguments.threads)
    if arguments.check:
        return check(model)
    if not arguments.images:
        parser.error("give an image, or --check")
    answers = [{"file": str(path), **model.predict(path.read_bytes())} for path in arguments.images]
    if arguments.json:
        print(json.dumps(answers))
    else:
        for answer in answers:
            print(line(answer, model.pack["task"]))
    return 0


class Model:
    """The model of this folder and how it wants its images."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self.folder = folder
        self.pack: dict[str, Any] = json.loads((folder / "pack.json").read_text("utf-8"))
        content = (folder / "model.onnx").read_bytes()
        if hashlib.sha256(content).hexdigest() != self.pack["model_sha256"]:
            raise SystemExit("model.onnx is not the file that this pack was made with.")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = ONLY_ERRORS
        self.session = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )

    def predict(self, data: bytes) -> dict[str, Any]:
        """Probabilities by class, and what they say, of one image file."""
        logits = self.logits(self.prepare(data))  # (K,)
        raw = to_probabilities(logits, self.pack["task"])
        if not self.pack["calibration"]:
            return {"probabilities": self.named(raw), "answer": self.decide(raw)}
        fitted = to_probabilities(self.calibrated(logits), self.pack["task"])
        return {
            "probabilities": self.named(raw),
            "answer": self.decide(fitted),  # a threshold was chosen on calibrated probabilities
            "calibrated": self.named(fitted),
        }

    def calibrated(self, logits: np.ndarray) -> np.ndarray:
        """Logits (K,) at the fitted temperature, or on the fitted line (Platt)."""
        values = self.pack["calibration"]
        if values["method"] == "temperature":
            return np.asarray(logits / values["T"])
        shift = np.asarray(values["b"], float)
        if self.pack["task"] != "multilabel":  # of two classes; a shift of both would cancel
            shift = np.append(np.zeros(len(logits) - 1), shift)
        return np.asarray(logits * np.asarray(values["a"], float) + shift)

    def prepare(self, data: bytes) -> np.ndarray:
        """An image file as the network's pixels: uint8 (C, S, S)."""
        pixels = read_image(data, self.pack["window"])  # (H, W, 1 or 3)
        return resize(pixels, self.pack["size"], self.pack["channels"])

    def logits(self, pixels: np.ndarray) -> np.ndarray:
        """The network's answer (K,) to uint8 pixels (C, S, S)."""
        mean = np.asarray(self.pack["mean"], np.float32)[:, None, None]  # (C, 1, 1)
        std = np.asarray(self.pack["std"], np.float32)[:, None, None]
        images = ((pixels.astype(np.float32) / np.float32(255) - mean) / std)[None]  # (1, C, S, S)
        batch = self.session.get_inputs()[0].shape[0]
        if isinstance(batch, int):  # the file takes full batches only
            images = np.repeat(images, batch, axis=0)
        outputs = self.session.run([self.pack["output"]], {self.pack["input"]: images})
        return np.asarray(outputs[0][0])

    def named(self, values: np.ndarray) -> dict[str, float]:
        """Values by class."""
        return {name: float(value) for name, value in zip(self.pack["classes"], values)}  # noqa: B905

    def decide(self, probabilities: np.ndarray) -> list[str]:
        """The likeliest class, or all labels at or above their thresholds."""
        classes, threshold = self.pack["classes"], self.pack["threshold"]
        if self.pack["task"] == "multilabel":
            found = probabilities >= np.asarray(0.5 if threshold is None else threshold)
            return [name for name, there in zip(classes, found) if there]  # noqa: B905
        if threshold is not None and len(classes) == 2:
            return [classes[int(probabilities[1] >= np.ravel(threshold)[-1])]]
        return [classes[int(probabilities.argmax())]]


def to_probabilities(logits: np.ndarray, task: str) -> np.ndarray:
    """Softmax over the classes, or a sigmoid for each label."""
    if task == "multilabel":
        return np.asarray(1 / (1 + np.exp(-logits)))
    shifted = np.exp(logits - logits.max())
    return np.asarray(shifted / shifted.sum())


# ---------------------------------------------------------------- from a file to pixels


def read_image(data: bytes, window: dict[str, Any]) -> np.ndarray:
    """A decoded image, upright: uint8 (H, W, 1) for grey and (H, W, 3) for colour."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
        mode, deep = opened.mode, bits_of(opened, data) > 8
        if deep and mode not in DEEP_MODES:
            raise SystemExit("Colour with more than 8 bits a channel is not read; save it with 8.")
        image = ImageOps.exif_transpose(opened)
        if image.mode in DEEP_MODES:
            values = np.asarray(image)
            values = values.astype(values.dtype.newbyteorder("="))
            return apply_window(values, window)[..., None]
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            image = image.convert("RGBA")  # what is transparent becomes black
            black = Image.new("RGBA", image.size, (0, 0, 0, 255))
            image = Image.alpha_composite(black, image).convert("RGB")
            grey = mode in ("L", "LA", "1")
        else:
            grey = image.mode in ("1", "L")
        values = np.asarray(image.convert("L" if grey else "RGB"))
    return values.reshape(values.shape[0], values.shape[1], -1)


def bits_of(image: Any, data: bytes) -> int:
    """Bits of one sample in the file; Pillow's mode can have fewer."""
    if image.format == "PNG":
        return data[PNG_BIT_DEPTH]
    if image.format == "TIFF":
        return int(image.tag_v2.get(BITS_PER_SAMPLE, (1,))[0])
    return 8


def apply_window(values: np.ndarray, window: dict[str, Any]) -> np.ndarray:
    """More than 256 grey levels as 256 of them: 255 · (x − low) / (high − low), cut and rounded."""
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    low, high = window["low"], window["high"]
    if window["kind"] == "stored":
        raise SystemExit("This model reads the window of DICOM files; this image has none.")
    if window["kind"] == "percentile":
        low, high = np.percentile(finite, (low, high)) if finite.size else (0.0, 0.0)
    elif window["kind"] == "full":
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 0.0)
    if high <= low:
        return np.zeros(values.shape, np.uint8)
    scaled = (values.astype(np.float64) - float(low)) * (255 / (float(high) - float(low)))
    return np.nan_to_num(scaled, nan=0).clip(0, 255).round().astype(np.uint8)


def resize(pixels: np.ndarray, size: int, channels: int) -> np.ndarray:
    """Pixels (H, W, 1 or 3), stretched to a square: uint8 (C, S, S)."""
    if pixels.shape[2] != channels:
        if channels == 3:
            pixels = np.repeat(pixels, 3, axis=2)
        else:
            pixels = np.asarray(Image.fromarray(pixels).convert("L"))[..., None]
    if pixels.shape[:2] != (size, size):
        flat = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
        pixels = np.asarray(flat.resize((size, size), Image.Resampling.BILINEAR))
    return np.ascontiguousarray(pixels.reshape(size, size, channels).transpose(2, 0, 1))


# ---------------------------------------------------------------- the golden images


def check(model: Model) -> int:
    """Compare pixels and probabilities of every golden image; 0 if all agree."""
    golden = json.loads((model.folder / "golden" / "expected.json").read_text("utf-8"))
    wanted_pixels = np.load(model.folder / "golden" / "pixels.npz")
    faults = 0
    for name, wanted in golden["images"].items():
        pixels = model.prepare((model.folder / "golden" / name).read_bytes())
        levels = int(np.abs(pixels.astype(int) - wanted_pixels[name].astype(int)).max())
        got = to_probabilities(model.logits(pixels), model.pack["task"])
        difference = float(np.abs(got - np.asarray(wanted["probabilities"])).max())
        good = difference <= golden["tolerance"] and levels <= golden["levels"]
        faults += not good
        print(
            f"{name:20s} pixels differ by {levels} of 255, probabilities by {difference:.1e}"
            f"  {'ok' if good else 'WRONG'}"
        )
    total = len(golden["images"])
    print(f"{total - faults} of {total} golden images give the golden answers.")
    return 1 if faults else 0


def line(answer: dict[str, Any], task: str) -> str:
    """One answer for a person."""
    shown = answer["probabilities"]
    best = sorted(shown, key=lambda name: -shown[name])[:3]
    parts = ", ".join(f"{name} {shown[name]:.1%}" for name in best)
    if "calibrated" in answer:
        parts += f"; calibrated: {best[0]} {answer['calibrated'][best[0]]:.1%}"
    kind = "label(s)" if task == "multilabel" else "class"
    return f"{answer['file']}: {kind} {', '.join(answer['answer']) or '-'} ({parts})"


if __name__ == "__main__":
    sys.exit(main())
