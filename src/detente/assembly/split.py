"""Splitting a country out of a world: out of an aggregate that holds it, or beside everyone.

The new country's accounts come from what a spec states (value added, trade by partner and
sector, tariffs), and a donor's technology as the prior of a cross-entropy estimate with every
known cell and sum fixed: Robinson, Cattaneo & El-Said (2001, Economic Systems Research 13);
Noland, Robinson & Wang (2000) built a table for the DPRK that way. Out of an aggregate, the
country and what is left are both estimated, and together they are what the aggregate was.
Beside everyone (``out_of: none``), a partner's output stays: what it ships to the new country
it no longer sells at home.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detente.assembly.donor import Donor, donor_of, require_makes, technology_from_table
from detente.assembly.entropy import Nearest, amount, amount_within, nearest_table
from detente.assembly.splitjoin import Account, Levels, assemble, carve, reroute, splice
from detente.assembly.splitprior import Setting
from detente.assembly.splitproblem import Layout, build_program
from detente.assembly.splitrecord import Done, describe
from detente.assembly.splitspec import SplitSpec, load_split_spec
from detente.assembly.splittables import KnownSum, KnownTrade, known_trade, stated_tariffs
from detente.assembly.splitvalue import value_added
from detente.errors import InputError, WorldError, nearest
from detente.world.checks import check
from detente.world.core import World

Array = NDArray[np.float64]


def split_country(world: World, spec: SplitSpec | str | Path | Mapping[str, Any]) -> World:
    """A world with one country more.

    Parameters
    ----------
    world : World
        It is not changed. Where its identities do not hold to rounding it is re-based first,
        which the record says.
    spec : SplitSpec, path, name or mapping
        What is known of the country: see `detente.assembly.splitspec`.

    Returns
    -------
    World
        The new country stands first. Known cells come out exactly, known sums to 1e-11 of
        themselves, every identity of `detente.world.checks` to 1e-9, and no flow is
        negative. Dormant shares and coverage of the old links are the old ones; the new
        country has none. ``meta["split"][CODE]`` says what was moved.

    Raises
    ------
    InputError
        A spec that does not fit the world; totals that no table meets, with what
        contradicts what; more than the aggregate has, with how much is there.
    """
    spec = _spec(spec)
    base = _exact(world)
    a = _validate(base, spec)
    donor = _donor(base, spec)
    trade = known_trade(spec, base)
    levels = Levels.of(base)
    excess: list[dict[str, Any]] = []
    if a is not None:
        levels, excess = _with_excess(base, levels, spec, trade, a)
    there = None if a is None else levels.value_added[:, a]
    shape = (base.n_sectors, base.n_countries)
    pattern = donor if a is None else donor_of(base, base.countries[a])
    exported = trade.by_sector("exports", shape)
    sized = value_added(spec, base.sectors, exported, donor, pattern, there)
    if there is not None and sized.values.sum() >= there.sum() * (1 - 1e-9):
        raise InputError(
            f"value added of {amount(float(sized.values.sum()))} million USD is all that "
            f"{spec.out_of} has ({amount(float(there.sum()))}): nothing would be left.",
            spec.place("value_added", "total"),
        )
    require_makes(donor, sized.values, base.sectors, spec.place("donor"))
    rates = _tariffs(base, levels, spec, a)
    setting = Setting(spec, base, levels, a, donor, sized.values, trade, rates[1])
    account, rest, found, loose = _solve(setting, rates)
    rebased = base is not world
    done = Done(spec, base, levels, account, found, donor, sized, excess, rebased, loose)
    new = _joined(done, a, rest)
    check(new).require()
    return new


def _spec(spec: SplitSpec | str | Path | Mapping[str, Any]) -> SplitSpec:
    if isinstance(spec, SplitSpec):
        return spec
    if isinstance(spec, Mapping):
        return SplitSpec.from_dict(spec)
    return load_split_spec(spec)


def _exact(world: World) -> World:
    """The world, re-based where an identity does not hold to rounding."""
    if check(world).passed:
        return world
    based = world.rebase()
    if not check(based).passed:
        worst = check(based).worst
        raise WorldError(
            f"world '{world.name}' misses the identity '{worst.name}' by "
            f"{worst.violation:.2g} at {worst.where}, also re-based; it cannot be split."
        )
    return based


def _validate(world: World, spec: SplitSpec) -> int | None:
    """Position of the aggregate; None where the world lacks the country."""
    code = spec.model.country.code
    if code in world.countries:
        raise InputError(
            f"'{code}' is in world '{world.name}' already.", spec.place("country", "code")
        )
    _refuse_high_floor(world, spec)
    if spec.out_of is None:
        return None
    if spec.out_of not in world.countries:
        raise InputError(
            f"unknown country '{spec.out_of}' in world '{world.name}'; 'none' says that the "
            "world lacks the new country.",
            spec.place("out_of"),
            nearest(spec.out_of, (*world.countries, "none")),
        )
    return world.countries.index(spec.out_of)


def _refuse_high_floor(world: World, spec: SplitSpec) -> None:
    """Refuse least shares of final demand that leave nothing to divide."""
    floor, count = spec.model.final_demand.floor, world.n_sectors
    if floor * count >= 1:
        most = math.floor((1e4 - 1e-6) / count) / 100  # of one sector, percent
        raise InputError(
            f"a floor of {100 * floor:g} % on each of {count} sectors is "
            f"{100 * floor * count:g} % of final demand: 100 % or more. Lower it to "
            f"{most:g} %.",
            spec.place("final_demand", "floor"),
        )


def _donor(world: World, spec: SplitSpec) -> Donor:
    """The spec's donor; the aggregate itself where it names none."""
    choice = spec.model.donor
    if spec.technology is not None:
        name = (choice.name if choice else "") or "technology"
        file = str(spec.technology.attrs.get("file", "table 'technology'"))
        return technology_from_table(spec.technology, world.sectors, name, file)
    code = choice.country if choice else spec.out_of
    if code is None:
        raise InputError(
            "'out_of: none' needs a donor: a country of the world, or a table of technology.",
            spec.place("donor"),
        )
    if code not in world.countries:
        raise InputError(
            f"unknown country '{code}' in world '{world.name}'.",
            spec.place("donor", "country"),
            nearest(code, world.countries),
        )
    return donor_of(world, code)


# -- more than the aggregate has ---------------------------------------------------------
def _with_excess(
    world: World, levels: Levels, spec: SplitSpec, trade: KnownTrade, a: int
) -> tuple[Levels, list[dict[str, Any]]]:
    """The levels with what is stated beyond what is there, if the spec lets that be moved."""
    extra, listed = np.zeros_like(levels.flows), []
    for each in trade.sums:
        selling = each.flow == "exports"
        there = levels.flows[:, a, :] if selling else levels.flows[:, :, a]
        cells = np.ix_(each.sectors, each.partners)
        amounts = there[cells]
        short = each.value - float(amounts.sum())
        if short <= 1e-12 * each.value:
            continue
        if spec.model.excess != "home" or a in each.partners:
            raise _too_much(each, float(amounts.sum()), spec)
        weight = amounts if amounts.sum() > 0 else np.ones_like(amounts)
        more = np.zeros_like(there)
        more[cells] = weight * (short / weight.sum())
        side = extra[:, a, :] if selling else extra[:, :, a]
        side[:] = np.maximum(side, more)
        listed.append(_listed(world, each, float(amounts.sum()), short, spec))
    if not listed:
        return levels, []
    return reroute(levels, extra, world), listed


def _too_much(each: KnownSum, there: float, spec: SplitSpec) -> InputError:
    way = "sells" if each.flow == "exports" else "buys"
    return InputError(
        f"{each.label}: {amount(each.value)} million USD, but {spec.out_of} {way} "
        f"{amount_within(there)} in all. Lower it; or write 'excess: home', which takes the "
        "rest out of what the exporter sells at home; or 'out_of: none'.",
        each.place,
    )


def _listed(
    world: World, each: KnownSum, there: float, short: float, spec: SplitSpec
) -> dict[str, Any]:
    givers = [world.countries[n] for n in each.partners]
    return {
        "what": each.label,
        "asked": each.value,
        "there": there,
        "taken_from_home_sales": short,
        "of": [spec.out_of] if each.flow == "exports" else givers,
    }


# -- tariffs -----------------------------------------------------------------------------
def _tariffs(
    world: World, levels: Levels, spec: SplitSpec, a: int | None
) -> tuple[Array, Array]:
    """Rates that partners charge the new country, and that it charges them; (S, N) each.

    Stated rates; else the aggregate's. Where the world lacks the country: what a partner
    charges its other suppliers on average, by flows; and nothing on what it buys.
    """
    stated = stated_tariffs(spec, world)
    if a is not None:
        default = levels.tariff[:, a, :], levels.tariff[:, :, a]
        inside = [s[:, a] for s in stated]
        if any(((s != levels.tariff[:, a, a]) & ~np.isnan(s)).any() for s in inside):
            raise InputError(
                f"a tariff between the new country and the rest of {spec.out_of} is the "
                "aggregate's own on itself; leave these rows out.",
                spec.place("tariffs"),
            )
    else:
        abroad = levels.flows * ~np.eye(world.n_countries, dtype=bool)[None]
        bought = abroad.sum(axis=1)
        paid = (abroad * levels.tariff).sum(axis=1)
        mean = np.divide(paid, bought, out=np.zeros_like(paid), where=bought > 0)
        default = mean, np.zeros_like(mean)
    out, in_ = (np.where(np.isnan(s), d, s) for s, d in zip(stated, default, strict=True))
    return out, in_


# -- solving -----------------------------------------------------------------------------
def _solve(
    setting: Setting, rates: tuple[Array, Array]
) -> tuple[Account, Array, Nearest, bool]:
    """The accounts, what is left sells itself, and whether it took two attempts."""
    layout = Layout(setting.world.n_sectors, setting.world.n_countries)
    what = f"the totals of {setting.spec.model.country.code}"
    own, loose = np.einsum("snn->sn", setting.levels.flows), False
    program = build_program(setting, layout)
    try:
        found = nearest_table(program, what)
        imports = found.values[layout.imports]
        loose = setting.aggregate is None and bool((imports > 0.9 * own)[imports > 0].any())
    except InputError:
        loose = True
    if loose:
        program = build_program(setting, layout, loose=True)
        found = nearest_table(program, what)
        imports = found.values[layout.imports]
    values = found.values
    account = Account(
        home=values[layout.home],
        inputs=values[layout.inputs],
        final=values[layout.final],
        added=setting.added,
        exports=values[layout.exports],
        imports=imports,
        tariff_out=rates[0],
        tariff_in=rates[1],
    )
    account, rest = _closed(setting, account, np.isnan(program.known), layout, values)
    return account, rest, found, loose


def _closed(
    setting: Setting,
    account: Account,
    free: NDArray[np.bool_],
    layout: Layout,
    values: Array,
) -> tuple[Account, Array]:
    """The last digits: home sales close what is sold, final demand what is bought."""
    a, made = setting.aggregate, setting.made
    home = account.added + account.inputs.sum(axis=0) - account.exports.sum(axis=1)
    home = _near(home, account.home, made & free[layout.home])
    rate = np.zeros(layout.s) if a is None else setting.levels.tariff[:, a, a]
    bought = (1.0 + rate) * home + ((1.0 + account.tariff_in) * account.imports).sum(axis=1)
    final = _near(bought - account.inputs.sum(axis=1), account.final, free[layout.final])
    rest = np.zeros(layout.s)
    if a is not None:
        inside = home + account.exports[:, a] + account.imports[:, a]
        rest = _near(
            setting.levels.flows[:, a, a] - inside,
            values[layout.rest],
            free[layout.rest],
        )
    return replace(account, home=home, final=final), rest


def _near(closing: Array, found: Array, free: NDArray[np.bool_]) -> Array:
    """The closing value where it is the one found but for rounding."""
    same = np.abs(closing - found) <= 1e-6 * np.abs(found)
    result: Array = np.where(free & same, closing, found)
    return result


def _joined(done: Done, a: int | None, rest: Array) -> World:
    """The new world, with its record."""
    base, spec, account = done.base, done.spec, done.account
    if a is None:
        new, factor = splice(done.levels, account, base)
        changed = np.ones(base.n_countries, dtype=bool)
    else:
        new = carve(done.levels, account, rest, a, base, spec.place("tariffs"))
        factor = np.ones((base.n_sectors, base.n_countries))
        changed = (done.levels.final != Levels.of(base).final).any(axis=0)
        changed[a] = True
    code, name = spec.model.country.code, spec.model.country.name
    fields = assemble(base, new, code, name or code, changed)
    meta, title = describe(done, new, factor, a)
    return base.with_(name=title, meta=meta, **fields)
