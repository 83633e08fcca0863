import io
import json
import math

import numpy as np
import pytest

from kd_core.cli.screen import Screen, plain
from kd_core.text import Catalogue, Msg

TEXTS = {"hello": "Hello {name}.", "a": "first", "b": "second"}


def screen(as_json=False):
    return Screen(Catalogue("en", TEXTS), as_json, io.StringIO())


def test_answers_go_to_standard_output_and_notes_do_not(capsys):
    shown = screen()
    shown.line("hello", name="Ana")
    shown.line(Msg("hello", {"name": "Rui"}))
    shown.note("hello", name="nobody")
    assert shown._out.getvalue() == "Hello Ana.\nHello Rui.\n"
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "Hello nobody.\n")


def test_a_table_is_aligned():
    shown = screen()
    shown.table(["a", "b"], [("x", 1), ("longer", 22)])
    assert shown._out.getvalue() == "first   second\nx       1\nlonger  22\n"


def test_json_is_one_object_and_nothing_else(capsys):
    shown = screen(as_json=True)
    shown.line("hello", name="Ana")
    shown.table(["a"], [("x",)])
    shown.write("text")
    with shown.bar("title", total=2) as bar:
        bar.update(2)
    shown.finish({"value": math.nan, "n": np.int64(3)})
    assert json.loads(shown._out.getvalue()) == {"value": None, "n": 3}
    assert capsys.readouterr().out == ""


def test_for_a_person_there_is_no_json():
    shown = screen()
    shown.finish({"a": 1})
    assert shown._out.getvalue() == ""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.array([1, 2]).tolist(), [1, 2]),
        ((1, "a", None, True), [1, "a", None, True]),
        (math.inf, None),
        ({1: {2: (math.nan,)}}, {"1": {"2": [None]}}),
        (io.BytesIO, str(io.BytesIO)),
    ],
)
def test_plain_values(value, expected):
    assert plain(value) == expected
