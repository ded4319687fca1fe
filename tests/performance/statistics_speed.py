"""Speed and memory of the statistics on 500,000 scores: 50 networks x 10 methods x 1,000 samples.

    python tests/performance/statistics_speed.py [--networks 50 --methods 10 --samples 1000 --limit 120]

Each step runs in a process of its own, two threads, after the table was read from Parquet; peak memory is
that of the process, with imports and table. Beside it what a user would otherwise fit to the rows with
statsmodels: a mixed model with a random intercept of the network (wrong for methods, see the calibration).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "2"

STEPS = {
    "read the table only": "pass",
    "compare: all analyses, all sentences": "print_ = str(compare(table, covariate_se='dprime_se'))",
    "every result of compare": """
result = compare(table, covariate_se='dprime_se')
result.means(); result.correlations(); result.side_by_side('method'); result.sensitivity('arm', by='method')
result.contrasts('method', by=['arm', 'depth']); str(result)
""",
    "variance components": "compare(table).components",
    "generalize='samples'": "compare(table, generalize='samples').contrasts('method')",
    "CR2": "compare(table, test='cr2').contrasts('method')",
    "permutation": "permutation_test(read_scores(table), 'arm', 'a', 'b')",
    "jointly correct samples": "jointly_correct(table.assign(correct=True), 'arm')",
    "peer: MixedLM, random intercept of the network": """
import statsmodels.formula.api as smf
smf.mixedlm('value ~ C(arm) * C(depth) * C(method) + dprime', table, groups='network_id').fit()
""",
}
RUN = """
import resource, time, pandas as pd
from xaigt.statistics import compare, jointly_correct, permutation_test, read_scores
table = pd.read_parquet({path!r})
start = time.perf_counter()
{step}
print('RESULT', time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=50)
    parser.add_argument("--methods", type=int, default=10)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--limit", type=float, default=120, help="seconds after which a step is given up")
    options = parser.parse_args()

    import numpy as np

    from xaigt.statistics.simulation import World, simulate

    cell = options.networks // 10
    world = World(
        networks=cell,
        depths=5,
        methods=options.methods,
        samples=options.samples,
        gap=0.4,
        accuracy_samples=200,
    )
    table = simulate(world, 1, np.random.default_rng(0)).table(0)
    print(f"{len(table):,} rows, {10 * cell} networks")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scores.parquet"
        table.sample(frac=1, random_state=0).to_parquet(path)
        print(f"{'step':50s} {'seconds':>8s} {'peak GiB':>9s}")
        for name, step in STEPS.items():
            command = [sys.executable, "-W", "ignore", "-c", RUN.format(path=str(path), step=step)]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=options.limit)
            except subprocess.TimeoutExpired:
                print(f"{name:50s} given up after {options.limit:.0f} s")
                continue
            line = [row for row in done.stdout.splitlines() if row.startswith("RESULT")]
            if not line:
                print(f"{name:50s} failed: {done.stderr.strip()[-200:]}")
                continue
            _, seconds, peak = line[0].split()
            print(f"{name:50s} {float(seconds):8.2f} {float(peak):9.2f}")


if __name__ == "__main__":
    main()
