"""Every measure is registered and described to users."""

from pathlib import Path

import pytest

from analytics.metrics.registry import METRICS
from analytics.metrics.trends import _MEASURES

DOCUMENT = Path(__file__).parents[3] / "docs" / "metrics.md"


def test_every_measure_of_a_trend_is_registered() -> None:
    assert set(_MEASURES) <= set(METRICS)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_described(name: str) -> None:
    assert f"`{name}`" in DOCUMENT.read_text(encoding="utf-8")
