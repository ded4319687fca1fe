"""Speed of the metrics, side by side with what they are measured against, in one run.

    python tests/performance/metrics_speed.py            everything
    python tests/performance/metrics_speed.py sort tune  some: quantus, sort, tune, consistency, road

Quantus and grad-cam are peers, not dependencies: ``pip install quantus grad-cam``; a row whose peer is not
installed says so. Times are the best of several runs, alternating ours and theirs.
"""

from __future__ import annotations

import argparse
import resource
import time
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import torch

from xaigt.metrics import c_score, impute, mass_accuracy, precision_at_k, score, tune_threshold

Row = tuple[str, str, str, str, str, str]
SIZES = {"224 x 224": (224, 224), "64 x 64 x 64": (64, 64, 64)}
EVERYTHING = [
    "ranking", "mass", "overlap",
    "dice(threshold=otsu)", "iou(threshold=otsu)", "precision(threshold=otsu)", "recall(threshold=otsu)",
    "dice(threshold=top:0.05)", "iou(threshold=top:0.05)", "precision(threshold=top:0.05)",
    "recall(threshold=top:0.05)", "pointing_game(tolerance=15)",
]  # fmt: skip


def data(shape: tuple[int, ...], count: int, kind: str = "noise") -> tuple[torch.Tensor, torch.Tensor]:
    """Maps (signed noise, or smooth as a CAM of 7 cells an axis) and masks with four lesions each."""
    generator = torch.Generator().manual_seed(0)
    if kind == "noise":
        maps = torch.randn(count, *shape, generator=generator)
    else:
        coarse = torch.randn(count, 1, *(7,) * len(shape), generator=generator)
        mode = "bilinear" if len(shape) == 2 else "trilinear"
        maps = torch.nn.functional.interpolate(coarse, size=shape, mode=mode)[:, 0].contiguous()
    masks = torch.zeros(count, *shape, dtype=torch.bool)
    edge = 20 if len(shape) == 2 else 12
    for mask in masks:
        for _ in range(4):
            corner = [int(torch.randint(0, size - edge, (1,), generator=generator)) for size in shape]
            mask[tuple(slice(start, start + edge) for start in corner)] = True
    return maps, masks


def best(*calls: Callable[[], object], repeats: int = 5, seconds: float = 0.1) -> list[float]:
    """Time of each call in seconds: the best of several turns, alternating, after one warm-up.

    In its turn a call is repeated for at least `seconds` and the mean is taken: after a turn of a peer that allocates
    hundreds of megabytes, a first call of some milliseconds would time the refilling of caches.
    """
    times = [[0.0] * 0 for _ in calls]
    for run in range(repeats + 1):
        for call, found in zip(calls, times, strict=True):
            start, count = time.perf_counter(), 0
            while count == 0 or time.perf_counter() - start < seconds:
                call()
                count += 1
            if run:
                found.append((time.perf_counter() - start) / count)
    return [min(found) for found in times]


def quantus_rows() -> Iterator[Row]:
    """Rank and mass accuracy alone against Quantus, batches of 64."""
    try:
        import quantus
    except ImportError:
        yield ("rank, mass accuracy", "", "Quantus", "-", "-", "not installed: pip install quantus")
        return
    pairs = [
        ("rank accuracy", precision_at_k, quantus.RelevanceRankAccuracy),
        ("mass accuracy", mass_accuracy, quantus.RelevanceMassAccuracy),
    ]
    for size, shape in SIZES.items():
        for kind in ("noise", "smooth"):
            maps, masks = data(shape, 64, kind)
            maps = maps.clamp(min=0)
            batch, truth = maps[:, None].numpy(), masks[:, None].numpy()
            for name, ours, peer in pairs:
                metric = peer(abs=False, normalise=False, disable_warnings=True, return_aggregate=False)

                def theirs(metric=metric, batch=batch, truth=truth):
                    return metric(
                        model=None, x_batch=batch, y_batch=np.zeros(64), a_batch=batch, s_batch=truth,
                        channel_first=True, device="cpu", batch_size=64,
                    )  # fmt: skip

                mine, other = best(lambda o=ours, m=maps, t=masks: o(m, t), theirs, repeats=5)
                yield (
                    f"{name}, 64 {kind} maps", size, f"Quantus {quantus.__version__}",
                    f"{mine * 1e3:.1f} ms", f"{other * 1e3:.0f} ms", f"{other / mine:.0f} times faster",
                )  # fmt: skip


def sort_rows() -> Iterator[Row]:
    """All ranking, mass and overlap metrics in one score against torch.sort of the same tensor."""
    for size, shape in SIZES.items():
        for kind in ("noise", "smooth"):
            maps, masks = data(shape, 64, kind)
            flat = maps.flatten(1)
            mine, other = best(lambda m=maps, t=masks: score(m, t, EVERYTHING), lambda f=flat: f.sort(1), repeats=5)
            count = score(maps[:1], masks[:1], EVERYTHING)["metric"].nunique()
            yield (
                f"score, {count} metrics, 64 {kind} maps", size, "torch.sort",
                f"{mine * 1e3:.0f} ms", f"{other * 1e3:.0f} ms", f"{mine / other:.2f} of the sort",
            )  # fmt: skip


def tune_rows() -> Iterator[Row]:
    """50 thresholds over 1,000 maps, against thresholding them one after the other."""
    maps, masks = data((224, 224), 1000, "smooth")

    few, few_masks = maps[:50], masks[:50]

    def one_by_one() -> None:
        low, high = few.amin((1, 2), keepdim=True), few.amax((1, 2), keepdim=True)
        scaled = (few - low) / (high - low)
        for threshold in np.linspace(0.1, 0.9, 50):
            above = scaled > threshold
            _ = 2 * (above & few_masks).sum() / (above.sum() + few_masks.sum())

    mine = best(lambda: tune_threshold(maps, masks, split="train"), repeats=3)[0]
    other = best(one_by_one, repeats=3)[0] * len(maps) / len(few)
    yield (
        "tune 50 thresholds, 1,000 maps", "224 x 224", "one threshold at a time",
        f"{mine:.2f} s", f"{other:.2f} s (from 50 maps)", f"{other / mine:.1f} times faster",
    )  # fmt: skip


def consistency_rows() -> Iterator[Row]:
    """C-Score over 500 maps of one class, against numpy pair by pair (50 maps, scaled up)."""
    maps, _ = data((224, 224), 500, "smooth")
    labels, confidence = torch.zeros(500), torch.rand(500) / 2 + 0.5
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    mine = best(lambda: c_score(maps, labels, labels, confidence), repeats=2)[0]
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    few = maps[:50].clamp(min=0).flatten(1).numpy()

    def pairs() -> None:
        h = ((few - few.min(1, keepdims=True)) / np.ptp(few, axis=1, keepdims=True)) ** 2
        for i in range(len(h)):
            for j in range(i):
                _ = np.minimum(h[i], h[j]).sum() / np.maximum(h[i], h[j]).sum()

    other = best(pairs, repeats=1)[0] * (500 * 499) / (50 * 49)
    yield (
        "C-Score, 500 maps, one class", "224 x 224", "numpy, pair by pair",
        f"{mine:.2f} s", f"{other:.1f} s (from 50 maps)",
        f"{other / mine:.0f} times faster; peak memory grew by {(after - before) / 1024:.0f} MiB",
    )  # fmt: skip


def road_rows() -> Iterator[Row]:
    """Imputation of nine fractions of one image against grad-cam's sparse solver."""
    try:
        from pytorch_grad_cam.metrics.road import NoisyLinearImputer
    except ImportError:
        yield ("ROAD imputation", "", "grad-cam", "-", "-", "not installed: pip install grad-cam")
        return
    maps, _ = data((224, 224), 1, "smooth")
    image = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    ranks = maps.flatten().argsort().argsort().reshape(maps.shape) / maps.numel()
    removed = torch.cat([ranks < fraction / 10 for fraction in range(1, 10)])
    peer = NoisyLinearImputer(noise=0.0)
    mine, other = best(
        lambda: impute(image.expand(9, -1, -1, -1), removed, noise=0.0),
        lambda: [peer(image[0], (~hole).float()) for hole in removed],
        repeats=1,
    )
    yield (
        "ROAD imputation, 9 fractions", "224 x 224", "grad-cam",
        f"{mine:.2f} s", f"{other:.2f} s", f"{other / mine:.1f} times faster",
    )  # fmt: skip


SECTIONS = {
    "quantus": quantus_rows,
    "sort": sort_rows,
    "tune": tune_rows,
    "consistency": consistency_rows,
    "road": road_rows,
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sections", nargs="*", metavar="section", help=", ".join(SECTIONS))
    parser.add_argument("--threads", type=int, default=2, help="of torch; more than free cores slow everything")
    arguments = parser.parse_args()
    wanted = arguments.sections or list(SECTIONS)
    unknown = set(wanted) - set(SECTIONS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; choose from {', '.join(SECTIONS)}")
    torch.set_num_threads(arguments.threads)
    warnings.simplefilter("ignore")
    print(f"torch {torch.__version__}, numpy {np.__version__}, {torch.get_num_threads()} threads\n")
    print("| what | size | against | xaigt | it | ratio |\n|---|---|---|---|---|---|")
    for name in wanted:
        for row in SECTIONS[name]():
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
