"""Latency: measured on this machine, recorded with everything that it depends on."""

from kd_core.latency.measure import measure
from kd_core.latency.records import PRECISIONS, PROTOCOL, RUNTIMES, Measurement

__all__ = ["PRECISIONS", "PROTOCOL", "RUNTIMES", "Measurement", "measure"]
