import sys

import pytest

from kd_core.errors import ConfigError
from kd_core.jobs.plugins import load_plugin


def test_a_plugin_runs_once(tmp_path):
    path = tmp_path / "my_plugin_a.py"
    counter = tmp_path / "runs"
    path.write_text(f"with open(r'{counter}', 'a') as file: file.write('x')\n")
    load_plugin(path)
    load_plugin(str(path))
    assert counter.read_text() == "x"


@pytest.mark.parametrize("code", ["def broken(", "import no_such_module", "1 + 'a'"])
def test_what_a_plugin_raises_is_told(tmp_path, code):
    path = tmp_path / "my_plugin_b.py"
    path.write_text(code)
    with pytest.raises(ConfigError, match="plugin_failed"):
        load_plugin(path)
    assert "kdlab_plugin_my_plugin_b" not in sys.modules


def test_a_missing_plugin_is_told(tmp_path):
    with pytest.raises(ConfigError, match="plugin_missing"):
        load_plugin(tmp_path / "none.py")
