"""Running independent pieces of work: in this process or in spawned worker processes.

Work is a top-level function and a list of items. An item is idempotent: it may be run again after a crash. Results
are handed over in the order of the items, so that what is committed is always a prefix of the work (of the items
that were left to do). Worker processes are spawned, not forked; they end by themselves when this process dies.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

from xaigt.errors import XaigtError

Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS = 1
"""Threads of numerical libraries while work runs: fixed, so that results cannot depend on them."""

_AHEAD = 2  # items a worker that are submitted before they are needed: bounds the memory of waiting results


class WorkerDiedError(XaigtError):
    """A worker process ended without a result."""


def run(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    on_done: Callable[[Item, Result], None],
    key: Callable[[Item], str] = str,
    workers: int = 1,
) -> None:
    """Run `function` on every item and hand over the results in order.

    Parameters
    ----------
    function
        Defined at the top level of a module, so that a worker can import it.
    items
        What to run it on; they and the results must be picklable for more than one worker.
    on_done
        Called in this process with each item and its result, in the order of `items`.
    key
        Name of an item; an error that the function raises carries it as a note.
    workers
        1: in this process. More: that many spawned processes.

    Raises
    ------
    WorkerDiedError
        If a worker was killed, for instance for want of memory. What was handed over stays done.
    """
    workers = min(workers, len(items))
    if workers <= 1:
        with fixed_threads():
            for item in items:
                with _named(key, item):
                    result = function(item)
                on_done(item, result)
        return
    import multiprocessing

    pool = ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_start_worker)
    try:
        with _thread_environment():
            _run_in_pool(pool, function, items, on_done, key, workers * _AHEAD)
    except BrokenProcessPool:
        raise WorkerDiedError(
            "a worker process died; it may have been killed for want of memory (try fewer workers). "
            "What was finished is kept: run the same command again to go on."
        ) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _run_in_pool(
    pool: ProcessPoolExecutor,
    function: Callable[[Item], Result],
    items: Sequence[Item],
    on_done: Callable[[Item, Result], None],
    key: Callable[[Item], str],
    ahead: int,
) -> None:
    waiting: deque[tuple[Item, Future[Result]]] = deque()

    def hand_over() -> None:
        item, future = waiting.popleft()
        with _named(key, item):
            result = future.result()
        on_done(item, result)

    for item in items:
        waiting.append((item, pool.submit(function, item)))
        if len(waiting) > ahead:
            hand_over()
    while waiting:
        hand_over()


@contextmanager
def _named(key: Callable[[Item], str], item: Item) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        error.add_note(f"while running {key(item)}")
        raise


def available_cpus() -> int:
    """CPUs that this process may use (its affinity), not those of the machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def fixed_threads() -> Iterator[None]:
    """Fix torch to `THREADS` threads, and put the caller's number back."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _thread_environment() -> Iterator[None]:
    """Environment in which spawned processes start with `THREADS` threads in every library."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update({name: str(THREADS) for name in names})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, and die with it (also if it was killed)."""
    import multiprocessing

    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(THREADS)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def follow() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=follow, daemon=True).start()
