"""Write the input tables of parity tests: python tests/statistics/r_parity/make_tables.py (a fixed seed)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xaigt.statistics.simulation import World, simulate

HERE = Path(__file__).parent


def main() -> None:
    world = World(networks=4, samples=12, gap=0.6, accuracy_samples=80)
    rng = np.random.default_rng(2024)
    table = simulate(world, 1, rng).table(0)
    order = table["network_id"].str[1:].astype(int) % world.networks
    table["pretrain_id"] = table["arm"] + "-run" + order.astype(str)
    run = {name: 0.06 * rng.standard_normal() for name in sorted(table["pretrain_id"].unique())}
    table["value"] += table["pretrain_id"].map(run)
    table = table.round({"value": 6, "dprime": 6, "dprime_se": 6})
    table.to_csv(HERE / "study.csv", index=False)
    lost = table["network_id"].isin(["n003", "n017"])
    holes = {("n001", "m0"), ("n006", "m2"), ("n009", "m1"), ("n014", "m0"), ("n020", "m2"), ("n021", "m1")}
    pairs = list(zip(table["network_id"], table["method"], strict=True))
    kept = np.array([pair not in holes for pair in pairs])
    table[~lost & kept].to_csv(HERE / "unbalanced.csv", index=False)


if __name__ == "__main__":
    main()
