"""The docs name everything that people can meet: commands, options, settings, kinds, tables; and are up to date."""

import ast
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gateway.store import NIGHTS, TABLES
from monitor.fault import Kind
from monitor.inhibit import INHIBITIONS
from monitor.night_columns import COLUMNS
from monitor.rules import RULES
from monitor.rules_doc import SILENCE, markdown, rules
from trezor import cli

ROOT = Path(__file__).parents[1]
SOURCES = ("gateway", "monitor", "dashboards", "firmware_sim", "deploy", "scorecard")
SETTING = re.compile(r"TREZOR_[A-Z0-9_]+")


@pytest.fixture(scope="module")
def prose() -> str:
    """README.md and every page of docs/."""
    pages = sorted((ROOT / "docs").glob("*.md"))
    return "\n".join(page.read_text(encoding="utf-8") for page in [*pages, ROOT / "README.md"])


def commands(group: click.Command, name: str = "trezor") -> Iterator[tuple[str, click.Command]]:
    yield name, group
    if isinstance(group, click.Group):
        context = click.Context(group)
        for child in group.list_commands(context):
            command = group.get_command(context, child)
            assert command is not None
            yield from commands(command, f"{name} {child}")


def options() -> Iterator[tuple[str, str]]:
    for name, command in commands(cli):
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                yield max(parameter.opts, key=len), name


def settings() -> set[str]:
    """Every TREZOR_… in a text of the code or of what is deployed, and those that options read."""
    found: set[str] = set()
    files = [path for folder in SOURCES for path in (ROOT / folder).rglob("*.py")]
    for path in [*files, *ROOT.glob("trezor*.py")]:
        texts = (node.value for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if is_text(node))
        found |= {name for text in texts for name in SETTING.findall(text)}
    for path in [ROOT / "docker-compose.yml"]:  # names in a fleet file are its own
        found |= set(SETTING.findall(path.read_text(encoding="utf-8"))) if path.exists() else set()
    return {name for name in found if not name.endswith("_")}


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def named(word: str, text: str) -> bool:
    """As a word of its own: `--port` is not named by `--portable`."""
    return re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", text) is not None


def missing(words: Iterable[str]) -> None:
    found = ", ".join(sorted(set(words)))
    assert not found, f"named nowhere in README.md or docs/*.md: {found}"


def test_every_command_is_named(prose: str) -> None:
    missing(name for name, _ in commands(cli) if not named(name, prose))


def test_every_option_is_named(prose: str) -> None:
    missing(f"{option} of {command}" for option, command in options() if not named(option, prose))


def test_every_setting_is_named(prose: str) -> None:
    missing(name for name in settings() if not named(name, prose))


def test_every_fault_kind_is_named(prose: str) -> None:
    missing(kind for kind in Kind if f"`{kind}`" not in prose)


def test_every_table_is_named(prose: str) -> None:
    missing(name for name in TABLES if f"`{name}`" not in prose)


def test_every_command_says_what_it_is_for() -> None:
    assert [name for name, command in commands(cli) if not (command.help or command.short_help)] == []


def test_the_page_of_rules_is_up_to_date() -> None:
    page = ROOT / "docs" / "rules.md"
    assert page.read_text(encoding="utf-8") == markdown(), "run: trezor rules --markdown > docs/rules.md"


class TestThePageOfRules:
    def test_has_every_kind_with_a_rule_or_a_deadline(self) -> None:
        assert {rule.kind for rule in RULES} | set(SILENCE) == set(Kind)
        for kind in Kind:
            assert f"\n### {kind}\n" in markdown()

    def test_gives_each_threshold_its_value_unit_and_reason(self) -> None:
        for rule in RULES:
            for name, threshold in rule.thresholds.items():
                assert f"| {name} | {threshold.value:g} | {threshold.unit} | {threshold.reason} |" in markdown()
                assert threshold.unit, f"{rule.kind} {name} has no unit"
                assert len(threshold.reason) > 8, f"{rule.kind} {name} has no reason"

    def test_has_every_inhibition_with_its_reason(self) -> None:
        for hides in INHIBITIONS:
            assert re.search(rf"\| `{hides.hidden}` \| `{hides.hider}` \|.*{re.escape(hides.reason)}", markdown())

    def test_explains_every_column_of_a_night(self) -> None:
        assert set(COLUMNS) == set(NIGHTS.schema)

    def test_is_tidy(self) -> None:
        lines = markdown().splitlines()
        assert lines[0] == "# What is judged, and how"
        assert all(line == line.rstrip() for line in lines)
        assert "\n\n\n" not in markdown()
        assert markdown().endswith("|\n")
        for before, line in pairwise(lines):
            assert not line.startswith("#") or before == "", f"no blank line before {line}"
            assert before.count("|") == line.count("|") or not (before.startswith("|") and line.startswith("|"))


def test_rules_can_be_asked_one_by_one() -> None:
    said = CliRunner().invoke(rules, ["panel_lost"])
    assert said.exit_code == 0
    assert "panel_lost (panneau perdu, panel lost)" in said.output
    assert "dark (" not in said.output
    assert CliRunner().invoke(rules, ["--markdown"]).output == markdown()
    assert CliRunner().invoke(rules, ["no_such_kind"]).exit_code == 2
