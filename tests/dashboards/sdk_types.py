"""Whether SDK models hold what their types say: the SDK itself checks nothing."""

import enum
import sys
import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from grafana_foundation_sdk.cog import variants


def mistakes(value: Any, hint: Any, where: str) -> Iterator[str]:
    """Everything in `value` (a model, list, dict or scalar) that is not of its type, with its place."""
    origin = get_origin(hint)
    if hint is Any or hint is object:
        return
    if origin in (Union, types.UnionType):
        options = [option for option in get_args(hint) if value is None or option is not type(None)]
        found = [list(mistakes(value, option, where)) for option in options]
        if all(found):
            # The option that was understood furthest: its first mistake lies deepest.
            yield from max(found, key=lambda one: len(one[0].partition(":")[0]))
    elif origin is list:
        if not isinstance(value, list):
            yield f"{where}: {value!r} is no list"
            return
        for number, item in enumerate(value):
            yield from mistakes(item, get_args(hint)[0], f"{where}[{number}]")
    elif origin is dict:
        if not isinstance(value, dict):
            yield f"{where}: {value!r} is no mapping"
            return
        for key, item in value.items():
            yield from mistakes(item, get_args(hint)[1], f"{where}.{key}")
    elif origin is Literal:
        if value not in get_args(hint):
            yield f"{where}: {value!r} is not one of {get_args(hint)}"
    elif hint is type(None):
        if value is not None:
            yield f"{where}: {value!r} is not nothing"
    elif hint is float:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            yield f"{where}: {value!r} is no number"
    elif hint is int:
        if not isinstance(value, int) or isinstance(value, bool):
            yield f"{where}: {value!r} is no whole number"
    elif isinstance(hint, type) and issubclass(hint, enum.Enum):
        if value not in [member.value for member in hint]:
            yield f"{where}: {value!r} is no {hint.__name__}"
    elif isinstance(hint, type) and issubclass(hint, variants.Dataquery):
        return  # the InfluxDB query has no type in the SDK
    elif isinstance(hint, type) and not isinstance(value, hint):
        yield f"{where}: {value!r} is no {hint.__name__}"
    elif isinstance(hint, type) and hint.__module__.startswith("grafana_foundation_sdk"):
        yield from model_mistakes(value, where)


def model_mistakes(model: Any, where: str) -> Iterator[str]:
    """The mistakes of a model's attributes."""
    hints = get_type_hints(type(model), vars(sys.modules[type(model).__module__]))
    for name, hint in hints.items():
        yield from mistakes(getattr(model, name), hint, f"{where}.{name}")
        # Options and custom settings are `object` in the panel; the panel's own module types them.
        if hint is object and type(getattr(model, name)).__module__.startswith("grafana_foundation_sdk"):
            yield from model_mistakes(getattr(model, name), f"{where}.{name}")
