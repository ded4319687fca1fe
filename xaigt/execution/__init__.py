"""Running independent pieces of work: in this process, in spawned worker processes, or on a Dask cluster.

Work is a top-level function and a list of items. An item is idempotent: it may be run again after a crash. Results
are handed over in the order of the items, so that what is committed is always a prefix of the work (of the items
that were left to do), or, where order means nothing, as they come. Worker processes are spawned, not forked; they end
by themselves when this process dies.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Literal, TypeVar

from xaigt.errors import XaigtError

Item = TypeVar("Item")
Result = TypeVar("Result")

THREADS = 1
"""Threads of numerical libraries while work runs: fixed, so that results cannot depend on them."""

Engine = Literal["auto", "local", "processes", "dask"]
ENGINES: tuple[Engine, ...] = ("local", "processes", "dask")

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
    engine: Engine = "auto",
    scheduler: str | None = None,
    in_order: bool = True,
) -> None:
    """Run `function` on every item and hand over the results.

    Parameters
    ----------
    function
        Defined at the top level of a module, so that a worker can import it.
    items
        What to run it on; they and the results must be picklable for more than one worker.
    on_done
        Called in this process with each item and its result.
    key
        Name of an item; an error that the function raises carries it as a note.
    workers
        1: in this process. More: that many spawned processes. A cluster has its own.
    engine
        ``local``: in this process; ``processes``: in spawned ones, also if it is one alone; ``dask``: on the cluster of
        `scheduler`; ``auto``: what `workers` says.
    scheduler
        Address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``. Workers must see the same folders as this process.
    in_order
        Whether results are handed over in the order of `items`, or as soon as they are there.

    Raises
    ------
    ClusterError
        If the cluster cannot be reached, goes away, or is not fit for the work.
    WorkerDiedError
        If a worker was killed, for instance for want of memory. What was handed over stays done.
    """
    if (engine == "dask") != (scheduler is not None):
        raise XaigtError("the engine dask goes with the address of a scheduler, and only with it.")
    if not items:
        return
    if scheduler is not None:
        from xaigt.execution.cluster import run_on_cluster

        run_on_cluster(function, items, on_done=on_done, key=key, scheduler=scheduler, in_order=in_order)
        return
    workers = min(workers, len(items))
    if engine == "local" or (engine == "auto" and workers <= 1):
        with fixed_threads():
            for item in items:
                with named(key, item):
                    result = function(item)
                on_done(item, result)
        return
    import multiprocessing

    pool = ProcessPoolExecutor(
        max(workers, 1), mp_context=multiprocessing.get_context("spawn"), initializer=_start_worker
    )
    try:
        with _thread_environment():
            hand_over = _in_order if in_order else _as_they_come
            hand_over(pool, function, items, on_done, key, max(workers, 1) * _AHEAD)
    except BrokenProcessPool:
        raise WorkerDiedError(
            "a worker process died; it may have been killed for want of memory (try fewer workers). "
            "What was finished is kept: run the same command again to go on."
        ) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _in_order(
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
        with named(key, item):
            result = future.result()
        on_done(item, result)

    for item in items:
        waiting.append((item, pool.submit(function, item)))
        if len(waiting) > ahead:
            hand_over()
    while waiting:
        hand_over()


def _as_they_come(
    pool: ProcessPoolExecutor,
    function: Callable[[Item], Result],
    items: Sequence[Item],
    on_done: Callable[[Item, Result], None],
    key: Callable[[Item], str],
    ahead: int,
) -> None:
    left = iter(items)
    waiting: dict[Future[Result], Item] = {}
    while True:
        while len(waiting) < ahead and (item := next(left, None)) is not None:
            waiting[pool.submit(function, item)] = item
        if not waiting:
            return
        for future in wait(waiting, return_when=FIRST_COMPLETED).done:
            done = waiting.pop(future)
            with named(key, done):
                result = future.result()
            on_done(done, result)


@contextmanager
def named(key: Callable[[Item], str], item: Item) -> Iterator[None]:
    """Let an error carry the name of the item it came from."""
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
