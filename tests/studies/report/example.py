"""A small study folder: tables with drawn scores as docs/reference says, the real analysis, and no training."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pandas as pd
import yaml

from xaigt.studies import conclusions
from xaigt.studies.folder import load

ARMS, DEPTHS, SEEDS = ("scratch", "fractal"), ("0", "1", "all"), (0, 1)
CAMS, OTHERS, STAGES = ("gradcam", "hirescam"), ("saliency", "random"), ("block2", "block4")
METHODS = (*(f"{name}@block4" for name in CAMS), *OTHERS)
METRIC = "precision_at_k"
RANKS = ("best", "median", "worst")


def build(
    folder, dataset, arms=ARMS, depths=DEPTHS, seeds=SEEDS, *, analysed=True, used=True, variants=("main",), failed=0,
    networks=("small",),
):  # fmt: skip
    """Write a study of every arm, depth and seed; return its folder."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(7)
    lesions = dataset.lesions
    samples = [int(n) for n in dataset.split("test").samples["sample"] if n in set(lesions["sample"])]
    tables: dict[str, list] = {name: [] for name in ("cells", "scores", "used", "curves", "effects")}
    for variant, network, arm, depth, seed in product(variants, networks, arms, depths, seeds):
        _cell(folder, variant, network, arm, depth, seed, samples, tables, rng)
    for number in range(failed):
        _failed(folder, f"{number:012x}", arms[0], depths[0], number)
    (folder / "tables").mkdir()
    frames = {name: pd.DataFrame(rows) for name, rows in tables.items() if rows and (used or name != "used")}
    for name, frame in frames.items():
        frame.to_parquet(folder / "tables" / f"{name}.parquet")
    _describe(folder, dataset, variants, len(frames["cells"]), failed, arms, depths, seeds, networks)
    if analysed:
        opened = load(folder)
        conclusions.write(opened, opened.study, lambda _done, _all: None)
    _gallery(folder, dataset, variants, samples, frames["cells"], rng)
    return folder


def _json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def _failed(folder, name, arm, depth, seed):
    error = "<b>no room</b> on the device & more"
    chosen = {"variant": "main", "arm": arm, "depth": depth, "network": "small", "seed": 100 + seed}
    _json(folder / "cells" / name / "cell.json", {
        "format_version": 1, "cell": name, "state": "failed", "configuration": chosen, "network_id": None,
        "error": error, "error_type": "ModelError", "seconds": {"total": 1.0}, "started": "2026-01-01T00:00:00Z",
        "finished": "2026-01-01T00:00:01Z", "host": "h", "pid": 1, "device": "cpu", "threads": 1,
    })  # fmt: skip


def _cell(folder, variant, network, arm, depth, seed, samples, tables, rng):
    name = f"{variant}-{arm}-{depth}-{seed}" + ("" if network == "small" else f"-{network}")
    ability = 0.8 + 0.5 * DEPTHS.index(depth) + (0.4 if arm == "fractal" else 0) + rng.normal(0, 0.25)
    auc = float(0.5 + 0.49 * np.tanh(ability / 2))
    keys = {
        "cell": name,
        "variant": variant,
        "network_id": name,
        "arm": arm,
        "depth": depth,
        "network": network,
        "seed": seed,
    }
    tables["cells"].append(keys | {
        "pretrain_id": "" if arm == "scratch" else f"{arm}-{seed}", "pretrain_seed": seed, "data_seed": 0, "epochs": 5,
        "best_epoch": 4, "matched": None, "val_accuracy": auc - 0.05, "val_auc": auc, "train_accuracy": auc, "n": 200,
        "accuracy": auc - 0.05, "accuracy_se": 0.02, "auc": auc, "auc_se": 0.02, "dprime": ability, "dprime_se": 0.1,
        "scored": len(samples), "scored_correct": auc, "seconds_train": 3.0, "seconds_explain": 1.0,
        "seconds_total": 5.0, "device": "cpu",
    })  # fmt: skip
    for epoch in range(1, 6):
        tables["curves"].append(keys | {
            "epoch": epoch, "phase": 0, "learning_rate": 1e-3, "train_loss": 0.7 - 0.05 * epoch,
            "val_loss": 0.7 - 0.03 * epoch + rng.normal(0, 0.01), "val_accuracy": auc - 0.05,
            "val_auc": 0.5 + (auc - 0.5) * epoch / 5,
        })  # fmt: skip
    places = [(m, s) for m in CAMS for s in STAGES] + [(m, "input") for m in OTHERS]
    for sample in samples:
        hard = rng.normal(0, 0.05)
        common = keys | {"pretrain_id": "", "data_seed": 0, "sample": sample, "split": "test", "target": 1}
        common |= {"metric": METRIC, "correct": True, "confidence": 0.9, "sign": "relu", "note": ""}
        for method, stage in places:
            level = 0.02 if method == "random" else 0.1 * ability + (0.1 if method == "hirescam" else 0)
            value = float(np.clip(level + hard + rng.normal(0, 0.02), 0, 1))
            tables["scores"].append(common | {"method": method, "stage": stage, "value": value})
            tables["scores"].append(
                common | {"method": method, "stage": stage, "value": value / 2 + 0.4, "metric": "roc_auc"}
            )
            if stage != "block2":
                tables["used"].append(keys | {
                    "sample": sample, "method_name": method, "stage": stage, "metric": METRIC,
                    "planted": value, "used": value * 0.8, "disagreement": -value * 0.2, "lesions": 2,
                    "lesions_used": 1,
                })  # fmt: skip
        for stage, value in (("block2", 0.8), ("block4", 0.4)):
            tables["scores"].append(common | {"method": "attainable", "stage": stage, "value": value})
        tables["scores"].append(common | {"method": "chance", "stage": None, "value": 0.02})
    tables["effects"].append(keys | {"sample": samples[0], "target": 1, "instance": 1, "alone": 0.5, "used": True})
    _json(folder / "cells" / name / "cell.json", {
        "format_version": 1, "cell": name, "state": "finished", "configuration": keys, "network_id": name,
        "error": None, "error_type": None, "seconds": {"train": 3.0, "explain": 1.0, "total": 5.0},
        "device": "cpu", "threads": 1,
    })  # fmt: skip
    _json(folder / "cells" / name / "run.json", {
        "format_version": 1, "status": "finished", "network_id": name, "size": [64, 64], "outputs": 1,
        "settings": {"network": network, "arm": arm, "depth": depth if depth == "all" else int(depth), "seed": seed,
                     "epochs": 5},
        "arm": {"arm": arm}, "versions": {}, "pretrain_id": "",
    })  # fmt: skip


def _describe(folder, dataset, variants, finished, failed, arms, depths, seeds, networks):
    entry = {
        "name": "main-0", "path": str(dataset.path), "id": "1234", "sha256": dataset.description["sha256"],
        "recipe": "hemorrhage", "seed": 0, "data_seed": 0, "samples": len(dataset), "licences": [],
        "splits": {"train": 28, "val": 6, "test": 6},
    }  # fmt: skip
    _json(folder / "study.json", {
        "format_version": 1, "kind": "pretraining", "state": "incomplete" if failed else "finished", "preset": "quick",
        "xaigt": "0", "versions": {"xaigt": "0", "python": "3.11", "torch": "2"}, "platform": "Linux", "cpus": 2,
        "device": "cpu", "gpu": None, "engine": "processes", "workers": 2, "threads": 1,
        "created": "2026-01-01T00:00:00Z", "finished": "2026-01-01T00:05:00Z",
        "seconds": {"data": 10.0, "pretraining": 20.0, "cells": 75.0, "analysis": 3.0, "wall": 71.0},
        "cells": {"total": finished + failed, "finished": finished, "failed": failed},
        "datasets": {variant: [entry] for variant in variants}, "evaluated_on": dict.fromkeys(variants, "main-0"),
        "scored": dict.fromkeys(variants, 3), "accuracy_samples": dict.fromkeys(variants, 3),
        "seeds": {"seeds": list(seeds), "data_seeds": [0], "pretrain_seeds": "as seed"},
        "checksums": {"tables/scores.parquet": "0" * 64},
        "caveats": ["The arms are made offline: they are not the published ImageNet contrast."],
    })  # fmt: skip
    chosen = {
        "preset": "quick",
        "data": {"recipe": "hemorrhage", "samples": {"train": 28, "val": 6, "test": 6}, "seeds": [0]},
        "grid": {"arms": list(arms), "depths": [d if d == "all" else int(d) for d in depths],
                 "networks": list(networks), "seeds": list(seeds), "pretrain_seeds": "by-seed", "arm_options": {}},
        "training": {"epochs": 5, "batch_size": 16}, "compare_legacy": len(variants) > 1, "gallery": 1,
        "explanation": {"methods": [*CAMS, *OTHERS], "stages": None, "options": {}, "samples": 200,
                        "metrics": [METRIC, "roc_auc"], "sign": "relu", "effects": 50},
        "caveats": ["A small study."],
        "analysis": {"metric": METRIC, "stage": "last", "exclude": ["random"], "covariate": "dprime", "caliper": 0.03,
                     "level": 0.95},
    }  # fmt: skip
    (folder / "study.yaml").write_text(yaml.safe_dump(chosen, sort_keys=False), encoding="utf-8")


def _gallery(folder, dataset, variants, samples, cells, rng):
    content = {}
    for variant in variants:
        shown = [{"sample": n, "target": 1, "class": "hemorrhage", "rank": rank, "value": value}
                 for n, rank, value in zip(samples[:3], RANKS, (0.5, 0.3, 0.1), strict=False)]  # fmt: skip
        own = cells[(cells["variant"] == variant) & (cells["seed"] == cells["seed"].min())]
        for name in own["cell"]:
            _maps(folder / "cells" / name / "maps", [entry["sample"] for entry in shown], rng)
        content[variant] = {
            "dataset": "main-0", "metric": METRIC, "samples": shown,
            "cells": own[["cell", "arm", "depth", "network", "seed", "auc"]].to_dict("records"),
            "methods": [*CAMS, *OTHERS], "stages": [*STAGES, "input"],
        }  # fmt: skip
    _json(folder / "gallery.json", content)


def _maps(folder, samples, rng):
    folder.mkdir()
    entries = []
    for method, stage, side in [(m, s, g) for m in CAMS for s, g in (("block2", 16), ("block4", 4))] + [
        (m, "input", 64) for m in OTHERS
    ]:
        name = f"{method}@{stage}.npy"
        np.save(folder / name, rng.normal(size=(len(samples), side, side)).astype(np.float32))
        entries.append({"method": method, "stage": stage, "file": name, "grid": [side, side]})
    pairs = pd.DataFrame({"sample": samples, "target": 1, "correct": True, "confidence": 0.9})
    pairs.to_parquet(folder / "pairs.parquet")
    _json(
        folder / "maps.json", {"split": "test", "pairs": len(samples), "samples_without_evidence": 0, "maps": entries}
    )
