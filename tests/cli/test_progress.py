"""Rates and times left, by hand."""

import re

import pytest

from xaigt.cli.progress import Pace, progress_bar


def test_what_is_slow_is_counted_from_the_beginning():
    pace = Pace(0, 100.0)
    for done, now in ((1, 140.0), (2, 141.0), (3, 180.0), (4, 182.0)):  # two processes, 40 s a cell
        pace.told(done, now)
    assert pace.rate() == pytest.approx(4 / 82)
    assert pace.left(10, 182.0) == pytest.approx(6 * 82 / 4)
    assert pace.left(10, 192.0) == pytest.approx(6 * 82 / 4 - 10)
    assert pace.left(10, 1000.0) == 0


def test_what_is_fast_is_counted_lately():
    pace = Pace(0, 0.0)
    pace.told(10, 20.0)  # compiling came first
    for second in range(21, 121):
        pace.told(10 + 100 * (second - 20), float(second))
    assert pace.rate() == pytest.approx(100)
    assert pace.rate(whole=True) == pytest.approx(10010 / 120)
    assert pace.left(10010 + 500, 120.0) == pytest.approx(5)


def test_what_an_earlier_run_did_does_not_count():
    pace = Pace(50, 0.0)
    assert pace.rate() == 0
    assert pace.left(100, 5.0) is None
    pace.told(50, 0.0)
    assert pace.rate() == 0
    pace.told(60, 10.0)
    assert pace.rate() == 1
    assert pace.left(100, 10.0) == 40


def test_where_nothing_was_left_to_do_the_bar_says_so(capsys):
    with progress_bar("cells", "cells") as update:
        update(4, 4)
    assert "left 0:00:00" in capsys.readouterr().err


def test_a_bar_says_what_is_done_how_fast_and_what_is_left(capsys):
    with progress_bar("cells", "cells") as update:
        update(0, 4)
        update(4, 4)
    shown = capsys.readouterr().err
    assert re.search(r"cells .*4/4 [\d.]+ cells/(s|min) left 0:00:00", shown)
