"""All dashboards, in the order of their use, as the JSON that Grafana keeps."""

import json
from collections.abc import Callable
from typing import Any, Final

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from dashboards.commune import commune
from dashboards.faults import faults
from dashboards.fleet import fleet
from dashboards.lamp import lamp
from dashboards.pipeline import pipeline
from dashboards.view import PREFIX, View

BOARDS: Final[tuple[Callable[[View], Any], ...]] = (fleet, commune, lamp, faults, pipeline)
HOME: Final = PREFIX + "fleet"


def dashboards(view: View) -> list[dict[str, Any]]:
    """Plain JSON values, ready to be sent or written."""
    return [json.loads(json.dumps(make(view), cls=JSONEncoder)) for make in BOARDS]
