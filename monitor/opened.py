"""A world opened for a command: its store and its casebook, closed after use."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import click

from gateway.store import Store
from gateway.stores import open_store
from monitor.casebook import Casebook, open_casebook


@contextmanager
def opened_store(world: str, url: str) -> Iterator[Store]:
    try:
        store = open_store(url, world)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    with closing(store):
        yield store


@contextmanager
def opened(world: str, store_url: str, casebook_url: str) -> Iterator[tuple[Store, Casebook]]:
    """A world's store and casebook, closed in reverse."""
    with ExitStack() as stack:
        store = stack.enter_context(opened_store(world, store_url))
        yield store, stack.enter_context(closing(open_casebook(casebook_url, world)))
