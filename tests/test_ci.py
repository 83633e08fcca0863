"""``.ci/run`` on machines that have nothing, or everything, with stand-ins for their commands."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "run"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a Debian script")


def stand_in(path, log, then=""):
    """A command that notes how it was called."""
    name = path.name
    path.write_text(f'#!/bin/sh\necho "{name} $* $KDLAB_REQUIRE_BROWSER" >>{log}\n{then}\n')
    path.chmod(0o755)


@pytest.fixture
def calls(tmp_path):
    """Runs the script where only the named commands are; gives what it called."""
    tools, log = tmp_path / "bin", tmp_path / "log"
    tools.mkdir()
    for name in ("dirname", "id"):
        (tools / name).symlink_to(shutil.which(name))

    def run(*present):
        for name in present:
            stand_in(tools / name, log)
        packed = tmp_path / "make"
        stand_in(packed, log)
        stand_in(tools / "apt-get", log, then=f"{shutil.which('cp')} {packed} {tools}/make")
        stand_in(tools / "sudo", log, then='"$@"')
        subprocess.run(
            ["/bin/sh", str(SCRIPT)],
            env={"PATH": str(tools)},
            stdin=subprocess.DEVNULL,
            check=True,
        )
        return [line.strip() for line in log.read_text().splitlines()]

    return run


def test_a_fresh_debian_gets_what_it_lacks(calls):
    called = [line for line in calls() if not line.startswith("sudo")]
    update, install, test = called
    assert update == "apt-get update -qq"
    assert install.endswith("make chromium python3 python3-venv")
    assert " -y " in install
    assert test == "make test 1"  # with KDLAB_REQUIRE_BROWSER=1


def test_nothing_is_installed_where_all_is_there(calls):
    called = calls("make", "chromium", "python3")
    assert [line.split()[0] for line in called] == ["python3", "make"]
    assert called[-1] == "make test 1"
