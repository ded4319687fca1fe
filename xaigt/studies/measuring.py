"""What is measured of a trained network: how it classifies, where its explanations point, which lesions it used."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from xaigt.models.runs import Run
from xaigt.statistics.accuracy import split_samples
from xaigt.studies.configuration import Explanation
from xaigt.studies.errors import StudyError

if TYPE_CHECKING:
    import pandas
    from torch import Tensor

    from xaigt.dataset.reading import Dataset
    from xaigt.models.network import Network

Maps = Mapping[tuple[str, str], "Tensor"]
"""Raw maps ``[B, *grid]`` by method and stage."""

SPLIT = "test"
SCORED, ACCURACY = "score", "accuracy"  # what split_samples calls the halves


@dataclass
class Measured:
    """Tables of one network.

    Attributes
    ----------
    scores
        A row a sample, method, stage and metric.
    effects
        A row a sample and lesion: what the answer loses when it is replaced.
    used
        A row a sample, method, stage and metric: the score against planted and against used lesions.
    seconds
        What explaining, scoring and replacing took.
    """

    scores: pandas.DataFrame
    effects: pandas.DataFrame
    used: pandas.DataFrame
    seconds: dict[str, float] = field(default_factory=dict)


def evaluation(run: Run, dataset: Dataset, device: str = "cpu") -> pandas.DataFrame:
    """Predictions for the test split: sample, label, use (score or accuracy), score, predicted, correct, confidence.

    The half that a sample belongs to hangs on its number alone, so it is the same for every network. `score` is the
    probability of class 1.
    """
    import pandas

    from xaigt.models.runs import dataset_identity

    part = dataset.split(SPLIT)
    if dataset_identity(dataset) == run.description["dataset"]["id"]:
        found = run.predictions()
        found = found[found["split"] == SPLIT].reset_index(drop=True)
        logits = found[[name for name in found if str(name).startswith("logit_")]].to_numpy(np.float64)
        numbers, labels = found["sample"].to_numpy(), found["label"].to_numpy()
    else:
        numbers, labels = part.samples["sample"].to_numpy(), part.samples["label"].to_numpy()
        logits = _logits(run, dataset, numbers, device)
    if set(np.unique(labels)) != {0, 1}:
        raise StudyError(f"{dataset.path}: a study needs the classes 0 and 1 in its test split, found {set(labels)}.")
    margin = logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]
    chance = 1 / (1 + np.exp(-np.clip(margin, -500, 500)))
    predicted = (chance >= 0.5).astype(np.int64)
    return pandas.DataFrame(
        {
            "sample": numbers, "label": labels, "use": split_samples(numbers).loc[numbers].to_numpy(),
            "score": chance, "predicted": predicted, "correct": predicted == labels,
            "confidence": np.maximum(chance, 1 - chance),
        }
    )  # fmt: skip


def _logits(run: Run, dataset: Dataset, numbers: Any, device: str, batch: int = 64) -> Any:
    import torch

    network = run.network().to(device)
    parts = []
    with torch.inference_mode():
        for start in range(0, len(numbers), batch):
            stored = np.stack([dataset.read(run.settings.images, int(n)) for n in numbers[start : start + batch]])
            parts.append(network(run.scaling(torch.from_numpy(stored))[:, None].to(device)).float().cpu().numpy())
    return np.concatenate(parts).astype(np.float64)


def performance_row(predictions: pandas.DataFrame) -> dict[str, Any]:
    """Return AUC, accuracy and d' with standard errors, from the half that is not scored."""
    from xaigt.statistics.accuracy import performance

    half = predictions[predictions["use"] == ACCURACY].assign(network_id="")
    scored = predictions.loc[predictions["use"] == SCORED, "sample"]
    row = performance(half, scored=scored).iloc[0].to_dict()
    row.pop("network_id")
    return row


def measure(
    run: Run, dataset: Dataset, predictions: pandas.DataFrame, asked: Explanation, device: str = "cpu"
) -> Measured:
    """Explain and score a network on the scored half of the test split, a batch at a time: no map is kept.

    Parameters
    ----------
    run
        The trained network.
    dataset
        Whose test split is explained.
    predictions
        Of :func:`evaluation`.
    asked
        Methods, stages, metrics and numbers of samples.
    """
    import pandas

    pairs = scored_pairs(run, dataset, predictions, asked.samples)
    network = run.network().to(device)
    scores, effects, used = [], [], []
    seconds = dict.fromkeys(("explain", "score", "effects"), 0.0)
    for start in range(0, len(pairs), asked.batch_size):
        clock = time.perf_counter()
        part = pairs.iloc[start : start + asked.batch_size]
        maps = explained(run, network, dataset, part, asked, device)
        clock = _lap(seconds, "explain", clock)
        scores += scored(run, dataset, part, maps, asked)
        clock = _lap(seconds, "score", clock)
        if start < asked.effects:
            rows = slice(0, asked.effects - start)
            one = {key: values[rows] for key, values in maps.items()}
            effects.append(replaced(run, network, dataset, part.iloc[rows], device))
            used += used_scores(run, dataset, part.iloc[rows], one, effects[-1], asked)
            _lap(seconds, "effects", clock)
    empty = pandas.DataFrame()
    return Measured(
        pandas.concat(scores, ignore_index=True),
        pandas.concat(effects, ignore_index=True) if effects else empty,
        pandas.concat(used, ignore_index=True) if used else empty,
        {name: round(value, 3) for name, value in seconds.items()},
    )


def scored_pairs(run: Run, dataset: Dataset, predictions: pandas.DataFrame, samples: int) -> pandas.DataFrame:
    """Samples of the scored half that are explained, with their targets."""
    from xaigt.models.explaining import pairs_of

    among = predictions.loc[predictions["use"] == SCORED, "sample"].tolist()
    return pairs_of(run, dataset, SPLIT, samples, among=among, predictions=predictions)[0]


def explained(
    run: Run, network: Network, dataset: Dataset, part: pandas.DataFrame, asked: Explanation, device: str
) -> Maps:
    """Maps of a batch, of every method at every stage."""
    from xaigt.models.explaining import maps_of

    stages = None if asked.stages is None else list(asked.stages)
    return maps_of(run, network, dataset, part, list(asked.methods), stages, device=device, options=asked.options)


def scored(
    run: Run, dataset: Dataset, part: pandas.DataFrame, maps: Maps, asked: Explanation
) -> list[pandas.DataFrame]:
    """Scores of the maps of a batch."""
    from xaigt.models.scoring import score_pairs

    return score_pairs(run, dataset, part, maps, list(asked.metrics), sign=asked.signs, split=SPLIT)


def _lap(seconds: dict[str, float], name: str, clock: float) -> float:
    now = time.perf_counter()
    seconds[name] += now - clock
    return now


def reference_of(dataset: Dataset) -> str:
    """Array that stands in place of a lesion: the twin of the other class where there is one, else the healthy one."""
    return "swapped" if "swapped" in dataset.description.get("arrays", {}) else "twin"


def replaced(run: Run, network: Network, dataset: Dataset, part: pandas.DataFrame, device: str) -> pandas.DataFrame:
    """Replace each lesion, with all that it altered, by the reference; see how far the answer falls."""
    import torch

    from xaigt.metrics import footprints, instance_effects
    from xaigt.models.explaining import inputs_of
    from xaigt.models.scoring import truth_and_context

    reference = reference_of(dataset)
    truth, _ = truth_and_context(dataset, part)
    inputs = inputs_of(run, dataset, part, run.settings.images, device)
    other = inputs_of(run, dataset, part, reference, device)
    instances = footprints(torch.from_numpy(truth.astype(np.int64)), inputs, other)
    targets = torch.tensor(part["target"].to_numpy(np.int64)).to(device)
    table = instance_effects(
        network, inputs, instances.to(device), targets, other, samples=part["sample"].tolist(), batch_size=128
    )
    target = dict(zip(part["sample"], part["target"], strict=True))
    return table.assign(target=table["sample"].map(target), reference=reference)


def used_scores(
    run: Run, dataset: Dataset, part: pandas.DataFrame, maps: Maps, effects: pandas.DataFrame, asked: Explanation
) -> list[pandas.DataFrame]:
    """Maps of a batch scored against what was planted, and against the lesions that the network used."""
    import torch

    from xaigt.explainers import postprocess
    from xaigt.metrics import planted_and_used
    from xaigt.models.scoring import truth_and_context

    truth, given = truth_and_context(dataset, part)
    tables = []
    for (method, stage), raw in maps.items():
        resized = postprocess(raw.cpu(), tuple(run.description["size"]), sign="signed")
        found = planted_and_used(
            resized, torch.from_numpy(truth.astype(np.int64)), effects, list(asked.used_metrics),
            samples=part["sample"].tolist(), sign=asked.signs[method], **given,
        )  # fmt: skip
        tables.append(found.assign(method_name=method, stage=stage))
    return tables
