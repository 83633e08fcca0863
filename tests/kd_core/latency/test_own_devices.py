import dataclasses
import subprocess
import sys

import pytest

from kd_core.errors import ConfigError
from kd_core.latency.devices import DeviceSpec, Power, RuntimeChoice, all_devices
from kd_core.latency.own_devices import (
    delete_device,
    device_name,
    own_devices,
    owner_of,
    save_device,
    this_machine,
    threads_here,
)
from kd_core.latency.own_evidence import evidence_path

ROCK = DeviceSpec(
    source="vendor's data sheet",
    kind="board",
    processor="4 × Cortex-A76",
    runtimes=(RuntimeChoice("onnxruntime", (4, 1), ("fp32", "int8")),),
    core="out_of_order_arm",
    cores=4,
    ghz=2.4,
    power=Power(3.0, 10.0, "a meter at the wall"),
    title="ROCK 5B",
)


def mine(owner):
    return owner == "ana"


def test_a_device_of_ones_own_is_a_device_like_the_others(home):
    save_device(home, "rock_5b", ROCK, "ana")
    assert all_devices(home)["rock_5b"] == own_devices(home)["rock_5b"] == ROCK
    assert owner_of(home, "rock_5b") == "ana"
    assert "rock_5b" not in all_devices()


def test_it_can_be_changed_and_deleted_by_whoever_made_it(home):
    save_device(home, "rock_5b", ROCK, "ana", mine)
    save_device(home, "rock_5b", dataclasses.replace(ROCK, cores=8), "ana", mine)
    assert own_devices(home)["rock_5b"].cores == 8
    evidence_path(home, "rock_5b").write_text("{}")
    delete_device(home, "rock_5b", mine)
    assert own_devices(home) == {}
    assert not evidence_path(home, "rock_5b").exists()
    assert owner_of(home, "rock_5b") == ""


def test_others_may_not(home):
    save_device(home, "rock_5b", ROCK, "bob", mine)
    for attempt in (
        lambda: save_device(home, "rock_5b", ROCK, "ana", mine),
        lambda: delete_device(home, "rock_5b", mine),
    ):
        with pytest.raises(ConfigError, match="device_owner"):
            attempt()
    assert owner_of(home, "rock_5b") == "bob"


@pytest.mark.parametrize(
    ("name", "values", "code"),
    [
        ("raspberry_pi_4", {}, "device_built_in"),
        ("../etc", {}, "device_name"),
        ("a", {}, "device_name"),
        ("rock", {"source": " "}, "device_source"),
        ("rock", {"power": Power(5.0, 2.0, "x")}, "device_power"),
        ("rock", {"power": Power(0.0, 2.0, "x")}, "device_power"),
        ("rock", {"cores": -1}, "device_file"),
        ("rock", {"runtimes": ()}, "device_file"),
    ],
)
def test_what_is_no_device_is_refused(home, name, values, code):
    with pytest.raises(ConfigError, match=code):
        save_device(home, name, dataclasses.replace(ROCK, **values))
    assert own_devices(home) == {}


@pytest.mark.parametrize("name", ["rock_5b", "../../etc", "raspberry_pi_4"])
def test_only_a_device_of_ones_own_can_be_deleted(home, name):
    with pytest.raises(ConfigError, match="own_device_unknown"):
        delete_device(home, name)


def test_a_file_that_cannot_be_read_hides_no_other(home):
    save_device(home, "rock_5b", ROCK)
    (home / "devices" / "broken.json").write_text("{")
    assert list(own_devices(home)) == ["rock_5b"]


def test_a_title_without_letters_gives_no_name():
    with pytest.raises(ConfigError, match="device_name"):
        device_name("★ 5")


def test_this_machine_says_what_it_is(home):
    machine = this_machine()
    save_device(home, "this_machine", machine)
    found = all_devices(home)["this_machine"]
    assert found.cores >= 1
    assert found.ram_bytes > 10**8
    assert found.runtimes[0].threads == threads_here()


def test_a_list_of_devices_loads_no_torch():
    code = "import sys, kd_core.latency.own_devices; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
