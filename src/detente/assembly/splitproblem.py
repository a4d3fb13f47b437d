"""The new country's accounts as one cross-entropy problem: priors, bounds, what is known.

Cells are inputs Z[k, s], final demand f[k], home sales H[s], exports E[s, n] and imports
M[s, i]; value added VA[s] is given. In the model's notation (docs/model.md) the accounts are

    H[s] + Σₙ E[s, n] = Σₖ Z[k, s] + VA[s]                         what is sold, what it costs
    (1 + t) H[k] + Σᵢ (1 + t) M[k, i] = Σₛ Z[k, s] + f[k]          what is bought, its uses

Where the country is a part of an aggregate A, every cell is a part of A's, and what the two
sell each other and themselves adds up to A's own sales.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detente.assembly.entropy import Program, amount, amount_within
from detente.assembly.splitprior import Setting, priors
from detente.assembly.splitspec import ALL
from detente.assembly.splittables import KnownSum
from detente.errors import InputError, Place, nearest

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Layout:
    """Where each cell stands in the vector of cells."""

    s: int
    n: int

    @property
    def inputs(self) -> NDArray[np.intp]:
        """[k, s], shape (S, S)."""
        return np.arange(self.s * self.s).reshape(self.s, self.s)

    @property
    def final(self) -> NDArray[np.intp]:
        """[k], shape (S,)."""
        return self.s * self.s + np.arange(self.s)

    @property
    def home(self) -> NDArray[np.intp]:
        """[s], shape (S,)."""
        return self.final + self.s

    @property
    def rest(self) -> NDArray[np.intp]:
        """[s], shape (S,): what the rest of the aggregate sells itself."""
        return self.home + self.s

    @property
    def exports(self) -> NDArray[np.intp]:
        """[s, n], shape (S, N)."""
        start = self.s * self.s + 3 * self.s
        return start + np.arange(self.s * self.n).reshape(self.s, self.n)

    @property
    def imports(self) -> NDArray[np.intp]:
        """[s, i], shape (S, N)."""
        return self.exports + self.s * self.n

    @property
    def size(self) -> int:
        """How many cells there are."""
        return self.s * self.s + 3 * self.s + 2 * self.s * self.n

    def of(self, flow: str) -> NDArray[np.intp]:
        """Cells of ``exports`` or ``imports``."""
        return self.exports if flow == "exports" else self.imports


def build_program(setting: Setting, layout: Layout, loose: bool = False) -> Program:
    """The problem: priors, bounds, known cells and conditions.

    Parameters
    ----------
    setting : Setting
    layout : Layout
    loose : bool
        The second attempt: flows that the pattern has none of may open (`priors`), and where
        the country is in no aggregate, imports stay below what each partner sells at home.
    """
    guess = priors(setting, loose)
    program = Program(
        prior=_vector(
            layout,
            inputs=guess.inputs,
            final=guess.final,
            home=guess.home,
            rest=guess.rest,
            exports=guess.exports,
            imports=guess.imports,
        ),
        lower=_vector(layout, final=guess.floor),
        upper=_upper(setting, layout, loose),
        known=np.full(layout.size, np.nan),
    )
    _fix_cells(program, setting, layout)
    _add_identities(program, setting, layout)
    _add_sums(program, setting, layout)
    return program


def _vector(layout: Layout, **parts: Array) -> Array:
    found = np.zeros(layout.size)
    for name, values in parts.items():
        found[getattr(layout, name)] = values
    return found


# -- bounds and known cells --------------------------------------------------------------
def _upper(setting: Setting, layout: Layout, loose: bool) -> Array:
    """What there is of each cell."""
    found = np.full(layout.size, np.inf)
    flows, n = setting.levels.flows, layout.n
    own = np.einsum("snn->sn", flows)
    if setting.aggregate is None:
        # who buys none of a good has no use for it; who sells none at home ships none
        spent = flows.sum(axis=1)
        found[layout.exports] = np.where(spent > 0, np.inf, 0.0)
        found[layout.imports] = np.where(own > 0, own if loose else np.inf, 0.0)
        found[layout.rest] = 0.0
        return found
    a = setting.aggregate
    others = np.arange(n) != a
    found[layout.inputs] = setting.levels.input_use[:, :, a]
    found[layout.final] = setting.levels.final[:, a]
    found[layout.exports[:, others]] = flows[:, a][:, others]
    found[layout.imports[:, others]] = flows[:, :, a][:, others]
    return found


def _fix_cells(program: Program, setting: Setting, layout: Layout) -> None:
    """Cells that the spec states, and those of sectors that are not there or are all."""
    known, upper = program.known, program.upper
    idle, whole = ~setting.made, setting.whole
    known[layout.inputs[:, idle]] = 0.0
    known[layout.home[idle]] = 0.0
    known[layout.exports[idle]] = 0.0
    _fix_inputs(program, setting, layout)
    for code, value in setting.spec.model.final_demand.values.items():
        place = setting.spec.place("final_demand", "values", code)
        cell = layout.final[_position(code, setting.world.sectors, place)]
        known[cell] = value * setting.spec.factor
        _refuse_beyond(known[cell], upper[cell], f"final demand for {code}", place)
    for each in setting.trade.sums:
        if each.is_cell:
            _refuse_idle(setting, each)
            cells = layout.of(each.flow)[each.sectors, each.partners]
            known[cells] = each.value
            there = float(upper[cells][0])
            _refuse_beyond(each.value, there, each.label, each.place, _whose(setting, each))
    if whole.any():
        _fix_whole(known, setting, layout, np.flatnonzero(whole))


def _whose(setting: Setting, each: KnownSum) -> str:
    """What bounds a known flow, for a message."""
    partner = setting.world.countries[int(each.partners[0])]
    if setting.aggregate is not None:
        return "there is"
    return f"{partner} buys" if each.flow == "exports" else f"{partner} sells at home"


def _fix_whole(known: Array, setting: Setting, layout: Layout, whole: NDArray[np.intp]) -> None:
    """Sectors that the aggregate has nowhere else: all that it uses and sells is theirs."""
    a, levels = setting.aggregate, setting.levels
    others = np.arange(layout.n) != a
    everything = [
        (layout.inputs[:, whole], levels.input_use[:, whole, a]),
        (layout.exports[whole][:, others], levels.flows[whole, a][:, others]),
        (layout.rest[whole], np.zeros(whole.size)),
        (layout.imports[whole, a], np.zeros(whole.size)),
    ]
    for cells, values in everything:
        stated = known[cells]
        if (np.abs(stated - values) > 1e-9 * np.maximum(values, stated)).any():
            codes = ", ".join(setting.world.sectors[s] for s in whole)
            raise InputError(
                f"the new country has all the value added that {setting.spec.out_of} has in "
                f"{codes}, so what it uses and sells there is all of it too; a stated cell "
                "says otherwise.",
                setting.spec.place("value_added"),
            )
        known[cells] = values


def _fix_inputs(program: Program, setting: Setting, layout: Layout) -> None:
    """Inputs that the spec states; nothing, in most cases."""
    labels = setting.world.sectors
    for j, row in enumerate(setting.spec.model.inputs):
        place = setting.spec.place("inputs", j)
        spared = _positions(row.except_, labels, place)
        users = [s for s in _positions(row.sectors, labels, place) if s not in spared]
        cells = layout.inputs[np.ix_(_positions(row.input, labels, place), users)]
        if row.value > 0 and cells.size != 1:
            raise InputError(
                "an input with a value names one input and one sector: the value is that "
                "cell's.",
                place,
            )
        value = row.value * setting.spec.factor
        if value > 0 and not setting.made[users[0]]:
            raise InputError(f"{labels[users[0]]} has no value added, so no inputs.", place)
        program.known[cells] = value
        label = f"the input of {row.input[0]} in {row.sectors[0]}"
        _refuse_beyond(value, float(program.upper[cells].max(initial=0.0)), label, place)


def _refuse_beyond(
    value: float, there: float, label: str, place: Place, whose: str = "there is"
) -> None:
    """Refuse a known cell that is more than the aggregate, or a partner, has."""
    if value > there * (1 + 1e-9):
        raise InputError(
            f"{label}: {amount(value)} million USD, but {whose} {amount_within(there)} in all.",
            place,
        )


def _refuse_idle(setting: Setting, each: KnownSum) -> None:
    """Refuse an export of a sector that has no value added."""
    s = int(each.sectors[0])
    if each.flow == "exports" and each.value > 0 and not setting.made[s]:
        raise InputError(
            f"{each.label} are {each.value:g} million USD, but the sector has no value added.",
            each.place,
        )


def _positions(codes: tuple[str, ...], labels: tuple[str, ...], place: Place) -> list[int]:
    if codes == (ALL,):
        return list(range(len(labels)))
    return [_position(code, labels, place) for code in codes]


def _position(code: str, labels: tuple[str, ...], place: Place) -> int:
    if code not in labels:
        raise InputError(f"unknown sector '{code}'.", place, nearest(code, labels))
    return labels.index(code)


# -- conditions --------------------------------------------------------------------------
def _add_identities(program: Program, setting: Setting, layout: Layout) -> None:
    """The accounts of each sector, and of the aggregate's own sales."""
    a, codes = setting.aggregate, setting.world.sectors
    home_rate = np.zeros(layout.s) if a is None else setting.levels.tariff[:, a, a]
    for s in range(layout.s):
        if setting.made[s]:
            cells = [layout.home[[s]], layout.exports[s], layout.inputs[:, s]]
            signs = [1.0] * (1 + layout.n) + [-1.0] * layout.s
            program.add(
                np.concatenate(cells),
                float(setting.added[s]),
                f"sales = inputs + value added, {codes[s]}",
                np.array(signs),
                identity=True,
            )
        cells = [layout.home[[s]], layout.imports[s], layout.inputs[s], layout.final[[s]]]
        weights = [[1.0 + home_rate[s]], 1.0 + setting.tariff_in[s], -np.ones(layout.s + 1)]
        program.add(
            np.concatenate(cells),
            0.0,
            f"purchases = inputs + final demand, {codes[s]}",
            np.concatenate(weights),
            identity=True,
        )
    if a is None:
        return
    for s in range(layout.s):
        own = float(setting.levels.flows[s, a, a])
        cells = [layout.home[[s]], layout.rest[[s]], layout.exports[s, [a]]]
        program.add(
            np.concatenate([*cells, layout.imports[s, [a]]]),
            own,
            f"sales inside {setting.world.countries[a]}, {codes[s]}",
            identity=True,
        )


def _add_sums(program: Program, setting: Setting, layout: Layout) -> None:
    """Sums that the spec states."""
    spec = setting.spec
    for each in setting.trade.sums:
        if not each.is_cell:
            cells = layout.of(each.flow)[np.ix_(each.sectors, each.partners)]
            program.add(cells.reshape(-1), each.value, each.label, place=each.place)
    if spec.model.final_demand.total is not None:
        program.add(
            layout.final,
            spec.model.final_demand.total * spec.factor,
            "final demand",
            place=spec.place("final_demand", "total"),
        )
    if spec.model.trade.balance is not None:
        out, in_ = layout.exports.reshape(-1), layout.imports.reshape(-1)
        program.add(
            np.concatenate([out, in_]),
            spec.model.trade.balance * spec.factor,
            "exports less imports",
            np.concatenate([np.ones(out.size), -np.ones(in_.size)]),
            place=spec.place("trade", "balance"),
        )
