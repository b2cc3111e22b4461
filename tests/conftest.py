"""Fixtures that several folders share. Real servers start once per session, on free ports, in temporary folders."""

from collections.abc import Callable
from itertools import count

import pytest

_WORLDS = count(1)


@pytest.fixture
def new_world() -> Callable[[], str]:
    """Names of worlds that no other test uses."""
    return lambda: f"test-{next(_WORLDS)}"
