"""Each rule's weeks beside what came: error of a week, bias of four, and how many dates our band held."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from benchmarks.forecast_rules.rules import OURS, RULES, Known, Said
from benchmarks.forecast_rules.town import Regime, Sale, T, sales_of
from infra.money import ZERO
from runway.calculators.outlook import WEEKS

BIAS_WEEKS = 4
MOST_WAPE, MOST_BIAS, COVERED = 0.50, 5.0, (75.0, 85.0)
_DAYS_A_WEEK = 7


@dataclass
class Errors:
    """Of one rule over all companies of a regime. `missed` sums |said - came| by week."""

    missed: Decimal = ZERO
    came: Decimal = ZERO
    said_soon: Decimal = ZERO
    came_soon: Decimal = ZERO

    @property
    def wape(self) -> float:
        return float(self.missed / self.came)

    @property
    def bias_percent(self) -> float:
        return float((self.said_soon / self.came_soon - 1) * 100)

    def add(self, said: Sequence[Decimal], came: Sequence[Decimal]) -> None:
        self.missed += sum((abs(a - b) for a, b in zip(said, came, strict=True)), ZERO)
        self.came += sum(came, ZERO)
        self.said_soon += sum(said[:BIAS_WEEKS], ZERO)
        self.came_soon += sum(came[:BIAS_WEEKS], ZERO)


@dataclass
class RegimeResult:
    """Attributes:
    covered, dated: invoices paid between their P10 and P90 days, and all that had such days.
    below, above: those paid before the one and after the other.
    """

    regime: Regime
    runs: int
    rules: dict[str, Errors] = field(default_factory=lambda: defaultdict(Errors))
    invoices: int = 0
    dated: int = 0
    below: int = 0
    above: int = 0

    @property
    def coverage_percent(self) -> float:
        return 100 * (self.dated - self.below - self.above) / self.dated

    def misses(self) -> list[str]:
        """The bars that our rule is held to and does not meet."""
        ours, found = self.rules[OURS], []
        if ours.wape > MOST_WAPE:
            found.append(f"{self.regime}: WAPE {ours.wape:.2f} > {MOST_WAPE}")
        if abs(ours.bias_percent) > MOST_BIAS:
            found.append(f"{self.regime}: bias {ours.bias_percent:+.1f} % beyond {MOST_BIAS} %")
        if not COVERED[0] <= self.coverage_percent <= COVERED[1]:
            found.append(f"{self.regime}: coverage {self.coverage_percent:.1f} % outside {COVERED} %")
        return found


def measure(regime: Regime, *, runs: int, first_seed: int = 0) -> RegimeResult:
    result = RegimeResult(regime, runs)
    for seed in range(first_seed, first_seed + runs):
        known = Known.of(sales_of(regime, seed))
        came = _weeks((sale.paid_on, sale.amount) for sale in known.open)
        for name, rule in RULES.items():
            result.rules[name].add(_weeks(rule(known)), came)
        _count_covered(result, known.open, known)
    return result


def _weeks(said: Iterable[tuple[date, Decimal]] | Said) -> list[Decimal]:
    """The first week holds T too; what comes after the thirteenth is in none."""
    weeks = [ZERO] * WEEKS
    for on, amount in said:
        week = max(0, (on - T).days - 1) // _DAYS_A_WEEK
        if week < WEEKS:
            weeks[week] += amount
    return weeks


def _count_covered(result: RegimeResult, sales: Iterable[Sale], known: Known) -> None:
    for sale in sales:
        result.invoices += 1
        dates = known.receipts[sale.external_id].dates
        if dates:
            result.dated += 1
            result.below += sale.paid_on < dates[0]
            result.above += sale.paid_on > dates[-1]
