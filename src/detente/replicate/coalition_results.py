"""What sanctions coalitions achieve, on any world: exact equilibria of who joins what.

A measure leaves a share m of what a link would carry at unchanged prices. That is what a
gravity equation with exporter-year and importer-year effects measures, m = exp(coefficient),
and it is a trade cost d̂ = m^(−1/θ) (Chowdhry, Hinz, Kamin & Wanner 2024 read theirs off their
estimates so). A full embargo leaves nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from detente.assembly.concordance import goods as goods_industries
from detente.equilibrium import Equilibrium, solve_equilibrium
from detente.errors import InputError, NoSolutionError
from detente.shocks import Shocks
from detente.sources.hs import prefixes
from detente.world.core import World

Array = NDArray[np.float64]

CHINA = "CHN"


@dataclass(frozen=True)
class Case:
    """A world, a target and the measures against it.

    Attributes
    ----------
    world : World
    target : str
        Code of the country that the measures are against.
    senders : tuple of tuple of str
        Codes of those who take part; each group joins or leaves as one.
    exports_left, imports_left : float
        m: what the measures leave of the target's sales to, and purchases from, a sender at
        unchanged prices; above 0, at most 1.
    measured : tuple of str
        Sectors that the measures hit.
    embargoed : tuple of str
        Sectors that a full embargo closes.
    partly : mapping of str to (float, float)
        Regions of which a part takes part: its share of the region's purchases from, and
        sales to, the target.
    embargo_cost : float or None
        An embargo as a trade cost of so many times, in place of closed links.
    """

    world: World
    target: str
    senders: tuple[tuple[str, ...], ...]
    exports_left: float
    imports_left: float
    measured: tuple[str, ...]
    embargoed: tuple[str, ...]
    partly: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    embargo_cost: float | None = None

    def __post_init__(self) -> None:
        for name in ("exports_left", "imports_left"):
            if not 0 < getattr(self, name) <= 1:
                raise InputError(f"'{name}' is {getattr(self, name):g}; it takes 0 to 1.")
        for code in (self.target, *self.members):
            self.world.country_index(code)
        if self.target in self.members:
            raise InputError(f"'{self.target}' is the target and among the senders.")

    @property
    def members(self) -> tuple[str, ...]:
        """Every sender's code."""
        return tuple(code for group in self.senders for code in group)

    @property
    def everyone(self) -> tuple[str, ...]:
        """Everyone but the target."""
        return tuple(c for c in self.world.countries if c != self.target)


def goods_of(world: World) -> tuple[str, ...]:
    """Sectors that make goods, what customs see: the embedded ones, or ISIC's industries."""
    embedded = frozenset(prefixes("sector").values()) - {"", "utilities"}
    made = embedded if "oil-gas" in world.sectors else goods_industries(world.sectors)
    return tuple(s for s in world.sectors if s in made)


def senders_in(world: World, codes: Collection[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Regions of a world all of whose members are among some countries.

    Parameters
    ----------
    world : World
    codes : collection of str
        ISO3.

    Returns
    -------
    tuple of str
        Codes of the regions.
    dict of str to str
        Regions of which only a part is among them, with that part.
    """
    members = world.meta.get("members", {})
    whole, part = [], {}
    for code in world.countries:
        own = set(members.get(code, (code,)))
        if own <= set(codes):
            whole.append(code)
        elif own & set(codes):
            part[code] = ", ".join(sorted(own & set(codes)))
    return tuple(whole), part


# -- shocks ------------------------------------------------------------------------------
def measures(case: Case, senders: Iterable[str], rule: str) -> Shocks:
    """The measures, by some senders, as trade costs."""
    left = _left(case, senders, case.measured, (case.exports_left, case.imports_left))
    cost = left ** (-1.0 / case.world.trade_elasticity[:, None, None])
    return Shocks(cost_hat=cost, deficit_rule=rule)


def embargo(case: Case, senders: Iterable[str], rule: str) -> Shocks:
    """A full embargo by some senders: closed links, or ``case.embargo_cost``."""
    left = _left(case, senders, case.embargoed, (0.0, 0.0))
    if case.embargo_cost is None:
        return Shocks(link=left, deficit_rule=rule)
    cost = np.where(left < 1.0, case.embargo_cost, 1.0)
    return Shocks(cost_hat=cost, deficit_rule=rule)


def _left(
    case: Case, senders: Iterable[str], sectors: Iterable[str], share: tuple[float, float]
) -> Array:
    """m[s, i, n]: what is left of each link at unchanged prices."""
    world = case.world
    left = np.ones_like(world.flows)
    t = world.country_index(case.target)
    rows = [world.sectors.index(s) for s in sectors]
    part = dict.fromkeys(senders, (1.0, 1.0))
    for code, held in case.partly.items():
        part.setdefault(code, held)
    for code, (buys, sells) in part.items():
        n = world.country_index(code)
        left[rows, t, n] = 1.0 - buys * (1.0 - share[0])
        left[rows, n, t] = 1.0 - sells * (1.0 - share[1])
    return left


# -- results -----------------------------------------------------------------------------
@dataclass(frozen=True)
class Results:
    """What a case gives under one deficit rule; changes of welfare in percent.

    Attributes
    ----------
    loss : dict of str to float
        Welfare of the target: measures by the coalition (``coalition``), by everyone
        (``global``), by the coalition and China (``with_china``); full embargoes by the
        coalition (``embargo``) and by everyone (``autarky``); NaN where no equilibrium is.
    trade : dict of str to float
        Changes of the target's trade in the sectors measured, percent, in equilibrium:
        ``exports`` and ``imports`` with the coalition, ``all_exports``, ``all_imports``.
    senders : dict of str to dict
        By group: its own welfare (mean of its countries) in the coalition (``joint``) and
        alone (``alone``); what it imposes on the target by joining the others
        (``imposes_joint``) and alone (``imposes_alone``). Empty unless asked for.
    largest_residual : float
    solves : int
    """

    loss: dict[str, float]
    trade: dict[str, float]
    senders: dict[str, dict[str, float]]
    largest_residual: float
    solves: int

    @property
    def shares(self) -> dict[str, float]:
        """The ratios that the paper prints, percent."""
        loss = self.loss
        found = {
            "loss": loss["coalition"],
            "of_global": 100.0 * loss["coalition"] / loss["global"],
            "of_embargo": 100.0 * loss["coalition"] / loss["embargo"],
            "china_adds": 100.0 * (loss["with_china"] / loss["coalition"] - 1.0),
            "of_openness": 100.0 * loss["coalition"] / loss["autarky"],
        }
        return found | {
            "target_joint": self._joint_over_alone("imposes_"),
            "senders_joint": self._joint_over_alone(""),
        }

    def _joint_over_alone(self, which: str) -> float:
        """How much larger the mean over senders is in the coalition, percent."""
        if not self.senders:
            return float("nan")
        joint, alone = (
            float(np.mean([each[which + how] for each in self.senders.values()]))
            for how in ("joint", "alone")
        )
        return 100.0 * (joint / alone - 1.0)


def results(case: Case, rule: str = "balanced", *, one_by_one: bool = False) -> Results:
    """Solve what a case asks for.

    Parameters
    ----------
    case : Case
    rule : str
        Deficit rule.
    one_by_one : bool
        Whether each sender is also taken out of the coalition, and left alone.

    Raises
    ------
    DetenteError
        An equilibrium that was not found, other than an embargo's.
    """
    solver = _Solver(case, rule)
    members = case.members
    base = solver.measures(members)
    loss = {
        "coalition": solver.on_target(base),
        "global": solver.on_target(solver.measures(case.everyone)),
        "with_china": solver.on_target(solver.measures({*members, CHINA})),
        "embargo": solver.embargo(members),
        "autarky": solver.embargo(case.everyone),
    }
    senders = {}
    for group in case.senders if one_by_one else ():
        others = [code for code in members if code not in group]
        alone = solver.solve(measures(replace(case, partly={}), group, rule))
        at = [case.world.country_index(code) for code in group]
        senders["+".join(group)] = {
            "joint": float(solver.welfare(base)[at].mean()),
            "alone": float(solver.welfare(alone)[at].mean()),
            "imposes_joint": loss["coalition"] - solver.on_target(solver.measures(others)),
            "imposes_alone": solver.on_target(alone),
        }
    return Results(loss, _trade(case, base), senders, solver.residual, solver.solves)


class _Solver:
    """Equilibria of one case under one rule, and the worst residual among them."""

    def __init__(self, case: Case, rule: str) -> None:
        self.case, self.rule = case, rule
        self.residual, self.solves = 0.0, 0
        self._t = case.world.country_index(case.target)

    def solve(self, shocks: Shocks) -> Equilibrium:
        eq = solve_equilibrium(self.case.world, shocks)
        self.residual = max(self.residual, eq.certificate.residual)
        self.solves += 1
        return eq

    def measures(self, senders: Iterable[str]) -> Equilibrium:
        return self.solve(measures(self.case, senders, self.rule))

    @staticmethod
    def welfare(eq: Equilibrium) -> Array:
        """Change of welfare, percent, by country."""
        change: Array = 100.0 * (eq.welfare_hat - 1.0)
        return change

    def on_target(self, eq: Equilibrium) -> float:
        return float(self.welfare(eq)[self._t])

    def embargo(self, senders: Iterable[str]) -> float:
        """A full embargo; NaN where a deficit that is held fixed allows none."""
        try:
            return self.on_target(self.solve(embargo(self.case, senders, self.rule)))
        except NoSolutionError:
            return float("nan")


def _trade(case: Case, eq: Equilibrium) -> dict[str, float]:
    """How the target's trade in the sectors measured moves, percent."""
    world = eq.world
    t = world.country_index(case.target)
    rows = [world.sectors.index(s) for s in case.measured]
    members = [world.country_index(c) for c in case.members]
    everyone = [world.country_index(c) for c in case.everyone]
    found = {}
    for name, whom in (("", members), ("all_", everyone)):
        for flow, old, new in (
            ("exports", world.flows[rows, t], eq.flows[rows, t]),
            ("imports", world.flows[rows, :, t], eq.flows[rows, :, t]),
        ):
            change = new[:, whom].sum() / old[:, whom].sum() - 1.0
            found[f"{name}{flow}"] = 100.0 * float(change)
    return found


def with_elasticities(case: Case, elasticity: Array) -> Case:
    """The same case on a world with other elasticities."""
    return replace(case, world=case.world.with_(trade_elasticity=elasticity))
