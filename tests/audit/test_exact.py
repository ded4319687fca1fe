"""Samples rendered again: what rounding may hide is no fault, what it cannot hide is."""

from types import SimpleNamespace

import numpy as np
import pytest

from xaigt.audit import Verdict
from xaigt.audit.exact import NAME, _far
from xaigt.audit.problems import Problems


@pytest.mark.parametrize(
    ("epsilon", "far", "verdict"),
    [
        (0.5, 0.6, Verdict.PASS),  # 10.2 and 10.8 differ by 1 as stored, 10.6 and 11.2 do not
        (0.5, 1.0, Verdict.FAIL),  # differs as stored, whatever the values
        (0.5, -1.2, Verdict.FAIL),
        (2.0, 2.9, Verdict.PASS),
        (2.0, 3.0, Verdict.FAIL),
    ],
)
def test_a_change_far_from_the_masks_fails_where_rounding_cannot_hide_it(epsilon, far, verdict):
    change = np.zeros((20, 20), np.float32)
    change[5:10, 5:10] = 40
    lesion = change > 0
    change[15, 15] = far
    sample = SimpleNamespace(lesion=lesion, altered=lesion.astype(np.uint8), number=3)
    problems = Problems()
    share, distance = _far(sample, change, epsilon, problems)
    assert problems.check(NAME, "good").verdict is verdict
    assert share == pytest.approx(abs(far) / (1000 + abs(far)), rel=1e-4)
    assert distance == pytest.approx(72**0.5)


def test_much_that_is_each_too_little_fails():
    change = np.zeros((20, 20), np.float32)
    change[5:10, 5:10] = 4
    lesion = change > 0
    change[15:, 15:] = 0.4  # a tenth of the change
    problems = Problems()
    _far(SimpleNamespace(lesion=lesion, altered=lesion.astype(np.uint8), number=0), change, 0.5, problems)
    assert "too much changes" in problems.check(NAME, "good").note
