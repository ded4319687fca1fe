"""Which cells a grid has, and what a person who waits for them is shown."""

import re
import time
from collections import Counter

import pytest

from xaigt.cli.progress import progress_bar
from xaigt.studies.configuration import Study
from xaigt.studies.grid import cells, size

from .conftest import PLAN


def study(seeds, data_seeds=(0,), arms=("scratch", "fractal")):
    grid = PLAN["grid"] | {"arms": list(arms), "depths": [1], "seeds": [0, 1], "pretrain_seeds": seeds}
    return Study.model_validate(PLAN | {"grid": grid, "data": {"seeds": list(data_seeds)}})


@pytest.mark.parametrize(
    ("pretrain_seeds", "fractal", "runs"),
    # By hand, of two seeds: each with its own pre-training; each with the same one; each with three.
    [("by-seed", 2, {0, 1}), ([5], 2, {5}), ([5, 6, 7], 6, {5, 6, 7})],
)
def test_pretraining_is_replicated_by_seed_or_crossed_with_the_seeds(pretrain_seeds, fractal, runs):
    found = cells(study(pretrain_seeds), {"main": ["data"]})
    assert Counter(cell.settings.arm for cell in found) == {"scratch": 2, "fractal": fractal}
    assert {cell.settings.pretrain_seed for cell in found if cell.settings.arm == "fractal"} == runs
    # There is nothing to replicate where nothing was pre-trained.
    assert {cell.settings.pretrain_seed for cell in found if cell.settings.arm == "scratch"} == {0}
    assert len({cell.name for cell in found}) == len(found) == size(study(pretrain_seeds))


def test_data_seeds_multiply_the_grid_and_are_evaluated_on_the_first():
    found = cells(study("by-seed", (3, 4)), {"main": ["of-3", "of-4"]})
    assert len(found) == 8
    assert {(cell.configuration["data_seed"], cell.configuration["data"]) for cell in found} == {
        (3, "of-3"), (4, "of-4"),
    }  # fmt: skip
    assert {cell.configuration["evaluation"] for cell in found} == {"of-3"}


def test_waiting_shows_what_is_done_how_fast_and_what_is_left(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    with progress_bar("cells", "cells") as update:
        for done in (2, 3, 4):  # a rate needs two that were done meanwhile
            update(done, 18)
            time.sleep(0.02)
    said = capsys.readouterr().err
    assert "4/18" in said and "left 0:00:0" in said
    assert re.search(r"\d cells/s", said)
