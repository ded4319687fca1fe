"""Print how fast the explainers are beside grad-cam, torchcam, captum and MONAI, as ratios of one run.

    python tests/performance/explainers_side_by_side.py [--only gradient,ablation,volume,memory]

Peers: pip install grad-cam torchcam captum monai timm. Each figure is the median of several runs of
the sides in turn (a single run of a side that takes minutes), on the same network, inputs and threads.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import platform
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable

import torch
from torch import nn

from xaigt.explainers import explain

EIGHT = {
    "gradcam": "GradCAM",
    "gradcam++": "GradCAMPlusPlus",
    "hirescam": "HiResCAM",
    "gradcam-elementwise": "GradCAMElementWise",
    "xgradcam": "XGradCAM",
    "layercam": "LayerCAM",
    "eigencam": "EigenCAM",
    "eigengradcam": "EigenGradCAM",
}


def timed(sides: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Median seconds of each side; the sides take turns, after one round that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(repeats + 1):
        for name, side in sides.items():
            synchronize()
            start = time.perf_counter()
            with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
                side()
            synchronize()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def once(side: Callable[[], object]) -> float:
    """Seconds of one run of a slow side."""
    synchronize()
    start = time.perf_counter()
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        side()
    synchronize()
    return time.perf_counter() - start


def synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def row(what: str, value: float, base: float, note: str = "") -> None:
    print(f"| {what} | {value * 1e3:.0f} ms | {base / value:.2f} | {note} |", flush=True)


def head(title: str, base: str) -> None:
    print(f"\n### {title}\n\n| | time | times as fast as {base} | |\n|---|---|---|---|")


def efficientnet(device: str) -> tuple[nn.Module, torch.Tensor, list[str]]:
    import timm

    torch.manual_seed(0)
    net = timm.create_model("tf_efficientnetv2_s", num_classes=2).eval().to(device)
    return net, torch.randn(4, 3, 224, 224, device=device), [f"blocks.{i}" for i in range(1, 6)]


def gradient(device: str) -> None:
    """Eight gradient and Eigen methods at five stages."""
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    net, inputs, stages = efficientnet(device)
    targets = [ClassifierOutputTarget(1)] * 4

    def bare() -> None:
        net.zero_grad()
        leaf = inputs.clone().requires_grad_()
        net(leaf)[:, 1].sum().backward()

    def peer() -> None:
        for name in EIGHT.values():
            for stage in stages:
                with getattr(pytorch_grad_cam, name)(net, [net.get_submodule(stage)]) as cam:
                    cam(inputs, targets)

    ours = timed({"xaigt": lambda: explain(net, inputs, 1, list(EIGHT), stages), "bare": bare}, repeats=7)
    theirs = once(peer)
    head("8 gradient and Eigen methods x 5 stages, EfficientNetV2-S, 4 images at 224", "grad-cam")
    row("grad-cam, a call a method and stage", theirs, theirs)
    row("one bare forward and full backward", ours["bare"], theirs)
    row(
        "xaigt", ours["xaigt"], theirs, f"{ours['xaigt'] / ours['bare']:.2f} of the bare forward and backward"
    )


def ablation(device: str) -> None:
    """Ablation-CAM of one image."""
    import pytorch_grad_cam
    from monai.networks.nets import resnet18
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    torch.manual_seed(0)
    resnet = resnet18(spatial_dims=2, n_input_channels=3, num_classes=2).eval().to(device)
    net, inputs, _ = efficientnet(device)
    inputs = inputs[:1]
    head("AblationCAM, one image at 224", "grad-cam on the same stage")
    for label, model, stage in (
        ("MONAI ResNet18, layer4", resnet, "layer4"),
        ("EfficientNetV2-S, blocks[5]", net, "blocks.5"),
        ("EfficientNetV2-S, blocks[4]", net, "blocks.4"),
    ):
        module = model.get_submodule(stage)

        def peer(model: nn.Module = model, module: nn.Module = module) -> None:
            with pytorch_grad_cam.AblationCAM(model, [module]) as cam:
                cam(inputs, [ClassifierOutputTarget(1)])

        def ours(model: nn.Module = model, stage: str = stage) -> None:
            explain(model, inputs, 1, "ablationcam", [stage])

        theirs = once(peer)
        found = timed({"xaigt": ours}, repeats=3)["xaigt"]
        row(label, found, theirs, f"grad-cam {theirs:.1f} s")


def volume(device: str) -> None:
    """Grad-CAM of volumes, beside every peer."""
    from captum.attr import LayerGradCam
    from monai.networks.nets import resnet18
    from monai.visualize import GradCAM as MonaiGradCAM
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
    from torchcam.methods import GradCAM as TorchGradCAM

    torch.manual_seed(0)
    net = resnet18(spatial_dims=3, n_input_channels=1, num_classes=2).eval().to(device)
    inputs = torch.randn(4, 1, 64, 64, 64, device=device)

    def torchcam() -> None:
        with TorchGradCAM(net, "layer4") as cam:
            cam(1, net(inputs.clone().requires_grad_()))

    def gradcam() -> None:
        with GradCAM(net, [net.layer4]) as cam:
            cam(inputs, [ClassifierOutputTarget(1)] * 4)

    def stop_at_layer() -> None:
        captum.attribute(inputs, target=1)

    captum = LayerGradCam(net, net.layer4)
    monai = MonaiGradCAM(net, "layer4")
    sides: dict[str, Callable[[], object]] = {
        "xaigt": lambda: explain(net, inputs, 1, "gradcam", ["layer4"]),
        "captum": stop_at_layer,
        "torchcam": torchcam,
        "grad-cam": gradcam,
        "MONAI": lambda: monai(inputs, class_idx=1),
    }
    found = timed(sides, repeats=5)
    best = min((seconds, name) for name, seconds in found.items() if name != "xaigt")
    head("Grad-CAM, MONAI ResNet18 in 3-D, 4 volumes at 64 cubed", f"the fastest peer ({best[1]})")
    for name, seconds in sorted(found.items(), key=lambda item: item[1]):
        row(name, seconds, best[0])


MEMORY = """
import resource, sys, torch
from monai.networks.nets import resnet18
from xaigt.explainers import explain
torch.set_num_threads(2)
torch.manual_seed(0)
net = resnet18(spatial_dims=3, n_input_channels=1, num_classes=2).eval()
small = torch.zeros(1, 1, 32, 32, 32)
explain(net, small, 1, "gradcam", ["layer4"]); net(small).sum().backward(); net.zero_grad()
inputs = torch.randn(1, 1, 96, 96, 96)
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
if sys.argv[1] == "bare":
    net(inputs)[:, 1].sum().backward()
else:
    explain(net, inputs, 1, sys.argv[1], sys.argv[2:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base)
"""


def memory(device: str) -> None:
    """Peak memory of a 3-D map at 96 cubed, each in a process of its own, above what it held before."""
    print("\n### Peak memory, MONAI ResNet18 in 3-D, one volume at 96 cubed\n")
    print("| | MiB | of a bare forward and backward |\n|---|---|---|")
    base = 0
    for what in ("bare", "gradcam layer4", "gradcam layer1 layer2 layer3 layer4", "ablationcam layer4"):
        command = [sys.executable, "-W", "ignore", "-c", MEMORY, *what.split()]
        found = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])
        base = base or found
        print(f"| {what} | {found / 1024:.0f} | {found / base:.2f} |", flush=True)


def main() -> None:
    parts = {"gradient": gradient, "ablation": ablation, "volume": volume, "memory": memory}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(parts), help="parts, separated by commas")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(arguments.threads)
    device = arguments.device
    name = torch.cuda.get_device_name() if device != "cpu" else f"{platform.machine()} CPU"
    print(
        f"{name}, {arguments.threads} threads, torch {torch.__version__}, Python {platform.python_version()}"
    )
    for part in arguments.only.split(","):
        parts[part](device)


if __name__ == "__main__":
    main()
