"""Many worlds at once: over this machine's processors, or over a Dask cluster."""

import multiprocessing
import queue
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from functools import partial
from typing import Any, Final, Protocol

from scorecard.world import Order, World, score_world

LOOK_S: Final = 0.5

Shown = Callable[[str, float], None]  # world, share done
Done = Callable[[World], None]


class WorldFailed(Exception):
    """A world could not be scored; the message names it, the cause is attached."""


class Cluster(Protocol):
    """What is used of a Dask client."""

    def submit(self, function: Callable[..., Any], *args: Any, **options: Any) -> Any: ...


def over_processes(orders: Sequence[Order], jobs: int, shown: Shown, done: Done) -> list[World]:
    """In `jobs` fresh processes (spawned: polars and DuckDB have threads, which a fork would break).

    Worlds come back in the order of `orders`. Raises WorldFailed at the first that fails.
    """
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(jobs, context) as pool:
        told = manager.Queue()
        waiting: dict[Future[World], Order] = {pool.submit(_score_and_tell, order, told): order for order in orders}
        worlds: dict[str, World] = {}
        try:
            while waiting:
                finished, _ = wait(waiting, timeout=LOOK_S, return_when=FIRST_COMPLETED)
                _pass_on(told, shown)
                for future in finished:
                    world = _result(waiting.pop(future), future.result)
                    worlds[world.name] = world
                    done(world)
        finally:
            for future in waiting:
                future.cancel()
    return [worlds[order.name] for order in orders]


def _score_and_tell(order: Order, told: Any) -> World:
    return score_world(order, lambda share: told.put((order.name, share)))


def _pass_on(told: Any, shown: Shown) -> None:
    while True:
        try:
            shown(*told.get_nowait())
        except queue.Empty:
            return


def over_cluster(orders: Sequence[Order], cluster: Cluster, done: Done) -> list[World]:
    """On the workers of a Dask cluster, which need this package and nothing else. Raises WorldFailed."""
    futures = [(order, cluster.submit(score_world, order, pure=False)) for order in orders]
    worlds = []
    for order, future in futures:
        world = _result(order, future.result)
        worlds.append(world)
        done(world)
    return worlds


def here(orders: Sequence[Order], shown: Shown, done: Done) -> list[World]:
    """One after the other in this process. Raises WorldFailed."""
    worlds = []
    for order in orders:
        world = _result(order, partial(score_world, order, partial(shown, order.name)))
        worlds.append(world)
        done(world)
    return worlds


def _result(order: Order, get: Callable[[], World]) -> World:
    try:
        return get()
    except Exception as error:
        raise WorldFailed(f"world {order.name}: {type(error).__name__}: {error}") from error
