"""Every method on every architecture: works, or refused with a reason, and never anything else.

The default run has a subset in which every architecture and every method occurs; ``KDLAB_FULL=1``
runs all of it.
"""

import dataclasses
import os
import re

import pytest

from benchmarks.compression_matrix import BLOCK, MARKS, Bench, Cell, counts, read, table
from kd_core.compress import COMPRESSORS
from kd_core.models import MODELS
from kd_core.text import load_catalogue
from tests.helpers_code import ROOT

TEXTS = load_catalogue(ROOT / "app" / "locale").texts
ON_NETWORKS = [name for name, spec in COMPRESSORS.items() if spec.works_on == "network"]
ON_FILES = [name for name, spec in COMPRESSORS.items() if spec.works_on == "file"]
QUICK = ("tiny_cnn", "resnet_narrow", "mobilenet_v3_small", "shufflenet_v2_x0_5", "squeezenet1_1")
FULL = bool(os.environ.get("KDLAB_FULL"))


def subset() -> list[tuple[str, str]]:
    """Pairs of architecture and method."""
    if FULL:
        return [(name, method) for name in MODELS for method in COMPRESSORS]
    turns = [(QUICK[i % len(QUICK)], method) for i, method in enumerate(ON_NETWORKS)]
    files = [("tiny_cnn", method) for method in ON_FILES]
    models, methods = list(MODELS), list(COMPRESSORS)
    return sorted({*turns, *files}, key=lambda p: (models.index(p[0]), methods.index(p[1])))


@pytest.fixture(scope="module")
def benches(tmp_path_factory):
    made: dict[str, Bench] = {}

    def bench(name: str) -> Bench:
        if name not in made:
            made.clear()  # one network at a time
            made[name] = Bench(name, tmp_path_factory.mktemp(name))
        return made[name]

    return bench


@pytest.mark.xdist_group("matrix")
@pytest.mark.parametrize(("name", "method"), subset())
@pytest.mark.filterwarnings("ignore")
def test_it_works_or_says_why_not(name, method, benches):
    cell = benches(name).cell(method)
    assert cell.status in ("works", "refused"), cell.reason
    assert cell.status == "works" or cell.reason in TEXTS


def test_a_crash_would_be_seen(tmp_path, monkeypatch):
    def fails(subject, shop, params):
        raise ZeroDivisionError("integer division or modulo by zero")

    bench = Bench("tiny_cnn", tmp_path)
    spec = COMPRESSORS["sparse_2_4"]
    monkeypatch.setitem(COMPRESSORS._entries, "sparse_2_4", dataclasses.replace(spec, apply=fails))
    cell = bench.cell("sparse_2_4")
    assert cell.status == "crash"
    assert "ZeroDivisionError" in cell.reason


def test_the_table_has_a_letter_for_each_reason():
    row = {method: Cell("works") for method in COMPRESSORS}
    matrix = {name: dict(row) for name in MODELS}
    matrix["vit_b_16"]["prune_bn"] = Cell("refused", "refuses.prune_no_norms")
    text = table(matrix)
    assert re.search(r"`vit_b_16` \|.* a \|", text)
    assert "- a: The network has no batch norm" in text
    assert counts(matrix) == {"works": len(MODELS) * len(COMPRESSORS) - 1, "refused": 1}


def test_the_readme_has_a_row_for_each_architecture_and_a_column_for_each_method():
    block = BLOCK.search((ROOT / "README.md").read_text(encoding="utf-8"))[0]
    header, _, *rows = [line for line in block.splitlines() if line.startswith("|")]
    assert re.findall(r"`(\w+)`", header) == list(COMPRESSORS)
    assert [re.match(r"\| `(\w+)`", row)[1] for row in rows] == list(MODELS)
    letters = set(re.findall(r"^- (\w):", block, re.MULTILINE))
    for row in rows:
        marks = [mark.strip() for mark in row.split("|")[2:-1]]
        assert len(marks) == len(COMPRESSORS)
        assert set(marks) <= {MARKS["works"], MARKS["missing"], *letters}


def test_what_is_kept_is_read_again(tmp_path):
    assert read(tmp_path / "none.json") == {}
    (tmp_path / "m.json").write_text(
        '{"a": {"b": {"status": "works", "reason": "", "seconds": 1}}}'
    )
    assert read(tmp_path / "m.json") == {"a": {"b": Cell("works", "", 1)}}
