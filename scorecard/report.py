"""The scorecard as Markdown: the table of figures to beat, then what is behind every number of it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scorecard.aims import NONE, rate, rows, share, spread
from scorecard.figures import HARD, Alarm, Figures, Group
from scorecard.ledger import PLAIN
from scorecard.matching import FOLLOWS
from scorecard.reasons import REASONS
from scorecard.world import World

SHORT: Final = ("good", "below")  # of what a row may have reached: not its aim
MOST: Final = 60  # lines of a list of single cases


@dataclass(frozen=True, slots=True)
class Told:
    """What was run, for the reader who wants to run it again."""

    command: str
    seeds: str
    tuned_on: str
    through: str  # "the real intake, …" or "MQTT, …"


def markdown(worlds: Sequence[World], ours: Figures, naive: Figures, told: Told) -> str:
    parts = [
        "# Scorecard\n\nWritten by `make scorecard`; do not edit. Simulated worlds go through "
        f"{told.through}; then cases and nights are compared with what really happened.\n",
        _run(worlds, told),
        "## The figures to beat\n",
        _aims(ours, naive),
        f"\n“Naive” are plain thresholds per lamp on the same worlds (scorecard/naive.py). Over all kinds they find "
        f"{share(naive.all_kinds.found)} at {rate(naive.false_all)} false alarms per lamp-year; ours find "
        f"{share(ours.all_kinds.found)} at {rate(ours.false_all)}.\n",
        "## What is not at its aim, and why\n",
        _reasons(ours, naive),
        "## Kind by kind\n",
        _kinds(ours, naive),
        "\n### By severity\n",
        _sizes(ours),
        "\n### Left out, and why\n",
        _skipped(ours),
        "\n## False alarms\n",
        _false(ours, naive),
        "\n## Which kind was said for which\n",
        _confusion(ours),
        "\n## Warnings of dark nights\n",
        _warnings(ours, naive),
        "\n## The ledger of nights\n",
        _ledger(worlds),
        "\n## Alerts\n",
        _alerts(worlds),
        "\n## Single cases\n",
        _lists(ours),
        "\n## How it is counted\n",
        METHOD,
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def table(head: Sequence[str], body: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell).replace("|", "/") for cell in row) + " |" for row in body]
    return "\n".join(lines) + "\n"


def _run(worlds: Sequence[World], told: Told) -> str:
    years = sum(world.lamp_years for world in worlds)
    scenarios = dict.fromkeys(world.scenario for world in worlds)
    body = []
    for name in scenarios:
        mine = [world for world in worlds if world.scenario == name]
        body.append(
            (name, len(mine), mine[0].lamps, mine[0].nights, f"{sum(world.lamp_years for world in mine):.1f}",
             ", ".join(str(world.seed) for world in mine))
        )  # fmt: skip
    return (
        f"`{told.command}`: {years:.0f} lamp-years in {len(worlds)} worlds. "
        f"Seeds {told.seeds}; thresholds were tuned on {told.tuned_on}.\n\n"
        + table(("scenario", "worlds", "lamps", "nights", "lamp-years", "seeds"), body)
    )


def _aims(ours: Figures, naive: Figures) -> str:
    head = ("on worlds not used for tuning, with 95 % intervals", "good", "aim", "ours", "reached", "naive")
    return table(head, ((r.what, r.good, r.aim, f"**{r.ours}**", r.reached, r.naive) for r in rows(ours, naive)))


def _reasons(ours: Figures, naive: Figures) -> str:
    lines = [f"- {row.what} ({row.reached}). {REASONS[row.what]}" for row in rows(ours, naive) if row.reached in SHORT]
    return "\n".join(lines) if lines else "Everything is.\n"


def _kinds(ours: Figures, naive: Figures) -> str:
    head = ("kind", "found (as itself or as the named cause)", "as itself", "hours to detect", "from when it shows",
            "doubles", "naive: found", "naive: hours")  # fmt: skip
    body = []
    for kind, group in sorted(ours.kinds.items(), key=lambda item: (item[0] not in HARD, item[0])):
        theirs = naive.kinds[kind]
        body.append(
            (f"`{kind}`", share(group.found), f"{group.named.hits} of {group.named.trials}", _hours(group),
             spread(group.hours_shown, " h"), group.doubles, f"{theirs.found.hits} of {theirs.found.trials}",
             NONE if theirs.hours.median is None else f"{theirs.hours.median:.1f} h")
        )  # fmt: skip
    return table(head, body)


def _hours(group: Group) -> str:
    return spread(group.hours, " h")


def _sizes(ours: Figures) -> str:
    body = [
        (f"`{kind}`", size or "all", share(group.found), _hours(group))
        for kind, sizes in ours.sizes.items()
        if len(sizes) > 1
        for size, group in sizes.items()
    ]
    return table(("kind", "class", "found", "hours to detect"), body)


def _skipped(ours: Figures) -> str:
    body = [(f"`{kind}`", why, n) for kind, reasons in ours.skipped.items() for why, n in reasons.items()]
    return table(("kind", "why it does not count", "faults"), body) if body else "Nothing.\n"


def _false(ours: Figures, naive: Figures) -> str:
    body = [
        (name, rate(ours.false_by_scenario[name]), rate(naive.false_by_scenario[name]))
        for name in ours.false_by_scenario
    ]
    text = table(("scenario", "ours, per lamp-year", "naive"), body)
    if ours.false_by:
        text += "\n" + table(("kind: false friend active when it opened", "false alarms"), ours.false_by.items())
    natural = ", ".join(f"{n} `{kind}`" for kind, n in sorted(ours.true_without_mishap.items())) or "none"
    return (
        text + f"\nA wrong kind beside a true fault: {rate(ours.confused)} (naive {rate(naive.confused)}). "
        f"Second cases of one fault: {ours.doubles} (naive {naive.doubles}). True without a mishap (dirt of the "
        f"season, age, a hot week, a cloudy one that did put the lamp out): {natural}. Hidden because another case "
        f"explains them: {ours.hidden}; withdrawn when late data spoke against them: {ours.withdrawn}.\n"
    )


def _confusion(ours: Figures) -> str:
    body = [
        (f"`{kind}`", ", ".join(f"{said} {n}" for said, n in sorted(row.items(), key=lambda item: -item[1])))
        for kind, row in ours.confusion.items()
    ]
    return table(("what happened", "what was said first"), body)


def _warnings(ours: Figures, naive: Figures) -> str:
    return (
        "Of the first nights that were not served and could be foretold, a `dark_risk` case stood a day before, or lay "
        f"under the commune's note of low sun, in {share(ours.warned)}; by the dusk of the night, when a storm's day "
        f"is over, in {share(ours.warned_by_dusk)}. Where a fault was behind the night, a case stood a day before in "
        f"{share(ours.warned_of_faults)}. Some case about the lamp's energy stood in {share(ours.known)} (naive "
        f"{share(naive.known)}). Of the warnings shown, {share(ours.came_true)} came true within three nights; "
        f"{ours.averted} more were averted by a repair or the end of the world.\n"
    )


def _ledger(worlds: Sequence[World]) -> str:
    counts: dict[tuple[str, str, str], int] = {}
    for world in worlds:
        for group, rows_ in world.ledger.table.items():
            for true, row in rows_.items():
                for said, n in row.items():
                    counts[group, true, said] = counts.get((group, true, said), 0) + n
    known = {key: n for key, n in counts.items() if key[0] == PLAIN and key[2] not in ("unknown", "missing")}
    same = sum(n for (_, true, said), n in known.items() if true == said)
    whole = sum(known.values())
    plain = sum(n for key, n in counts.items() if key[0] == PLAIN)
    minutes: dict[int, int] = {}
    for world in worlds:
        for off, n in world.ledger.minutes.items():
            minutes[off] = minutes.get(off, 0) + n
    body = [(group, true, said, n) for (group, true, said), n in sorted(counts.items())]
    share_same = same / whole if whole else 0.0
    return (
        f"The verdict is right on {share_same:.4%} of {whole} nights with a verdict; {plain - whole} of {plain} "
        f"nights are unknown or missing. Lit minutes: median error {_weighted(minutes, 0.5)} min, 95 % within "
        f"{_weighted(minutes, 0.95)} min. Nights on which a healthy lamp relearns its dusk stand apart.\n\n"
        + table(("nights", "true", "ledger", "count"), body)
    )


def _weighted(counts: Mapping[int, int], share_: float) -> int:
    left = share_ * sum(counts.values())
    for value in sorted(counts):
        left -= counts[value]
        if left <= 0:
            return value
    return 0


def _alerts(worlds: Sequence[World]) -> str:
    body = []
    for world in worlds:
        by = ", ".join(f"{n} {what}" for what, n in sorted(world.alerts_of.items(), key=lambda item: -item[1]) if n)
        body.append((world.name, world.alerts, f"{world.alerts / world.lamp_years:.2f}", by or NONE))
    head = ("world", "alerts told", "per lamp-year", "by what became of their case")
    return table(head, body)


def _lists(ours: Figures) -> str:
    text = ""
    for title, alarms in (("False alarms", ours.alarms), ("Wrong kinds beside a true fault", ours.strays)):
        text += f"### {title} ({len(alarms)})\n\n" + _alarms(alarms) + "\n"
    body = [
        (m.world, m.subject, f"`{m.kind}`", m.size, m.severity, m.since, m.until, m.said or "nothing")
        for m in ours.misses[:MOST]
    ]
    text += f"### Not found ({len(ours.misses)})\n\n"
    return text + (
        table(("world", "where", "kind", "class", "severity", "since", "until", "said instead"), body)
        if body
        else "None.\n"
    )


def _alarms(alarms: Sequence[Alarm]) -> str:
    if not alarms:
        return "None.\n"
    body = [
        (a.world, a.subject, f"`{a.kind}`", a.known_at, a.until, a.cause, a.friend, a.evidence) for a in alarms[:MOST]
    ]
    return table(("world", "where", "kind", "opened", "until", "cause named", "about", "evidence"), body)


def _follows() -> str:
    return "; ".join(f"{kind}: {', '.join(sorted(others))}" for kind, others in FOLLOWS.items())


METHOD: Final = f"""\
- A case belongs to a fault of the same kind and place if it became known after the true onset less six
  hours and its interval meets the fault's (with two to five days of grace after a repair). It is then *right*.
- A symptom whose likeliest cause is the fault is *found*, but not *as itself*.
- What physically follows from a fault is neither a hit nor a false alarm: {_follows()}.
- Hidden and withdrawn cases are no alarms (nobody is told of hidden ones); `low_sun` is a note.
- A case on a lamp without any fault is true where the lamp is dirty (10 % of its light), old (75 % of its capacity or
  less), was measured above 55 °C or did go out with an empty battery; else it is false. Its false friend is what was
  going on then.
- A time to detect ends when the case could be seen: when its evidence sufficed by the lamps' reports (here every six
  hours, as on the cheap data plan), and not before the judgement that followed their arrival.
- Slow faults count from crossing their threshold: dirt 10 % beyond the commune's median lamp, capacity 70 % of the
  nameplate. Faults shorter than their kind needs to show, and slow ones of the first 14 nights, are left out above.
- A dark night could be foretold where it follows seven lit ones and what is behind it began two days before or is the
  weather; drivers, clocks and settings cannot be seen in the battery.
- A warning counts if people could see it at some time: one that comes true is then hidden by the dark night itself.
- Worlds of one seed and season have the same lamps and sky in every scenario: they are not quite independent.
- Intervals: Wilson for shares, Garwood (exact Poisson) for rates, order statistics for medians.
"""
