"""`make bench`: what the parts achieve on this machine. Nothing is asserted; compare ratios within one run."""

import importlib
import os
import sys
from types import ModuleType

from rich.console import Console
from rich.table import Table

PARTS = ("sim", "store", "gateway", "monitor", "dashboards")


def main(chosen: list[str]) -> None:
    console = Console()
    for name in chosen or PARTS:
        part: ModuleType = importlib.import_module(f"tests.bench_{name}")
        table = Table(title=f"{name} (load average {os.getloadavg()[0]:.1f})", title_justify="left")
        table.add_column("what")
        table.add_column("measured", justify="right")
        table.add_column("unit")
        with console.status(f"measuring {name}"):
            for what, figure, unit in part.run():
                table.add_row(what, f"{figure:,.4g}", unit)
        console.print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
