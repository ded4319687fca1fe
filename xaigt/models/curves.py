"""Learning curves: CSV for programs, PNG for eyes, TensorBoard on request."""

from __future__ import annotations

import csv
import importlib.util
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xaigt.models.checkpoint import write
from xaigt.models.errors import ModelError

COLUMNS = ("epoch", "phase", "depth", "learning_rate", "train_loss", "val_loss", "val_accuracy", "val_auc")


def write_csv(history: Sequence[dict[str, Any]], path: Path) -> None:
    """Write one row an epoch."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write(path, text.getvalue().encode())


def draw(history: Sequence[dict[str, Any]], best_epoch: int, path: Path, title: str) -> None:
    """Draw losses, and accuracy and AUC of the validation split; a line marks the epoch that was kept."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in history]
    for name, label in (("train_loss", "train"), ("val_loss", "validation")):
        left.plot(epochs, [row[name] for row in history], marker=".", label=label)
    for name, label in (("val_accuracy", "accuracy"), ("val_auc", "AUC")):
        right.plot(epochs, [row[name] for row in history], marker=".", label=f"validation {label}")
    for axis, name in ((left, "loss"), (right, "validation")):
        axis.axvline(best_epoch, color="0.6", linestyle=":", label=f"kept: epoch {best_epoch}")
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set_ylabel(name)
        axis.legend(fontsize=8)
    right.set_ylim(0, 1.02)
    figure.suptitle(title, fontsize=10)
    content = io.BytesIO()
    figure.savefig(content, dpi=110, format="png", metadata={"Software": None})
    write(path, content.getvalue())


def need_tensorboard() -> None:
    """Say before a training, not after it, that its events could not be written.

    Raises
    ------
    ModelError
        If TensorBoard is not installed.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise ModelError("TensorBoard is not installed: pip install tensorboard, or leave out --tensorboard.")


def tensorboard(history: Sequence[dict[str, Any]], folder: Path) -> None:
    """Write the curves as TensorBoard events."""
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(folder) as writer:
        for row in history:
            for name in COLUMNS[3:]:
                writer.add_scalar(name, row[name], row["epoch"])
