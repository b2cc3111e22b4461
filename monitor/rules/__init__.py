"""One small pure rule per fault kind. `RULES` is the whole list, in the order in which they are asked."""

from typing import Final

from monitor.rules import battery, controller, light, outlook, panel
from monitor.rules.rule import Rule

RULES: Final[tuple[Rule, ...]] = light.RULES + panel.RULES + battery.RULES + controller.RULES + outlook.RULES
