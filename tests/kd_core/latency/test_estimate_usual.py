import numpy as np
import pytest

from kd_core.latency.devices import DEVICES
from kd_core.latency.devices_spec import RuntimeChoice
from kd_core.latency.estimate_known import load_fit
from kd_core.latency.estimate_sheet import sheet_rates
from kd_core.latency.estimate_usual import special, usual

GROUPS = {"ncnn|int8|cpu": {"mean": [9.0, 9.0, 9.0, 0.0]}}


def fitted(device: str, faster: float) -> dict:
    choice = RuntimeChoice("ncnn", (4,), ("int8",))
    sheet = sheet_rates(DEVICES[device], choice, 4, "int8").theta
    theta = [sheet[0] + faster, *sheet[1:]]
    return {"group": "ncnn|int8|cpu", "theta": theta, "large_batch": False}


def test_it_is_the_mean_over_listed_devices() -> None:
    found = {
        "raspberry_pi_4|ncnn|4|int8": fitted("raspberry_pi_4", 0.2),
        "raspberry_pi_5|ncnn|4|int8": fitted("raspberry_pi_5", 0.4),
        "a_board_of_which_only_the_title_is_known|ncnn|4|int8": fitted("raspberry_pi_5", 7.0),
    }
    assert special("raspberry_pi_4|ncnn|4|int8", found["raspberry_pi_4|ncnn|4|int8"])[
        0
    ] == pytest.approx(0.2)
    assert usual(GROUPS, found, "ncnn|int8|cpu") == pytest.approx([0.3, 0, 0, 0], abs=1e-9)


def test_where_no_listed_device_was_fitted_it_is_the_mean_over_all() -> None:
    assert usual(GROUPS, {}, "ncnn|int8|cpu").tolist() == [9.0, 9.0, 9.0, 0.0]


def test_microcontrollers_are_near_their_data_sheets() -> None:
    fit = load_fit()
    found = usual(fit.groups, fit.configurations, "cmsis_nn|int8|mcu")
    assert np.abs(found[0]) < 0.5  # the rate; a wrong guess once made it a quarter
