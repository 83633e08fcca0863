import json
import subprocess
import sys

import pytest

from kd_core.cli import main, program
from kd_core.cli.program import LOCALE, build_parser, language
from kd_core.cli.screen import Screen
from kd_core.text import load_catalogue

COMMANDS = (
    *("import", "doctor", "run", "list", "show", "predict", "export", "fetch"),
    *("collect", "backup", "rebuild", "gc", "delete", "device"),
)


def test_every_command_is_there_and_explained(capsys):
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    for name in COMMANDS:
        assert f"\n    {name} " in out
    assert "cli." not in out  # every help text is in the catalogue


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_json_and_plugin(name, capsys):
    assert main([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert "--json" in out
    assert "--plugin" in out
    assert "cli." not in out


@pytest.mark.parametrize(
    "arguments", [["dance"], ["import", "x"], [], ["list", "--limit", "many"], ["list", "--js"]]
)
def test_wrong_usage_is_exit_code_two(arguments, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "usage" in captured.err


def test_wrong_usage_is_json_too_where_that_is_wanted(capsys):
    assert main(["show", "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "usage"


def test_an_expected_problem_is_one_sentence_and_exit_code_one(capsys):
    assert main(["show", "r123456789abc"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.strip().count("\n") == 0
    assert "r123456789abc" in captured.err


def test_an_expected_problem_as_json(capsys):
    assert main(["show", "r123456789abc", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is False
    assert answer["error"]["code"] == "run_unknown"
    assert answer["error"]["fields"] == {"run": "r123456789abc"}
    assert answer["error"]["message"].endswith(".")


def test_what_libraries_print_is_not_the_answer(monkeypatch, capsys):
    def chatty(arguments, screen):
        print("a library speaks")
        return {"a": 1}

    monkeypatch.setattr(program.runs, "list_runs", chatty)
    assert main(["list", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"ok": True, "a": 1}
    assert "a library speaks" in captured.err


def test_ctrl_c_is_what_shells_expect(monkeypatch, capsys):
    def stopped(arguments, screen):
        raise KeyboardInterrupt

    monkeypatch.setattr(program.runs, "list_runs", stopped)
    assert main(["list", "--json"]) == 130
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "stopped"


def test_a_reader_who_leaves_is_no_traceback():
    command = f"{sys.executable} -m kd_core.cli list | true"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "fi_FI.UTF-8"}, "en"),
        ({"LC_ALL": "C"}, "en"),
        ({"LANG": "pt_BR.UTF-8"}, "pt_BR"),
        ({"LANG": "pt_PT"}, "pt_BR"),
        ({"LC_ALL": "en_GB", "LANG": "pt_BR"}, "en"),
    ],
)
def test_the_language_is_the_terminals(environment, expected, monkeypatch, tmp_path):
    for name in ("en", "pt_BR"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(program, "LOCALE", tmp_path)
    assert language(environment) == expected


def test_a_plugin_is_loaded_before_the_command(tmp_path, capsys):
    plugin = tmp_path / "mine.py"
    plugin.write_text("raise ValueError('from the plugin')\n")
    assert main(["list", "--plugin", str(plugin)]) == 1
    assert "from the plugin" in capsys.readouterr().err
    assert main(["list", "--plugin", str(tmp_path / "none.py")]) == 1


def test_a_plugin_adds_a_model(tmp_path, capsys):
    plugin = tmp_path / "own_model.py"
    plugin.write_text(
        "from kd_core.tasks import TASKS\nTASKS.add('own_task', TASKS['classification'])\n"
    )
    from kd_core.tasks import TASKS

    try:
        assert main(["list", "--plugin", str(plugin)]) == 0
        assert "own_task" in TASKS
    finally:
        TASKS._entries.pop("own_task", None)


def test_listing_does_not_wait_for_torch():
    code = (
        "import sys; from kd_core.cli import main; main(['list']); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_the_parser_speaks_the_catalogues_language():
    catalogue = load_catalogue(LOCALE)
    help_text = build_parser(Screen(catalogue, False, sys.stdout)).format_help()
    assert catalogue.texts["cli.gc.about"].split()[0] in help_text
