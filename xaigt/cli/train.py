"""``xaigt train``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

HELP = """Train one network on a dataset, into a directory.

DEPTH counts the stages that are trained from the head: 0 trains the head only, all everything. Frozen stages keep their
weights and their statistics to the last bit. Repeated, the command goes on from the last finished epoch, to the same
bits.

\b
Arms (how the network starts):
  scratch      random weights
  brain        pre-trained on anatomy of other subjects of the same generator, no lesions
  fractal      pre-trained on images made by formulas
  labelled     pre-trained on a column of a BIDS participants.tsv: --arm-option data=FOLDER
  imagenet     2-D; needs --download or --weights FOLDER
  medicalnet   3-D ResNets; needs --download or --weights FOLDER

\b
Examples:
  xaigt train hemorrhage --network small --epochs 5 -o run
  xaigt train hemorrhage --network resnet18 --arm fractal --depth 2 --seed 1 -o run
  xaigt train hemorrhage --schedule 0:10,all:20 --augment -o run
"""


@click.command(help=HELP)
@click.argument("dataset", type=click.Path(path_type=Path))
@click.option("--network", metavar="NAME", default="resnet18", show_default=True, help="See xaigt networks list.")
@click.option("--arm", metavar="NAME", default="scratch", show_default=True, help="How the network starts.")
@click.option("--arm-option", "arm_options", multiple=True, metavar="KEY=VALUE", help="Setting of the arm.")
@click.option("--depth", metavar="N|all", default="all", show_default=True, help="Stages trained, from the head.")
@click.option("--schedule", default="", metavar="D:N,D:N", help="Phases depth:epochs, in place of both options.")
@click.option(
    "--batchnorm",
    type=click.Choice(["frozen", "adaptive"]),
    default="frozen",
    show_default=True,
    help="Running statistics of frozen stages.",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Weights, order, dropout.")
@click.option("--pretrain-seed", default=0, show_default=True, type=click.IntRange(0), help="Pre-training replicate.")
@click.option(
    "--head",
    type=click.Choice(["one-logit", "k-logit", "multi-label"]),
    default="one-logit",
    show_default=True,
    help="Kind of head.",
)
@click.option(
    "--labels",
    default="label",
    show_default=True,
    metavar="NAME,NAME",
    help="Columns of samples.parquet, or lesion families.",
)
@click.option("--epochs", default=20, show_default=True, type=click.IntRange(1), help="Epochs.")
@click.option("--batch-size", default=32, show_default=True, type=click.IntRange(1), help="Samples a step.")
@click.option("--optimizer", type=click.Choice(["adamw", "adam", "sgd"]), default="adamw", show_default=True)
@click.option("--lr", "learning_rate", default=1e-3, show_default=True, type=float, help="Learning rate.")
@click.option("--annealing", type=click.Choice(["cosine", "constant"]), default="cosine", show_default=True)
@click.option("--weight-decay", default=1e-4, show_default=True, type=float)
@click.option(
    "--patience",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Stop after so many epochs without a lower validation loss; 0: never.",
)
@click.option(
    "--regime",
    type=click.Choice(["best", "same"]),
    default="best",
    show_default=True,
    help="best validation loss, or stop at --target-accuracy.",
)
@click.option("--target-accuracy", type=click.FloatRange(0, 1, min_open=True), help="Of the regime same.")
@click.option("--class-weights", is_flag=True, help="Let classes count alike.")
@click.option(
    "--window",
    nargs=2,
    type=float,
    metavar="LOW HIGH",
    help="Values mapped to 0..1; others are clipped.  [default: 0 200 for CT, else the 1st to 99th percentile]",
)
@click.option("--augment", is_flag=True, help="Mirror, rotate, scale and shift.")
@click.option("--twins", is_flag=True, help="Control: train on the healthy twins, with the same labels.")
@click.option("--precision", type=click.Choice(["auto", "float32", "bfloat16"]), default="auto", show_default=True)
@click.option("--keep-epochs", is_flag=True, help="Keep the weights of every epoch, in epochs/.")
@click.option("--tensorboard", is_flag=True, help="Write TensorBoard events, too.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--threads", type=click.IntRange(1), help="Of torch.  [default: OMP_NUM_THREADS, else the CPUs]")
@click.option("--weights", type=click.Path(path_type=Path), help="Folder of published weights.")
@click.option("--download", is_flag=True, help="Allow the arm to download its weights.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Directory of the run.")
def train(
    dataset: Path, output: Path, device: str, threads: int | None, weights: Path | None, download: bool,
    tensorboard: bool, depth: str, labels: str, arm_options: tuple[str, ...], twins: bool, **fields: Any,
) -> None:  # fmt: skip
    """Train one network."""
    import xaigt
    from xaigt.cli.progress import stages
    from xaigt.models import Settings
    from xaigt.models import train as run_training
    from xaigt.schema import validate

    chosen = {
        **fields,
        "depth": int(depth) if depth.isdigit() else depth,
        "labels": tuple(name.strip() for name in labels.split(",")),
        "images": "twin" if twins else "image",
        "arm_options": _options(arm_options),
    }
    settings = validate(Settings, chosen, what="xaigt train")
    data = xaigt.load(dataset)
    with stages() as progress:
        run = run_training(
            data, settings, output, device=device, threads=threads, weights=weights, download=download,
            tensorboard=tensorboard, progress=partial(progress, f"{settings.network}, {settings.arm}"),
            pretraining_progress=partial(progress, f"pre-training of the arm {settings.arm}"),
        )  # fmt: skip
    _report(run.description, output)


def _options(pairs: tuple[str, ...]) -> dict[str, Any]:
    import yaml

    result = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise click.UsageError(f"--arm-option {pair!r} must be KEY=VALUE.")
        result[key] = yaml.safe_load(value)
    return result


def _report(description: dict[str, Any], folder: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    epoch = description["best_epoch"]
    table = Table(title=f"{folder}: epoch {epoch} of {description['epochs']} was kept")
    for name in ("split", "samples", "accuracy", "AUC", "95 % interval"):
        table.add_column(name, justify="left" if name == "split" else "right")
    for split, found in description["figures"].items():
        ends = [found.get(name) for name in ("auc_low", "auc_high")]
        between = "-" if None in ends else f"{ends[0]:.3f} to {ends[1]:.3f}"
        value = "-" if found["auc"] is None else f"{found['auc']:.3f}"
        table.add_row(split, str(found["samples"]), f"{found['accuracy']:.3f}", value, between)
    console = Console()
    console.print(table)
    if description["matched"] is False:
        console.print("The target accuracy was not reached: recorded as unmatched.")
    console.print(f"Look at it: {folder / 'curves.png'}\nNext: xaigt explain {folder}", soft_wrap=True)
