"""Which method of compression works on which architecture.

``python -m benchmarks.compression_matrix --keep matrix.json --write``

Every registered method is applied to every registered architecture: random weights, images of
32 px, a few training images, one optimiser step where a method wants fine-tuning. A network that
comes out must answer, and must be the same bit for bit after it was saved and read again; a file
must answer in onnxruntime. A cell is *works*, *refused* (the method says beforehand why it cannot
be applied), *error* (one of KD Lab's own, with its code) or *crash*, which must not happen: the
command then ends with status 1.
"""

from __future__ import annotations

import argparse
import copy
import json
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kd_core.compress import COMPRESSORS, CompressorSpec, Made, Subject, Workshop
from kd_core.config import ModelSettings
from kd_core.data.loaded import LoadedData, Part
from kd_core.errors import KDLabError
from kd_core.export import FileContract, OnnxModel, export_onnx
from kd_core.export.onnx_model import SESSION_ERRORS
from kd_core.models import MODELS, TaskModel, build_model, load_checkpoint, save_checkpoint
from kd_core.tasks import TASKS, Weighting
from kd_core.text import Msg, load_catalogue

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
BLOCK = re.compile(r"(<!-- matrix -->\n).*?(<!-- matrix end -->)", re.DOTALL)
SIZE_PX = 32
CLASSES = ("one", "two", "three")
QUICK = {"images": 8}
"""Parameters that are set where a method has them, so that a cell takes seconds."""

CRASHES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    *SESSION_ERRORS,
)
MARKS = {"works": "✓", "missing": "·", "error": "E", "crash": "**crash**"}


@dataclass(frozen=True)
class Cell:
    """What one method does on one architecture.

    Attributes:
        status: ``works``, ``refused``, ``error`` or ``crash``.
        reason: Text id of the refusal, code of the error, or the exception.
        seconds: Wall time.
    """

    status: str
    reason: str = ""
    seconds: float = 0.0


# --- one cell -----------------------------------------------------------------------------------


def tiny_set(size: int = SIZE_PX, n: int = 24) -> LoadedData:
    """Random images in three classes."""
    rng = np.random.default_rng(0)
    parts = {
        name: Part(
            images=rng.integers(0, 256, (n, 3, size, size), dtype=np.uint8),
            targets=np.arange(n) % len(CLASSES),
            ids=tuple(f"{name}-{i}" for i in range(n)),
            patients=None,
            groups={},
        )
        for name in ("train", "val", "test")
    }
    return LoadedData(
        name="matrix",
        hash="0" * 64,
        task="classification",
        classes=CLASSES,
        size=size,
        mean=(0.5, 0.5, 0.5),
        std=(0.3, 0.3, 0.3),
        parts=parts,
        synthetic=True,
    )


class Bench:
    """One architecture with a workshop; its file is exported when a method first wants it.

    Args:
        name: Entry of ``MODELS``, or ``timm:<name>``.
        folder: For files.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder, self.data = name, folder, tiny_set()
        self.network = build_model(ModelSettings(name=name), len(CLASSES), 3, SIZE_PX, 0).eval()
        self._file = folder / "model.onnx"

    def subject(self, spec: CompressorSpec) -> Subject:
        """The model as a method finds it."""
        if spec.works_on == "file" and not self._file.is_file():
            images = self.shop().images("val", 4)
            export_onnx(self.network, self._file, self._contract(), images)
        return Subject(self._file, self.network)

    def shop(self, tune: bool = False) -> Workshop:
        """A workshop of its own folder; fine-tuning is one optimiser step."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        data = self.data
        return Workshop(
            data=data,
            mean=data.mean,
            std=data.std,
            folder=folder,
            tune=self._step if tune else None,
        )

    def cell(self, method: str) -> Cell:
        """Apply one method."""
        began = time.perf_counter()
        try:
            status, reason = self._apply(COMPRESSORS[method])
        except KDLabError as error:
            status, reason = "error", error.code
        except CRASHES as error:
            status, reason = "crash", f"{type(error).__name__}: {str(error)[:200]}"
        return Cell(status, reason, round(time.perf_counter() - began, 1))

    def _apply(self, spec: CompressorSpec) -> tuple[str, str]:
        known = spec.defaults()
        params = spec.check({name: value for name, value in QUICK.items() if name in known})
        subject = self.subject(spec)
        why = spec.refuses(subject, params)
        if why is not None:
            return "refused", why.id
        made = spec.apply(subject, self.shop(tune=spec.tunes == "must"), params)
        self._check(made)
        json.dumps(dict(made.facts), allow_nan=False)
        return "works", ""

    def _check(self, made: Made) -> None:
        """A network or a file that answers, and a network that can be read back.

        Raises:
            ValueError: It does not.
        """
        images = self.shop().images("val", 2)
        if made.file is not None:
            logits = OnnxModel(made.file).predict(images)["logits"]
            if logits.shape != (2, len(CLASSES)) or not np.isfinite(logits).all():
                raise ValueError("the file gives no answers")
            return
        assert made.network is not None
        path = self.folder / "made.pt"
        save_checkpoint(path, made.network)
        with torch.no_grad():
            first, again = (
                model.eval()(torch.from_numpy(images))["logits"]
                for model in (made.network, load_checkpoint(path))
            )
        if not torch.equal(first, again) or not bool(first.isfinite().all()):
            raise ValueError("the saved network gives other answers")

    def _step(self, network: TaskModel, share: float) -> TaskModel:
        tuned = copy.deepcopy(network).train()
        task = TASKS[self.data.task]
        images = torch.from_numpy(self.shop().images("train", 4))
        targets = task.collate(self.data.parts["train"].targets[:4])
        optimiser = torch.optim.SGD(tuned.parameters(), lr=1e-4)
        task.loss(tuned(images), targets, Weighting()).backward()
        optimiser.step()
        return tuned.eval()

    def _contract(self) -> FileContract:
        data = self.data
        return FileContract(
            classes=CLASSES, mean=data.mean, std=data.std, size=data.size, channels=data.channels
        )


# --- the table ----------------------------------------------------------------------------------

Matrix = dict[str, dict[str, Cell]]


def table(matrix: Mapping[str, Mapping[str, Cell]]) -> str:
    """A Markdown table, and what its letters mean."""
    texts = load_catalogue(ROOT / "app" / "locale")
    reasons = sorted({(c.status, c.reason) for row in matrix.values() for c in row.values()})
    letters = {
        pair: chr(ord("a") + number)
        for number, pair in enumerate(pair for pair in reasons if pair[0] == "refused")
    }
    methods = list(COMPRESSORS)
    rows = [
        "| | " + " | ".join(f"`{method}`" for method in methods) + " |",
        "|---" * (len(methods) + 1) + "|",
    ]
    for name in MODELS:
        cells = [matrix.get(name, {}).get(method, Cell("missing")) for method in methods]
        marks = (letters.get((c.status, c.reason)) or MARKS[c.status] for c in cells)
        rows.append(f"| `{name}` | " + " | ".join(marks) + " |")
    notes = [
        f"- {letter}: {_plain(texts.render(Msg(reason, _names(texts.texts[reason]))))}"
        for (_, reason), letter in letters.items()
    ]
    legend = "✓ works." + (" · not computed yet." if any("·" in row for row in rows) else "")
    return "\n".join([*rows, "", legend, "", *notes]).rstrip() + "\n"


def _names(text: Any) -> dict[str, Any]:
    """The architecture stands for itself; numbers of a refusal are not needed in a table."""
    found = re.findall(r"{(\w+)(?::(\w+))?}", text if isinstance(text, str) else text["other"])
    return {name: "the network" if not kind else 4 for name, kind in found}


def _plain(text: str) -> str:
    return text[:1].upper() + text[1:]


def counts(matrix: Mapping[str, Mapping[str, Cell]]) -> dict[str, int]:
    """Number of cells by status."""
    found: dict[str, int] = {}
    for row in matrix.values():
        for cell in row.values():
            found[cell.status] = found.get(cell.status, 0) + 1
    return found


def read(path: Path) -> Matrix:
    """Cells that an earlier call kept."""
    if not path.is_file():
        return {}
    stored = json.loads(path.read_text(encoding="utf-8"))
    return {name: {m: Cell(**c) for m, c in row.items()} for name, row in stored.items()}


def fill(matrix: Matrix, models: Iterable[str], methods: Iterable[str], keep: Path | None) -> None:
    """Compute the cells that are missing, and keep each as soon as it is there."""
    methods = list(methods)
    for name in models:
        row = matrix.setdefault(name, {})
        missing = [method for method in methods if method not in row]
        if not missing:
            continue
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(name, Path(folder))
            for method in missing:
                row[method] = bench.cell(method)
                print(name, method, *asdict(row[method]).values(), file=sys.stderr, flush=True)
                if keep is not None:
                    stored = {n: {m: asdict(c) for m, c in r.items()} for n, r in matrix.items()}
                    keep.write_text(json.dumps(stored, indent=1), encoding="utf-8")


def main() -> None:
    """Fill the matrix, print it, and end with status 1 where something crashed."""
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks.compression_matrix")
    parser.add_argument("--models", nargs="*", default=list(MODELS))
    parser.add_argument("--methods", nargs="*", default=list(COMPRESSORS))
    parser.add_argument("--keep", type=Path, help="JSON file that cells are kept in")
    parser.add_argument("--write", action="store_true", help="put the table into the README")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    matrix = read(options.keep) if options.keep else {}
    fill(matrix, options.models, options.methods, options.keep)
    print(table(matrix))
    if options.write:
        text = README.read_text(encoding="utf-8")
        new = BLOCK.sub(lambda match: match[1] + table(matrix) + match[2], text)
        README.write_text(new, encoding="utf-8")
    print(counts(matrix))
    sys.exit("crash" in counts(matrix))


if __name__ == "__main__":
    main()
