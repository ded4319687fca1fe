import os
import subprocess
import sys
import time

import psutil
import pytest
import torch

from xaigt import execution


def square(item):
    return item * item, torch.get_num_threads(), os.getpid()


def late_first(item):
    time.sleep(0.3 if item == 0 else 0)
    return item


def fails(item):
    if item == 3:
        raise ValueError("item 3")
    return item


def dies(item):
    if item == 2:
        os._exit(9)
    return item


@pytest.mark.parametrize("workers", [1, 2])
def test_every_result_in_order_with_fixed_threads(workers):
    seen = []
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        execution.run(square, range(7), on_done=lambda item, result: seen.append((item, *result)), workers=workers)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert [(item, result) for item, result, _, _ in seen] == [(i, i * i) for i in range(7)]
    assert {threads for _, _, threads, _ in seen} == {execution.THREADS}
    assert ({pid for *_, pid in seen} == {os.getpid()}) == (workers == 1)


def test_results_are_handed_over_in_order_also_when_the_first_is_late():
    seen = []
    execution.run(late_first, range(4), on_done=lambda item, result: seen.append(result), workers=2)
    assert seen == [0, 1, 2, 3]


@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_done_before_an_error_was_handed_over(workers):
    seen = []
    with pytest.raises(ValueError, match="item 3") as caught:
        execution.run(
            fails, range(9), on_done=lambda item, result: seen.append(result), key="piece {}".format, workers=workers
        )
    assert seen == [0, 1, 2]
    assert caught.value.__notes__ == ["while running piece 3"]


def test_a_dead_worker_is_an_error_with_advice():
    with pytest.raises(execution.WorkerDiedError, match="fewer workers"):
        execution.run(dies, range(6), on_done=lambda item, result: None, workers=2)


def test_nothing_to_do():
    execution.run(square, [], on_done=lambda item, result: pytest.fail("called"), workers=3)


PARENT = """
import time
from xaigt import execution
def wait(item):
    time.sleep(60)
if __name__ == "__main__":
    print("ready", flush=True)
    execution.run(wait, range(4), on_done=lambda item, result: None, workers=2)
"""


def test_workers_do_not_outlive_a_killed_parent(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        workers = _wait_for(lambda: [p for p in psutil.Process(process.pid).children(recursive=True) if _busy(p)])
        assert workers
    finally:
        process.kill()
        process.wait()
    psutil.wait_procs(workers, timeout=20)
    assert not [worker for worker in workers if worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE]


def _busy(process):
    """A worker that has imported torch, so that it watches its parent by now."""
    try:
        return "spawn_main" in " ".join(process.cmdline()) and process.num_threads() >= 2
    except psutil.NoSuchProcess:  # another child, such as one that asks the system something, has just ended
        return False


def _wait_for(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.05)
    return condition()
