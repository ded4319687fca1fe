"""The same work on a Dask cluster that the user started.

Dask gives an item to another worker when a worker dies, so items must be idempotent, as they are for every engine.
Workers that offer the resource GPU get one item for each of them. A worker has one thread: numerical libraries and
random generators are shared by the threads of a process, and results must not depend on what runs beside.
"""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import xaigt
from xaigt.errors import XaigtError
from xaigt.execution import WorkerDiedError, fixed_threads, named

Item = TypeVar("Item")
Result = TypeVar("Result")

GPU = "GPU"
CONNECT_SECONDS, WORKER_SECONDS = 15, 120
POLL_SECONDS = 1.0  # between two looks at whether the cluster is still there
KEPT = "What was finished is kept: run the same command again to go on."


class ClusterError(XaigtError):
    """A Dask cluster that cannot be reached, went away, or is not fit for the work."""


def run_on_cluster(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    on_done: Callable[[Item, Result], None],
    key: Callable[[Item], str],
    scheduler: str,
    in_order: bool,
) -> None:
    """Run `function` on every item on the workers of a scheduler; see :func:`xaigt.execution.run`.

    Raises
    ------
    ClusterError
        If the scheduler cannot be reached or goes away, or its workers are not fit.
    WorkerDiedError
        If one item killed several workers in turn.
    """
    with _client(scheduler) as client:
        resources = _fit(client, scheduler)
        name = f"xaigt-{uuid.uuid4().hex[:12]}"  # Dask takes work of the same name for the same work
        futures = [
            client.submit(_work, function, item, pure=False, resources=resources, key=f"{name}-{number}")
            for number, item in enumerate(items)
        ]
        try:
            _collect(client, futures, items, on_done, key, scheduler, in_order)
        finally:
            with contextlib.suppress(Exception):  # the cluster may be gone: there is nothing left to cancel then
                client.cancel([future for future in futures if not future.done()])


def _work(function: Callable[[Item], Result], item: Item) -> Result:
    with fixed_threads():
        return function(item)


@contextlib.contextmanager
def _client(scheduler: str) -> Iterator[Any]:
    try:
        from dask import config
        from distributed import Client
    except ImportError:
        raise ClusterError("the engine dask needs its packages: pip install 'xaigt[dask]'.") from None
    try:
        with config.set({"distributed.comm.timeouts.connect": f"{CONNECT_SECONDS}s"}):
            client = Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ClusterError(
            f"no Dask scheduler answers at {scheduler} ({reason}); start one with 'dask scheduler', and give its "
            "address, such as tcp://10.0.0.1:8786."
        ) from None
    speaker = logging.getLogger("distributed")
    before = speaker.level
    speaker.setLevel(logging.CRITICAL)  # what it would log of a lost connection is said by our own error
    try:
        with client.as_current():
            yield client
    finally:
        speaker.setLevel(before)
        with contextlib.suppress(Exception):
            client.close(timeout=5)


def _fit(client: Any, scheduler: str) -> dict[str, float] | None:
    """Check the workers; return the resources that an item takes."""
    try:
        client.wait_for_workers(1, timeout=WORKER_SECONDS)
        workers = client.scheduler_info(n_workers=-1)["workers"]
        found = client.run(_version, on_error="return")
    except TimeoutError:
        raise ClusterError(f"the scheduler {scheduler} has no worker after {WORKER_SECONDS} s; start some.") from None
    except OSError as error:
        raise _gone(scheduler) from error
    for address, worker in workers.items():
        if worker["nthreads"] != 1:
            raise ClusterError(
                f"worker {address} has {worker['nthreads']} threads: start workers with --nthreads 1, more of them "
                "(--nworkers) where there are more CPUs."
            )
    for address, version in found.items():
        if version != xaigt.__version__:
            raise ClusterError(
                f"worker {address} cannot do the work: it has xaigt {version}, and here is {xaigt.__version__}; install "
                "the same version there."
            )
    return {GPU: 1} if any(worker["resources"].get(GPU) for worker in workers.values()) else None


def _version() -> str:
    import xaigt

    return xaigt.__version__


def _collect(
    client: Any,
    futures: Sequence[Any],
    items: Sequence[Item],
    on_done: Callable[[Item, Result], None],
    key: Callable[[Item], str],
    scheduler: str,
    in_order: bool,
) -> None:
    from distributed import wait
    from distributed.client import FuturesCancelledError

    waiting = list(range(len(futures)))
    while waiting:
        ready = [at for at in waiting if futures[at].status != "pending"]
        if in_order:
            ready = ready[:1] if ready[:1] == waiting[:1] else []
        if not ready:
            if client.status != "running":
                raise _gone(scheduler)
            first = [futures[waiting[0]]] if in_order else [futures[at] for at in waiting]
            with contextlib.suppress(TimeoutError, FuturesCancelledError):  # its status says it, in the next round
                wait(first, timeout=POLL_SECONDS, return_when="FIRST_COMPLETED")
            continue
        for at in ready:
            with named(key, items[at]):
                result = _result(futures[at], key(items[at]), scheduler)
            on_done(items[at], result)
            futures[at].release()
            waiting.remove(at)


def _result(future: Any, name: str, scheduler: str) -> Any:
    from distributed.scheduler import KilledWorker

    if future.status in ("cancelled", "lost"):
        raise _gone(scheduler)
    try:
        return future.result(timeout=CONNECT_SECONDS)
    except KilledWorker:
        raise WorkerDiedError(
            f"{name}: every worker that was given it died, probably for want of memory (--memory-limit). {KEPT}"
        ) from None
    except OSError as error:
        if future.status == "error":  # the function's own error, not one of the connection
            raise
        raise _gone(scheduler) from error


def _gone(scheduler: str) -> ClusterError:
    return ClusterError(f"the Dask scheduler {scheduler} went away. {KEPT}")
