"""The README says what is there: every registered name, every command, every page."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from kd_core.config import ModelSettings
from kd_core.evaluate.predictions import Predictions, write_predictions
from kd_core.jobs.plugins import load_plugin
from kd_core.models import MODELS, build_model
from tests.helpers_code import ROOT, sources
from tests.helpers_readme import README, registries, rewritten, table, tables_in

TEXT = README.read_text(encoding="utf-8")
HINT = "write the tables again with: python -m tests.helpers_readme"


def test_there_is_a_table_for_every_registry():
    assert set(tables_in(TEXT)) == set(registries())


@pytest.mark.parametrize("kind", sorted(tables_in(TEXT)))
def test_a_table_has_every_registered_name_and_no_other(kind):
    names = re.findall(r"^\| `(.+?)` \|", tables_in(TEXT)[kind], re.MULTILINE)
    assert names == list(registries()[kind].names()), HINT


def test_tables_say_what_the_entries_say():
    assert rewritten(TEXT) == TEXT, HINT


def test_a_missing_name_would_be_seen():
    kind, registry = next((k, r) for k, r in registries().items() if len(r) > 1)
    rows = table(registry).splitlines(keepends=True)
    cut = f"<!-- table: {kind} -->\n{''.join(rows[:-1])}<!-- end -->"
    assert rewritten(cut) != cut


def test_every_page_is_named():
    pages = {path.stem for path in (ROOT / "pages").glob("*.py")}
    named = set(re.findall(r"^\| \*\*(\w+)\*\* \|", TEXT, re.MULTILINE))
    assert {name.lower() for name in named} == pages


def test_every_file_that_is_named_exists():
    names = re.findall(r"`((?:kd_core|app|pages|tests|sample_data|benchmarks|\.ci)/[\w/.]*)`", TEXT)
    assert names
    missing = [name for name in names if not (ROOT / name).exists()]
    assert not missing


def test_every_make_target_is_named():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)[1].split():
        assert f"make {target}" in TEXT


def test_every_environment_variable_is_named():
    found = set()
    for tree in sources("kd_core", "app").values():
        texts = (str(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant))
        found |= {text for text in texts if re.fullmatch(r"KDLAB_[A-Z_]+", text)}
    found |= set(re.findall(r"KDLAB_[A-Z]+\b", (ROOT / ".ci" / "make.py").read_text()))
    table = set(re.findall(r"`(KDLAB_[A-Z_]+)`", TEXT))
    assert table == found


def python_blocks():
    return re.findall(r"```python\n(.+?)```", TEXT, re.DOTALL)


def test_the_example_of_a_plugin_works(tmp_path):
    (plugin,) = (block for block in python_blocks() if "MODELS.add" in block)
    (tmp_path / "my_net.py").write_text(plugin)
    try:
        load_plugin(tmp_path / "my_net.py")
        model = build_model(ModelSettings(name="my_net"), n_outputs=3, channels=1, size=32, seed=0)
        assert model(torch.zeros(2, 1, 32, 32))["logits"].shape == (2, 3)
    finally:
        MODELS._entries.pop("my_net", None)


def test_the_example_of_reading_predictions_works(tmp_path, monkeypatch):
    (block,) = (block for block in python_blocks() if "import read_predictions" in block)
    monkeypatch.chdir(tmp_path)
    Path("predictions").mkdir()
    made = Predictions(
        ids=("a", "b"),
        targets=np.array([0, 1]),
        logits=np.array([[2, 0], [0, 1]], np.float32),
        part="val",
        seed=0,
        patients=None,
        groups={},
        classes=("x", "y"),
        task="classification",
    )
    write_predictions(Path("predictions/model-val.parquet"), made)
    names: dict = {}
    exec(block, names)
    assert list(names["frame"]["image"]) == ["a", "b"]
