"""The nights of some lamps over a window, read from the store at once, and the service figures they add up to."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Final

from gateway.fleet import Lamp
from gateway.store import Store
from monitor.web.dates import midnight

# One letter per night and lamp; a night before the lamp was installed is not a night of that lamp.
LIT: Final = "l"
PARTLY: Final = "p"
DARK: Final = "d"
UNKNOWN: Final = "u"
NOT_YET: Final = "."
VERDICTS: Final = {"lit": LIT, "partly": PARTLY, "dark": DARK, "unknown": UNKNOWN}
LETTERS: Final = {letter: verdict for verdict, letter in VERDICTS.items()}


@dataclass(frozen=True, slots=True)
class Minutes:
    """Sums of one lamp over the window."""

    scheduled: float = 0.0  # minutes, of the nights that are known
    lit: float = 0.0  # minutes
    completeness: float = 0.0  # sum over the nights of the share of samples that came, 0…1 each


@dataclass(frozen=True)
class Ledger:
    """`verdicts[lamp]` has one letter per date of `dates`, oldest first."""

    dates: tuple[date, ...]
    verdicts: Mapping[str, str]
    minutes: Mapping[str, Minutes]

    def count(self, lamps: Iterable[Lamp], night: int = -1) -> Counter[str]:
        """Verdicts of one night (by default the last) over lamps."""
        return Counter(self.verdicts[lamp.id][night] for lamp in lamps)

    def letters(self, lamps: Iterable[Lamp], night: int = -1) -> str:
        return "".join(self.verdicts[lamp.id][night] for lamp in lamps)

    def newest_known(self, lamps: Sequence[Lamp]) -> int | None:
        """The index of the newest night of which anything is known."""
        for index in range(len(self.dates) - 1, -1, -1):
            if any(self.verdicts[lamp.id][index] in (LIT, PARTLY, DARK) for lamp in lamps):
                return index
        return None


@dataclass(frozen=True, slots=True)
class Service:
    """What a donor asks, each figure recomputable. Unknown nights are counted both ways: lost, and as served."""

    nights: int  # lamp-nights of installed lamps
    served: int  # lit to the end
    unknown: int
    lit_minutes: float
    scheduled_minutes: float  # of the known nights
    completeness: float  # 0…1
    longest_dark: int  # nights in a row
    longest_lamp: str | None

    @property
    def low(self) -> float:
        return self.served / self.nights if self.nights else 0.0

    @property
    def high(self) -> float:
        return (self.served + self.unknown) / self.nights if self.nights else 0.0

    @property
    def hours(self) -> float | None:
        """Lit of scheduled, over the known nights."""
        return min(1.0, self.lit_minutes / self.scheduled_minutes) if self.scheduled_minutes else None


def read_ledger(store: Store, lamps: Sequence[Lamp], last: date, nights: int) -> Ledger:
    """The `nights` nights up to and including `last`. A night without a row is unknown. May raise StoreAway."""
    first = last - timedelta(days=nights - 1)
    dates = tuple(first + timedelta(days=i) for i in range(nights))
    wanted = None if len(lamps) > 50 else [lamp.id for lamp in lamps]
    frame = store.read(
        "nights",
        midnight(first),
        midnight(last + timedelta(days=1)),
        lamps=wanted,
        columns=["lamp", "time", "verdict", "scheduled_minutes", "lit_minutes", "completeness"],
    )
    strips = {lamp.id: [UNKNOWN] * nights for lamp in lamps}
    sums = {lamp.id: [0.0, 0.0, 0.0] for lamp in lamps}
    start = midnight(first)
    index = ((frame["time"] - start).dt.total_days()).to_list()
    for ident, i, verdict, scheduled, lit, complete in zip(
        frame["lamp"].to_list(),
        index,
        frame["verdict"].to_list(),
        frame["scheduled_minutes"].to_list(),
        frame["lit_minutes"].to_list(),
        frame["completeness"].to_list(),
        strict=True,
    ):
        strip = strips.get(ident)
        if strip is None:  # a lamp that has left the fleet file
            continue
        letter = VERDICTS.get(verdict, UNKNOWN)
        strip[i] = letter
        total = sums[ident]
        if letter != UNKNOWN:
            total[0] += scheduled or 0.0
            total[1] += lit or 0.0
        total[2] += complete or 0.0
    for lamp in lamps:
        if lamp.installed and lamp.installed > first:
            missing = min(nights, (lamp.installed - first).days)
            strips[lamp.id][:missing] = [NOT_YET] * missing
    return Ledger(
        dates,
        {ident: "".join(strip) for ident, strip in strips.items()},
        {ident: Minutes(*total) for ident, total in sums.items()},
    )


def service(ledger: Ledger, lamps: Sequence[Lamp]) -> Service:
    """The figures of these lamps over the ledger's window."""
    counts: Counter[str] = Counter()
    longest, longest_lamp = 0, None
    for lamp in lamps:
        letters = ledger.verdicts[lamp.id]
        counts.update(letters)
        run = dark_run(letters)
        if run > longest:
            longest, longest_lamp = run, lamp.id
    nights = sum(counts.values()) - counts[NOT_YET]
    minutes = [ledger.minutes[lamp.id] for lamp in lamps]
    return Service(
        nights=nights,
        served=counts[LIT],
        unknown=counts[UNKNOWN],
        lit_minutes=sum(m.lit for m in minutes),
        scheduled_minutes=sum(m.scheduled for m in minutes),
        completeness=sum(m.completeness for m in minutes) / nights if nights else 0.0,
        longest_dark=longest,
        longest_lamp=longest_lamp,
    )


def dark_run(letters: str) -> int:
    """The longest row of dark nights. An unknown night breaks it: nobody can say that it was dark."""
    return max((len(list(run)) for letter, run in groupby(letters) if letter == DARK), default=0)


def standing(letters: str) -> tuple[str, int]:
    """The newest verdict and for how many nights in a row it has been so."""
    if not letters:
        return UNKNOWN, 0
    newest = letters[-1]
    return newest, len(letters) - len(letters.rstrip(newest))
