import numpy as np
import pytest

from kd_core.latency.fit_bands import WIDEST, Band, band_of, scaled_errors
from kd_core.latency.fit_check import Held

NETWORKS = ("resnet18@224", "mobilenet_v2@224", "vgg16@224", "squeezenet1_1@227", "alexnet@224")


def held(scale, seed=0, configurations=40):
    rng = np.random.default_rng(seed)
    return [
        Held(f"d{c}|ncnn|1|fp32", network, float(np.exp(rng.normal(0, scale))), 1.0)
        for c in range(configurations)
        for network in NETWORKS
    ]


def test_a_band_holds_eighty_of_a_hundred_and_grows_with_the_error():
    errors = held(0.2)
    band = band_of(errors, errors)
    fresh = held(0.2, seed=1)
    z = scaled_errors(fresh, band.scale)
    assert np.mean((z >= band.low) & (z <= band.high)) == pytest.approx(0.8, abs=0.06)
    assert band_of(held(0.4), held(0.4)).scale == pytest.approx(2 * band.scale, rel=0.15)


def test_far_networks_widen_it_up_to_a_limit():
    band = Band(-1.0, 1.0, 0.1, near=1.0, slope=0.5, ratio_near=0.1, ratio_far=0.2)
    assert band.widen(0.5) == 1.0
    assert band.widen(2.0) == 1.5
    assert band.widen(100.0) == WIDEST
