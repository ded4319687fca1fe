"""A methods paragraph that can be pasted into a paper, written from the configuration and the data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from xaigt.errors import XaigtError
from xaigt.studies.report.citing import STATISTICS, References, arm_source, explainer_source, metric_source
from xaigt.studies.report.source import View

if TYPE_CHECKING:
    from xaigt.models.settings import Settings

UNCHECKED = (
    "The references are those that the methods, metrics, arms and templates declare of themselves. They were not "
    "looked up when this page was made: check them against the publications."
)

SIGNS = {
    "relu": "of all maps the part that speaks for the class", "abs": "of all maps the magnitude",
    "signed": "all maps with their sign",
    "family": "of class activation maps the part that speaks for the class, of all other maps the magnitude",
}  # fmt: skip

SPLITS = {"train": "training", "val": "validation", "test": "test"}
NAMES = {"dprime": "d′", "auc": "AUC", "accuracy_logit": "the logit of accuracy"}
OPTIMIZERS = {"adamw": "AdamW", "adam": "Adam", "sgd": "SGD"}
SOFTWARE = {
    "python": "Python", "torch": "PyTorch", "monai": "MONAI", "captum": "Captum", "numpy": "NumPy", "scipy": "SciPy",
    "zarr": "Zarr",
}  # fmt: skip


@dataclass(frozen=True)
class Methods:
    """The paragraph, its references, and what is to be known before it is used."""

    text: str
    references: list[str]
    notes: list[str]


def paragraph(view: View) -> Methods:
    """Write the methods paragraph of a variant."""
    cited, notes = References(), [UNCHECKED]
    sentences = [
        *_data(view, cited, notes),
        *_networks(view, cited),
        *_training(view),
        *_explanations(view, cited),
        *_statistics(view, cited),
        *_software(view),
    ]
    notes += _published_contrast(view)
    return Methods(" ".join(sentences), cited.entries, notes)


def listed(items: Sequence[Any], last: str = "and") -> str:
    """``a, b and c``."""
    names = [str(item) for item in items]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}" if names else "none"


def _data(view: View, cited: References, notes: list[str]) -> list[str]:
    known = view.source.description.get("datasets", {}).get(view.variant, [])
    version = view.source.description.get("xaigt", "")
    if not known:
        return []
    first = known[0]
    parts = first.get("splits", {})
    splits = listed([f"{parts[part]} {name}" for part, name in SPLITS.items() if part in parts])
    replicates = f", {len(known)} data seeds" if len(known) > 1 else ""
    try:
        described = view.dataset().description
    except XaigtError as error:
        notes.append(f"The dataset could not be opened, so that the paragraph says little of it: {error}")
        return [
            (
                f"Images with planted lesions were made with xaigt {version} from the recipe {first['recipe']} (seed "
                f"{first['seed']}{replicates}; {splits} samples)."
            )
        ]
    recipe, templates = described["recipe"], described.get("templates") or []
    grid = " x ".join(map(str, described["shape"]))
    spacing = " x ".join(f"{side:g}" for side in described["spacing_mm"][-len(described["shape"]) :])
    anatomy = listed([t["title"] for t in templates if t]) if templates else "the templates of the recipe"
    sources = [re.sub(r"^\[\d+\] ", "", str(source)) for source in recipe.get("sources", ())]
    marks = cited.cite(*[t.get("citation", "") for t in templates if t])
    notes += unverified(first["recipe"])
    distinct = described.get("classes") or recipe.get("classes", ())
    return [
        (
            f"{described['modality']} images of {grid} voxels of {spacing} mm were made with xaigt {version} from the "
            f"recipe {first['recipe']} (version {recipe.get('version', '?')}, seed {first['seed']}{replicates}), which "
            f"plants lesions with exact masks into anatomy ({anatomy}){marks}."
        ),
        (
            f"The task was {described.get('task') or recipe.get('task', 'classification')} ({listed(distinct)}), on "
            f"{splits} samples."
            + (f" The recipe names the sources of its values{cited.cite(*sources)}." if sources else "")
        ),
    ]


def unverified(recipe: str) -> list[str]:
    """Say how many values of a recipe of the catalogue are marked as unverified."""
    from xaigt import catalog

    try:
        text = catalog.find("generators", recipe).read_text(encoding="utf-8")
    except (XaigtError, OSError):
        return []
    count = text.count("[unverified]")
    said = f"The recipe {recipe} marks {count} of its statements as [unverified]: they rest on no publication we read."
    return [said] if count else []


def _networks(view: View, cited: References) -> list[str]:
    from xaigt.models.arms import ARMS

    arms = [f"{arm} ({ARMS.get(arm, 'no description')}){cited.cite(arm_source(arm))}" for arm in view.arms]
    grid = view.source.configuration["grid"]
    replicates = (
        "each with a pre-training run of its own"
        if grid["pretrain_seeds"] == "by-seed"
        else (f"with the pre-training seeds {listed(grid['pretrain_seeds'])}")
    )
    finished, planned = len(view.cells), view.source.description["cells"]["total"]
    count = f"{finished} networks" if finished == planned else f"{finished} networks of {planned} planned in all"
    plural = "networks" if len(view.networks) != 1 else "network"
    frozen = "kept their statistics" if _settings(view).batchnorm == "frozen" else "went on adapting their statistics"
    return [
        f"The {plural} {listed(view.networks)} started from {listed(arms)}.",
        (
            f"The head and the last {listed(view.depths, 'or')} stages were trained; the others stayed frozen, "
            f"and their batch normalisations {frozen}. There was one network a cell for each of the seeds "
            f"{listed(grid['seeds'])}, {replicates}: {count}."
        ),
    ]


def _settings(view: View) -> Settings:
    from xaigt.models.settings import Settings

    return Settings.model_validate(view.source.folder.study.training_of(view.variant))


def _training(view: View) -> list[str]:
    settings = _settings(view)
    kept = (
        "the epoch of the lowest validation loss was kept"
        if settings.regime == "best"
        else f"training stopped at the first epoch with a validation accuracy of {settings.target_accuracy}"
    )
    return [
        (
            f"Training used {OPTIMIZERS[settings.optimizer]}, a learning rate of {settings.learning_rate:g} "
            f"({settings.annealing}), a weight decay of {settings.weight_decay:g}, batches of {settings.batch_size} "
            f"and {settings.total_epochs} epochs{', with augmentation' if settings.augment else ''}; {kept}."
        )
    ]


def _explanations(view: View, cited: References) -> list[str]:
    asked = view.source.configuration["explanation"]
    methods = [f"{name}{cited.cite(explainer_source(name))}" for name in asked["methods"]]
    metrics = [f"{name}{cited.cite(metric_source(name))}" for name in asked["metrics"]]
    options = asked["options"]
    chosen = "; ".join(f"{name}: {', '.join(f'{k} {v}' for k, v in given.items())}" for name, given in options.items())
    scored = view.source.description.get("scored", {}).get(view.variant)
    stage = view.source.configuration["analysis"]["stage"]
    where = "last stage" if stage == "last" else f"stage {stage}"
    count = "the" if scored is None else scored
    words = [
        (
            f"The true class of {count} test samples with a lesion was explained by {listed(methods)}; class "
            f"activation maps are compared at the {where}.{f' Options: {chosen}.' if chosen else ''}"
        ),
        (
            f"What was scored, {SIGNS[asked['sign']]}, was resized linearly to the image and compared with the nominal "
            f"masks inside the support, by {listed(metrics)}; {view.metric} was the primary metric."
        ),
    ]
    if asked["effects"]:
        words.append(
            f"On at most {asked['effects']} of these samples, lesions were replaced one by one to see which of them a "
            "network used."
        )
    return words


def _statistics(view: View, cited: References) -> list[str]:
    analysis = view.analysis
    if not analysis:
        return ["The scores are not analysed yet."]
    part = view.source.description.get("accuracy_samples", {}).get(view.variant)
    name = view.covariate
    kinds = set(view.analysed("contrasts").get("analysis", ()))
    robust = (
        ""
        if "clustered" not in kinds
        else (
            ", and once more with pre-training runs as clusters and cluster-robust errors"
            + cited.cite(STATISTICS["cr2"])
        )
    )
    words = [
        (
            f"The trained network was the unit of analysis: the scores of {analysis.get('networks')} networks were "
            f"averaged over the same {analysis.get('samples')} samples and compared by least squares{robust}, with "
            f"Holm's adjustment and simultaneous {analysis.get('level', 0.95):.0%} "
            f"intervals{cited.cite(STATISTICS['simultaneous'])}."
        )
    ]
    if "adjusted" in kinds:
        measured = cited.cite(STATISTICS["dprime"] if name == "dprime" else STATISTICS["auc"] if name == "auc" else "")
        at = analysis.get("at")
        shown = NAMES.get(name, name)
        common = "" if at is None else f", at {shown} = {at:.3g}"
        words.append(
            f"Effects are given as trained, and at equal accuracy by regression on {shown}{common}{measured}, measured "
            f"on {'' if part is None else f'{part} '}test samples that were not scored"
            + (", with a correction for the error of this measurement" if "corrected" in kinds else "")
            + ". How strong an unmeasured common cause would have to be to explain a difference away was computed after"
            + f"{cited.cite(STATISTICS['sensitivity'])}."
        )
    if len(view.analysed("matched_cells")):
        caliper = view.source.configuration["analysis"]["caliper"]
        words.append(
            f"A design matched by validation accuracy (caliper {caliper}){cited.cite(STATISTICS['matched'])} stands "
            "beside it."
        )
    return words


def _software(view: View) -> list[str]:
    known = view.source.description.get("versions", {})
    used = ", ".join(f"{SOFTWARE.get(name, name)} {number}" for name, number in known.items() if name != "xaigt")
    return [f"Software: {used}."] if used else []


def _published_contrast(view: View) -> list[str]:
    if "imagenet" in view.arms:
        return []
    return [
        (
            f"None of the arms ({listed(view.arms)}) has ImageNet weights: this is not the published contrast of "
            "ImageNet against in-domain pre-training (arXiv 2306.12150), and says nothing about it."
        )
    ]
