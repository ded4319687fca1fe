"""The grid: which cells a configuration asks for, and the names of their directories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from xaigt.models.settings import Settings
from xaigt.schema import validate
from xaigt.studies.configuration import Study
from xaigt.studies.folder import identity

NO_PRETRAINING = ("scratch",)
PUBLISHED = ("imagenet", "medicalnet")
"""Arms of one public checkpoint: there is nothing to replicate."""


@dataclass(frozen=True)
class Cell:
    """One network to train, evaluate and explain.

    Attributes
    ----------
    name
        Hash of everything that decides its result: its directory.
    configuration
        That, as plain data.
    """

    name: str
    configuration: dict[str, Any]

    @property
    def settings(self) -> Settings:
        """Settings of its training."""
        return validate(Settings, self.configuration["training"], what="training of a cell")

    @property
    def title(self) -> str:
        """What a person calls it."""
        found = self.configuration["training"]
        parts = [self.configuration["variant"], found["arm"], f"depth {found['depth']}", found["network"]]
        return ", ".join([*parts, f"seed {found['seed']}", f"data seed {self.configuration['data_seed']}"])

    @property
    def pretraining(self) -> tuple[Any, ...]:
        """What names its pre-training run: cells that agree in it share one."""
        found = self.configuration["training"]
        return self.configuration["variant"], found["arm"], found["network"], found["pretrain_seed"]


def pretrain_seeds(study: Study, arm: str, seed: int) -> tuple[int, ...]:
    """Replicates of an arm's pre-training that a seed is crossed with."""
    if arm in NO_PRETRAINING or arm in PUBLISHED:
        return (0,)
    return (seed,) if study.grid.pretrain_seeds == "by-seed" else study.grid.pretrain_seeds


def cells(study: Study, datasets: Mapping[str, list[str]]) -> list[Cell]:
    """Every cell of a study: seeds outermost, so that an unfinished study has whole grids.

    Parameters
    ----------
    datasets
        Identity of each dataset, by variant and in the order of the data seeds.
    """
    result = []
    grid = study.grid
    order = product(grid.seeds, range(len(study.data.seeds)), study.variants, grid.networks, grid.depths, grid.arms)
    for seed, data, variant, network, depth, arm in order:
        for pretrain_seed in pretrain_seeds(study, arm, seed):
            training = Settings.model_validate(
                {
                    **study.training, "network": network, "arm": arm, "depth": depth, "seed": seed,
                    "pretrain_seed": pretrain_seed, "arm_options": grid.arm_options.get(arm, {}),
                }
            )  # fmt: skip
            known = datasets[variant]
            configuration = {
                "variant": variant,
                "data": known[data],
                "data_seed": study.data.seeds[data],
                "evaluation": known[0],
                "training": training.model_dump(mode="json"),
                "explanation": study.explanation.model_dump(mode="json", exclude={"batch_size"}),
            }
            result.append(Cell(identity(configuration), configuration))
    return result


def size(study: Study) -> int:
    """Number of cells, known before there are datasets."""
    return len(cells(study, {variant: [""] * len(study.data.seeds) for variant in study.variants}))
