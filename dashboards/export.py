"""Dashboards and data sources as files that Grafana reads at its start: JSON and provisioning YAML, without secrets."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from dashboards.catalogue import dashboards
from dashboards.publish import FOLDER_TITLE, FOLDER_UID
from dashboards.sources import Influx, data_sources
from dashboards.view import View

MOUNTED: Final = "/var/lib/grafana/dashboards/trezor"


def export(folder: Path, view: View, influx: Influx, mounted: str = MOUNTED) -> list[Path]:
    """Writes `dashboards/*.json` and `provisioning/{dashboards,datasources}/trezor.yaml`; returns what was written.

    `mounted` is where Grafana will see `dashboards/`. The same wish gives the same bytes.
    """
    files: dict[Path, str] = {}
    for board in dashboards(view):
        text = json.dumps(board, ensure_ascii=False, indent=2, sort_keys=True)
        files[folder / "dashboards" / f"{board['uid']}.json"] = text + "\n"
    provider = {
        "name": FOLDER_TITLE,
        "type": "file",
        "folder": FOLDER_TITLE,
        "folderUid": FOLDER_UID,
        "disableDeletion": False,
        "allowUiUpdates": False,
        "options": {"path": mounted},
    }
    sources = [_provisioned(source) for source in data_sources(influx.without_secrets(), view.worlds)]
    head = "# Written by `trezor dashboards export`; secrets come from the environment of Grafana.\n"
    provisioning = folder / "provisioning"
    files[provisioning / "dashboards" / "trezor.yaml"] = head + yaml({"apiVersion": 1, "providers": [provider]})
    files[provisioning / "datasources" / "trezor.yaml"] = head + yaml({"apiVersion": 1, "datasources": sources})
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(files)


def _provisioned(source: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in source.items() if value not in ("", {})} | {"editable": False}


def yaml(value: Any, indent: int = 0) -> str:
    """Mappings and lists in YAML's block style; every scalar as JSON, which is YAML too."""
    pad = "  " * indent
    if isinstance(value, Mapping):
        lines = []
        for key, item in value.items():
            nested = isinstance(item, (Mapping, list)) and item
            lines.append(f"{pad}{key}:\n{yaml(item, indent + 1)}" if nested else f"{pad}{key}: {_scalar(item)}\n")
        return "".join(lines)
    lines = []
    for item in value:
        block = yaml(item, indent + 1)
        lines.append(f"{pad}- {block.lstrip()}")
    return "".join(lines)


def _scalar(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
