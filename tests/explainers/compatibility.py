"""Write the table of explainers and networks in docs/reference/explainers.md.

    python -m tests.explainers.compatibility            print it
    python -m tests.explainers.compatibility --write    put it into the page

A method works on a network if it gives finite maps that are not all constant, for a batch of two with
different targets, and the network's parameters, modes and hooks are as before. Otherwise the cell refers to
the reason: the message of the error, or what is wrong with the maps.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Iterable
from pathlib import Path

import torch

from tests.explainers.networks import NETWORKS, build
from xaigt.explainers import ExplainerError, available, explain

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "explainers.md"
BEGIN, END = (
    "<!-- table of explainers and networks: begin -->",
    "<!-- table of explainers and networks: end -->",
)
OPTIONS = {
    "integrated-gradients": {"steps": 4},
    "gradient-shap": {"samples": 2},
    "smoothgrad": {"samples": 2},
    "occlusion": {"window": 16, "stride": 16},
}


def try_one(method: str, model: torch.nn.Module, inputs: torch.Tensor, stage: str) -> str:
    """An empty string if the method works on the network, or the reason why not."""
    state = {key: value.clone() for key, value in model.state_dict().items()}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            options = {method: OPTIONS[method]} if method in OPTIONS else None
            maps = explain(model, inputs, [2, 0], method, [stage], options=options)
    except ExplainerError as error:
        return str(error)
    (found,) = maps.values()
    if not bool(found.isfinite().all()):
        return "the maps are not finite"
    if not float(found.flatten(1).std(1).max()) > 0:
        return "the maps are constant"
    kept = all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    hooked = any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in model.modules())
    return "" if kept and not hooked and not model.training else "the network is not as before"


def column(name: str) -> dict[str, str]:
    """What every CAM and attribution gives on a network."""
    network = build(name)
    return {method: try_one(method, *network) for method in [*available("cam"), *available("attribution")]}


def grouped(networks: Iterable[str] = NETWORKS) -> dict[str, list[str]]:
    """Networks by architecture: one column for the 2-D and 3-D of one."""
    groups: dict[str, list[str]] = {}
    for name in networks:
        groups.setdefault(name.partition(",")[0], []).append(name)
    return groups


def table(results: dict[str, dict[str, str]]) -> str:
    """The table in Markdown, with reasons below."""
    reasons: list[str] = []
    groups = grouped(results)
    rows = [f"| explainer | {' | '.join(groups)} |", f"|---|{'---|' * len(groups)}"]
    for method in results[next(iter(results))]:
        cells = []
        for names in groups.values():
            cell = []
            for name in names:
                reason = results[name][method]
                if not reason:
                    cell.append("yes")
                    continue
                if reason not in reasons:
                    reasons.append(reason)
                cell.append(f"no ({reasons.index(reason) + 1})")
            same = len(set(cell)) == 1
            dims = [n.rpartition(", ")[2] for n in names]
            cells.append(cell[0] if same else ", ".join(f"{d} {c}" for d, c in zip(dims, cell, strict=True)))
        rows.append(f"| {method} | {' | '.join(cells)} |")
    lines = ["\n".join(rows), "", "Why not:", ""]
    lines += [f"{number}. {reason}" for number, reason in enumerate(reasons, 1)]
    lines += ["", "Read at:", "", "| network | input | stage |", "|---|---|---|"]
    for name in results:
        network = NETWORKS[name]
        size = "x".join(map(str, network.size))
        lines.append(f"| {name} | {size} | `{network.stage}` |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    arguments = parser.parse_args()
    results = {}
    for name in NETWORKS:
        start = time.perf_counter()
        results[name] = column(name)
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
        if arguments.write:
            write(table(results))
    print(table(results))


def write(text: str) -> None:
    """Put the table into the page, after each network."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
