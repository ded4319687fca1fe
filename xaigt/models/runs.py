"""Runs: a directory that holds one trained network and everything that is known of it.

::

    run.json           settings, identities, what the arm was, versions, the figures of each split
    best.safetensors   weights of the epoch that was kept
    curves.csv, .png   an epoch a row
    predictions.parquet  a row a sample: logits, probabilities, correct, confidence

While it trains, the directory also has what an interrupted training goes on from: see :mod:`xaigt.models.keeping`.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock

from xaigt.dataset.files import read_json
from xaigt.models.errors import ModelError
from xaigt.models.settings import Settings, identity

if TYPE_CHECKING:
    import pandas

    from xaigt.dataset.reading import Dataset
    from xaigt.models.arms import Start
    from xaigt.models.inputs import Images, Scaling
    from xaigt.models.loop import Fit, Progress, Trainer
    from xaigt.models.network import Network

FORMAT_VERSION = 1
RUN, PREDICTIONS = "run.json", "predictions.parquet"


@dataclass(frozen=True)
class Run:
    """A finished training.

    Attributes
    ----------
    folder
        Its directory.
    description
        Content of ``run.json``.
    """

    folder: Path
    description: dict[str, Any]

    @property
    def settings(self) -> Settings:
        """Settings of the training."""
        return Settings.model_validate(self.description["settings"])

    @property
    def scaling(self) -> Scaling:
        """How stored values become inputs."""
        from xaigt.models.inputs import Scaling

        return Scaling(**self.description["scaling"])

    def network(self) -> Network:
        """Build the network with the weights that were kept, in evaluation mode."""
        from xaigt.models.checkpoint import load
        from xaigt.models.keeping import BEST
        from xaigt.models.registry import create

        size = tuple(self.description["size"])
        network = create(self.settings.network, dim=len(size), outputs=self.description["outputs"], size=size)
        network.load_state_dict(load(self.folder / BEST)[0])
        return network.eval()

    def dataset(self, moved: Path | None = None) -> Dataset:
        """Dataset that the network was trained on.

        Parameters
        ----------
        moved
            Where it is now, if it was moved.

        Raises
        ------
        ModelError
            If it is not the same dataset.
        """
        from xaigt.dataset.reading import load

        path = moved or Path(self.description["dataset"]["path"])
        if moved is None and not path.exists():
            raise ModelError(f"{path}: the dataset of {self.folder} is not there; was it moved? Give --dataset FOLDER.")
        dataset = load(path)
        if dataset_identity(dataset) != self.description["dataset"]["id"]:
            raise ModelError(f"{dataset.path}: is not the dataset that {self.folder} was trained on.")
        return dataset

    def predictions(self) -> pandas.DataFrame:
        """Table of predictions."""
        import pandas

        return pandas.read_parquet(self.folder / PREDICTIONS)

    def columns(self) -> dict[str, Any]:
        """Columns of the score table that name this network."""
        settings = self.settings
        depth = settings.schedule or settings.depth
        return {
            "network_id": self.description["network_id"], "arm": settings.arm, "depth": str(depth),
            "network": settings.network, "seed": settings.seed,
        }  # fmt: skip


def dataset_identity(dataset: Dataset) -> str:
    """Name of a dataset's content, wherever it lies."""
    return identity(dataset.description["sha256"])


def load_run(folder: Path) -> Run:
    """Open the directory of a finished training.

    Raises
    ------
    ModelError
        If it is none, or not finished.
    """
    if not (folder / RUN).exists():
        raise ModelError(f"{folder}: is not a run (it has no {RUN}); xaigt train makes one.")
    description = read_json(folder / RUN)
    if description.get("format_version", 0) > FORMAT_VERSION:
        raise ModelError(f"{folder}: is in a newer format than this xaigt reads: install a newer xaigt.")
    if description.get("status") != "finished":
        raise ModelError(f"{folder}: its training is not finished; run the same xaigt train again to go on.")
    return Run(folder, description)


def train(
    dataset: Dataset,
    settings: Settings,
    folder: Path,
    *,
    device: str = "cpu",
    threads: int | None = None,
    weights: Path | None = None,
    download: bool = False,
    tensorboard: bool = False,
    progress: Progress | None = None,
    pretraining_progress: Progress | None = None,
) -> Run:
    """Train one network into a directory; repeated, it goes on from the last finished epoch to the same bits.

    Parameters
    ----------
    dataset
        With the splits ``train`` and ``val``; ``test`` is predicted if there is one.
    settings
        What decides the result.
    folder
        New, or the directory of the same training.
    device
        ``cpu`` or ``cuda``. On a GPU the result may differ in the last bits between runs.
    threads
        Of torch; by default its own number (``OMP_NUM_THREADS``, else the CPUs). They decide the last bits, so a run
        that goes on uses the number that it began with.
    weights, download
        For arms with published weights: a folder, and whether to download.

    Raises
    ------
    ModelError
        Saying what cannot be had, and what to do.
    """
    import torch

    from xaigt.models.arms import Context, start
    from xaigt.models.curves import need_tensorboard
    from xaigt.models.inputs import check_task, fit_scaling, outputs_of, read_split, window_of
    from xaigt.models.loop import Trainer, deterministic

    _check_device(device)
    if tensorboard:
        need_tensorboard()
    settings = settings.model_copy(update={"window": window_of(settings, dataset.description["modality"])})
    with _one_writer(folder):
        description = _begin(dataset, settings, folder, device, threads or torch.get_num_threads())
        if description["status"] == "finished":
            return Run(folder, description)
        check_task(dataset, settings)
        size, outputs = tuple(dataset.description["shape"]), outputs_of(dataset, settings)
        with deterministic(description["threads"]):
            context = Context(settings, dataset, outputs, size, weights, download, device, pretraining_progress)
            begun = start(context)
            splits = {name: read_split(dataset, name, settings, folder) for name in ("train", "val")}
            scaling = fit_scaling(splits["train"], settings.window)
            for images in splits.values():
                images.scaling = scaling
            trainer = Trainer(begun.network, splits, settings, folder, device=device, random=begun.random)
            fit = trainer.run(progress)
            others = [name for name in dataset.description["splits"] if name not in splits]
            for name in others:
                if len(dataset.split(name)):
                    splits[name] = read_split(dataset, name, settings, folder)
                    splits[name].scaling = scaling
            figures = _predict(trainer, splits, folder)
        return _end(folder, description, begun, scaling, fit, figures, outputs, tensorboard)


def _check_device(device: str) -> None:
    import torch

    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"device {device!r} cannot be used here ({reason}); try --device cpu.") from None


@contextlib.contextmanager
def _one_writer(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / ".lock")
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise ModelError(f"{folder}: another process is training here.") from None
    except OSError as error:
        raise ModelError(f"{folder}: cannot be written ({error.strerror}).") from None
    try:
        yield
    finally:
        lock.release()


def _begin(dataset: Dataset, settings: Settings, folder: Path, device: str, threads: int) -> dict[str, Any]:
    """Description of the run: new, or the one that is there if it is of the same training.

    One that kept no epoch, because its arm could not be had for example, gives way to another.
    """
    from xaigt.models.keeping import LAST

    asked: dict[str, Any] = {"settings": settings.model_dump(mode="json"), "dataset": dataset_identity(dataset)}
    if (folder / RUN).exists():
        found: dict[str, Any] = read_json(folder / RUN)
        old = {**found["settings"], "dataset": found["dataset"]["id"]}
        new = {**asked["settings"], "dataset": asked["dataset"]}
        if old == new:
            return found
        if found["status"] == "finished" or (folder / LAST).exists():  # else there is nothing to lose
            changed = [f"{key} (there: {old.get(key)}, asked: {new[key]})" for key in new if old.get(key) != new[key]]
            raise ModelError(
                f"{folder}: holds another training, with another {'; '.join(changed)}. Choose another directory."
            )
    description = {
        "format_version": FORMAT_VERSION,
        "status": "training",
        "network_id": identity(asked),
        "settings": asked["settings"],
        "dataset": {
            "path": str(dataset.path.resolve()),
            "id": asked["dataset"],
            "recipe": dataset.description["recipe"]["name"],
            "seed": dataset.description.get("seed"),
            "samples": dataset.description["samples"],
        },
        "size": list(dataset.description["shape"]),
        "device": device,
        "threads": threads,
        "versions": {name: version(name) for name in ("torch", "monai", "timm", "numpy")},
    }  # fmt: skip
    _write(folder, description)
    return description


def _predict(trainer: Trainer, splits: dict[str, Images], folder: Path) -> dict[str, dict[str, float | int]]:
    """Write the table of predictions; return the figures of each split."""
    import pandas

    from xaigt.models.checkpoint import write
    from xaigt.models.evaluation import summary
    from xaigt.models.heads import probabilities
    from xaigt.models.loop import as_numpy

    head = trainer.settings.head
    tables, figures = [], {}
    for split, images in splits.items():
        logits = trainer.logits(images)
        chances, targets = as_numpy(probabilities(head, logits)), images.targets.numpy()
        figures[split] = summary(chances, targets, head == "multi-label")
        columns: dict[str, Any] = {"sample": images.numbers, "split": split}
        columns |= {f"logit_{k}": column for k, column in enumerate(as_numpy(logits).T)}
        if head == "multi-label":
            names = trainer.settings.labels
            columns |= {f"label_{name}": targets[:, k] for k, name in enumerate(names)}
            columns["correct"] = ((chances > 0.5) == (targets > 0.5)).all(1)
            columns["confidence"] = (abs(chances - 0.5) + 0.5).min(1)
        else:
            columns |= {"label": targets, "predicted": chances.argmax(1)}
            columns["correct"] = chances.argmax(1) == targets
            columns["confidence"] = chances.max(1)
        tables.append(pandas.DataFrame(columns))
    content = io.BytesIO()
    pandas.concat(tables, ignore_index=True).sort_values("sample", ignore_index=True).to_parquet(content)
    write(folder / PREDICTIONS, content.getvalue())
    return figures


def _end(
    folder: Path, description: dict[str, Any], begun: Start, scaling: Scaling, fit: Fit,
    figures: dict[str, dict[str, float | int]], outputs: int, tensorboard: bool,
) -> Run:  # fmt: skip
    from xaigt.models import curves
    from xaigt.models.keeping import discard
    from xaigt.models.loop import PICTURE

    settings = Settings.model_validate(description["settings"])
    title = f"{settings.network}, arm {settings.arm}, depth {settings.schedule or settings.depth}, seed {settings.seed}"
    curves.draw(fit.history, fit.best_epoch, folder / PICTURE, title)
    if tensorboard:
        curves.tensorboard(fit.history, folder / "tensorboard")
    description |= {
        "status": "finished",
        "outputs": outputs,
        "pretrain_id": begun.pretrain_id,
        "arm": begun.record,
        "scaling": scaling.__dict__,
        "epochs": fit.epoch,
        "best_epoch": fit.best_epoch,
        "calibrated_normalisations": fit.calibrated,
        "matched": fit.matched,
        "figures": {split: _plain(found) for split, found in figures.items()},
    }
    _write(folder, description)
    discard(folder)
    return Run(folder, description)


def _plain(figures: dict[str, float | int]) -> dict[str, float | int | None]:
    """JSON has no NaN."""
    return {name: None if value != value else value for name, value in figures.items()}


def _write(folder: Path, description: dict[str, Any]) -> None:
    from xaigt.models.checkpoint import write

    text = json.dumps(description, indent=2, ensure_ascii=False, allow_nan=False)
    write(folder / RUN, (text + "\n").encode())
