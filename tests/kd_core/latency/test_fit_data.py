import numpy as np

from kd_core.latency.evidence import Row
from kd_core.latency.fit_data import grouped, guessed


def row(network, ms, device="raspberry_pi_4"):
    return Row(device, "ncnn", 4, "ncnn_default", "cpu", network, 1, ms, "s")


def test_rows_of_one_network_count_by_their_median_and_contradictions_not_at_all():
    names = ("resnet18@224", "mobilenet_v2@224", "squeezenet1_1@227", "vgg16@224")
    rows = [row(name, 10.0 + i) for i, name in enumerate(names)]
    rows += [row("resnet18@224", 12.0), row("resnet18@224", 30.0), row("vgg16@224", 100.0)]
    block = grouped(rows)["ncnn|ncnn_default|cpu"]
    found = dict(zip(block.networks, np.exp(block.log_ms[0]), strict=True))
    assert "vgg16@224" not in found
    assert round(found["resnet18@224"]) == 12


def test_a_device_is_guessed_from_the_title_of_its_table():
    slow = guessed("rock3a_rockchip_rk3568_cortex_a55_2_0ghz_x_4_ubuntu")
    assert (slow.core, slow.cores, slow.ghz) == ("in_order_arm", 4, 2.0)
    assert guessed("intel_i7_13700k").core == "x86"
