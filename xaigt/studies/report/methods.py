"""A methods paragraph that can be pasted into a paper, written from the configuration and the data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from xaigt.errors import XaigtError
from xaigt.studies.report.citing import STATISTICS, References, arm_source, explainer_source, metric_source
from xaigt.studies.report.source import View

UNCHECKED = (
    "The references are those that the methods, metrics, arms and templates declare of themselves. They were not "
    "looked up when this page was made: check them against the publications."
)

SIGNS = {
    "relu": "what speaks for the class counted", "abs": "strength counted, whatever its sign",
    "signed": "signed values counted",
    "family": "of class activation maps what speaks for the class counted, of all others strength",
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


def listed(items: Sequence[Any]) -> str:
    """``a, b and c``."""
    names = [str(item) for item in items]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "none"


def _data(view: View, cited: References, notes: list[str]) -> list[str]:
    known = view.source.description.get("datasets", {}).get(view.variant, [])
    version = view.source.description.get("xaigt", "")
    if not known:
        return []
    first = known[0]
    splits = ", ".join(f"{count} {name}" for name, count in first.get("splits", {}).items())
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
            f"recipe "
            f"{first['recipe']} (version {recipe.get('version', '?')}, seed {first['seed']}{replicates}), which plants "
            f"lesions with exact masks into anatomy ({anatomy}){marks}."
        ),
        (
            f"The task was {described.get('task') or recipe.get('task', 'classification')} ({listed(distinct)}); "
            f"{splits} "
            f"samples.{' Values of the recipe follow its sources' + cited.cite(*sources) + '.' if sources else ''}"
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
    count = len(view.cells)
    plural = "networks" if len(view.networks) != 1 else "network"
    seeds = grid["seeds"]
    return [
        f"The {plural} {listed(view.networks)} started from {listed(arms)}.",
        (
            f"Of the stages, counted from the head, {listed(view.depths)} were trained, the rest frozen with their "
            f"statistics; seeds {listed(seeds)}, {replicates}: {count} finished networks of "
            f"{view.source.description['cells']['total']} "
            "planned cells in all."
        ),
    ]


def _training(view: View) -> list[str]:
    from xaigt.models.settings import Settings

    settings = Settings.model_validate(view.source.configuration["training"])
    kept = (
        "the epoch of the lowest validation loss was kept"
        if settings.regime == "best"
        else f"training stopped at the first epoch with a validation accuracy of {settings.target_accuracy}"
    )
    return [
        (
            f"Training: {settings.optimizer}, learning rate {settings.learning_rate:g} ({settings.annealing}), weight "
            f"decay {settings.weight_decay:g}, batches of {settings.batch_size}, {settings.total_epochs} epochs"
            f"{', augmented' if settings.augment else ''}; {kept}."
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
    words = [
        (
            f"Maps of {listed(methods)} were computed for "
            f"{'the' if scored is None else scored} test samples with a lesion, and class activation maps compared at "
            f"the {where}.{f' Options: {chosen}.' if chosen else ''}"
        ),
        (
            f"Maps were resized linearly to the image ({SIGNS[asked['sign']]}) and scored inside the support "
            f"against the nominal masks by {listed(metrics)}; the primary metric was {view.metric}."
        ),
    ]
    if asked["effects"]:
        words.append(
            f"On {asked['effects']} of these samples at most, single lesions were replaced to see which ones a "
            f"network used."
        )
    return words


def _statistics(view: View, cited: References) -> list[str]:
    analysis = view.analysis
    if not analysis:
        return ["The scores are not analysed yet."]
    part = view.source.description.get("accuracy_samples", {}).get(view.variant)
    name = view.covariate
    kinds = set(view.analysed("contrasts").get("analysis", ()))
    robust = any(found["code"] == "cluster_robust" for found in analysis.get("findings", ()))
    test = f"with cluster-robust errors{cited.cite(STATISTICS['cr2'])}" if robust else "by least squares"
    words = [
        (
            f"The trained network was the unit of analysis: scores were averaged over {analysis.get('samples')} "
            f"common samples and {analysis.get('networks')} networks compared {test}, with Holm's "
            f"adjustment and simultaneous {analysis.get('level', 0.95):.0%} "
            f"intervals{cited.cite(STATISTICS['simultaneous'])}."
        )
    ]
    if "adjusted" in kinds:
        measured = cited.cite(STATISTICS["dprime"] if name == "dprime" else STATISTICS["auc"] if name == "auc" else "")
        at = analysis.get("at")
        common = "" if at is None else f" at {name} = {at:.3g}"
        words.append(
            f"Effects are given as trained, and{common} by regression on {name}{measured}, measured on "
            f"{'' if part is None else f'{part} '}test samples that were not scored"
            + (", with a correction for the error of its measurement" if "corrected" in kinds else "")
            + "; how strong an unmeasured common cause would have to be follows"
            + f"{cited.cite(STATISTICS['sensitivity'])}."
        )
    if len(view.analysed("matched_cells")):
        caliper = view.source.configuration["analysis"]["caliper"]
        words.append(f"A matched design (caliper {caliper}) stands beside it{cited.cite(STATISTICS['matched'])}.")
    return words


def _software(view: View) -> list[str]:
    known = view.source.description.get("versions", {})
    used = ", ".join(f"{name} {number}" for name, number in known.items() if name != "xaigt")
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
