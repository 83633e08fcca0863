import ast
import json
from pathlib import Path

import pytest

from kd_core.data import doctor
from kd_core.data.doctor import CHECKS, Finding
from kd_core.text import load_catalogue

TEXTS = load_catalogue(Path(__file__).parents[4] / "app" / "locale")
CODES = sorted(
    {
        node.value
        for path in Path(doctor.__file__).parent.glob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", "") in ("Finding", "_share_finding")
        for node in call.args[:1]
        if isinstance(node, ast.Constant)
    }
)


def test_a_finding_survives_json():
    finding = Finding("shortcut", "alarm", {"auc": 0.99, "names": ["a"]})
    assert Finding.from_json(json.loads(json.dumps(finding.to_json()))) == finding


def test_there_are_codes_to_check():
    assert len(CODES) > 25
    assert {"shortcut", "grey_collapsed", "duplicates_ok"} <= set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_every_code_says_what_and_what_follows(code):
    finding = Finding(code, "note")
    assert finding.msg.id in TEXTS
    assert finding.consequence.id in TEXTS


def test_no_text_is_left_over():
    known = {f"finding.{code}{end}" for code in CODES for end in ("", ".consequence")}
    assert {key for key in TEXTS.texts if key.startswith("finding.")} == known


@pytest.mark.parametrize("name", CHECKS)
def test_every_check_has_its_texts(name):
    for part in ("title", "about"):
        assert CHECKS.text_id(name, part) in TEXTS
