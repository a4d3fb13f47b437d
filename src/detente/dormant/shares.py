"""Dormant shares of a country: both anchors, as tables and as part of a world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from detente.dormant.anchors import AS_BEFORE, NORMAL, Anchor, Anchors, ratio
from detente.dormant.estimates import POOLED, Estimates, embedded_estimates
from detente.dormant.geography import Geography, embedded_geography, lay
from detente.dormant.history import History
from detente.dormant.kinds import BEFORE, NEVER, NONE, OBSERVED, LinkKinds, in_force, link_kinds
from detente.errors import InputError, nearest
from detente.world.core import Array, World

if TYPE_CHECKING:
    import pandas as pd

#: Where a world's record keeps what its dormant shares were made of.
META = "dormant"


@dataclass(frozen=True, eq=False)
class DormantShares:
    """What the closed links of one country would carry, by both anchors.

    Attributes
    ----------
    world : World
    country : str
    anchors : mapping of str to Anchor
        ``normal`` and, with a history, ``as_before``.
    model : Anchors
        Computes them again at other coefficients (for draws).
    estimates : Estimates
        Those of the world's sectors, in their order.
    history : History or None
    traded : tuple of str
        Sectors that have links.
    record : dict
        JSON-able: what it was made of.
    members : dict
        Places of each country that is a group.
    """

    world: World
    country: str
    anchors: Mapping[str, Anchor]
    model: Anchors
    estimates: Estimates
    history: History | None
    traded: tuple[str, ...]
    record: dict[str, Any]
    members: dict[str, list[str]]

    @property
    def kinds(self) -> LinkKinds:
        """Observed, before, never or none, by link."""
        return self.model.kinds

    def attach(self) -> World:
        """The world with ψ of both anchors in ``dormant`` and the record in ``meta``.

        ψ of other countries' links, where the world has any, stay.
        """
        c = self.world.country_index(self.country)
        dormant = {}
        for name, anchor in self.anchors.items():
            psi = anchor.dormant_share(c)
            old = self.world.dormant.get(name)
            if old is not None:
                psi = np.where(_links_of(c, psi.shape), psi, old)
            dormant[name] = psi
        kept = {k: v for k, v in self.world.dormant.items() if k not in dormant}
        records = {**self.world.meta.get(META, {}), self.country: self.record}
        return self.world.with_(dormant=kept | dormant, meta={**self.world.meta, META: records})

    # -- tables ------------------------------------------------------------------------
    def links(self) -> pd.DataFrame:
        """Every link, sector by sector, with its kind and what each anchor says of it.

        Returns
        -------
        DataFrame
            ``exporter``, ``importer``, ``sector``, ``kind``, ``observed`` (million USD now),
            ``before`` (in the reference year), ``as_before`` and ``normal`` (what gravity
            says at baseline costs), ``estimate`` (own or pooled), ``banned`` (covered share).
        """
        import pandas as pd  # noqa: PLC0415

        world, c = self.world, self.world.country_index(self.country)
        banned = in_force(world)
        parts = []
        for selling in (True, False):
            kind = self.kinds.sales if selling else self.kinds.purchases
            s, n = np.nonzero(kind != NONE)
            partner = np.asarray(world.countries, dtype=object)[n]
            cell = (s, np.full_like(s, c), n) if selling else (s, n, np.full_like(s, c))
            past = np.zeros(kind.shape)
            if self.history is not None:
                past = self.history.sales if selling else self.history.purchases
            parts.append(
                pd.DataFrame(
                    {
                        "exporter": self.country if selling else partner,
                        "importer": partner if selling else self.country,
                        "sector": np.asarray(world.sectors, dtype=object)[s],
                        "kind": kind[s, n],
                        "observed": world.flows[cell],
                        "before": past[s, n],
                        **{
                            name: _side(anchor, selling)[s, n]
                            for name, anchor in sorted(self.anchors.items())
                        },
                        "estimate": np.asarray(self.estimates.flag, dtype=object)[s],
                        "banned": banned[cell],
                    }
                )
            )
        return pd.concat(parts, ignore_index=True)

    def border_ratio(self) -> pd.DataFrame:
        """How far from normal the border was before the bans: the anchors' ratio by sector.

        Returns
        -------
        DataFrame
            Index sector. ``exports_as_before``, ``exports_normal`` and ``exports_ratio``:
            potential sales to all partners, million USD, and their ratio; the same for
            imports; ``reference_exports_ratio`` and ``reference_imports_ratio``: what was
            traded with the reference partner before, over what is normal with it. NaN where
            normal trade is nil. ``estimate`` is own or pooled.

        Raises
        ------
        InputError
            There is no history, so no ``as_before``.
        """
        import pandas as pd  # noqa: PLC0415

        if self.history is None:
            raise InputError(
                f"{self.country} has no history of trade before a ban, so there is no anchor "
                "'as_before' to compare with."
            )
        r = self.world.country_index(self.history.reference)
        here = [self.world.sector_index(s) for s in self.traded]
        found: dict[str, Any] = {}
        for label, selling in (("exports", True), ("imports", False)):
            past = self.history.sales if selling else self.history.purchases
            before, normal = (
                _side(self.anchors[name], selling)[here] for name in (AS_BEFORE, NORMAL)
            )
            found[f"{label}_as_before"] = before.sum(axis=1)
            found[f"{label}_normal"] = normal.sum(axis=1)
            found[f"{label}_ratio"] = ratio(before.sum(axis=1), normal.sum(axis=1), np.nan)
            found[f"reference_{label}_ratio"] = ratio(past[here, r], normal[:, r], np.nan)
        found["estimate"] = [self.estimates.flag[j] for j in here]
        return pd.DataFrame(found, index=pd.Index(self.traded, name="sector"))

    def potential(self) -> pd.DataFrame:
        """Potential trade by partner and anchor, million USD, summed over sectors.

        Returns
        -------
        DataFrame
            Index partner; ``exports_X``, ``imports_X``, ``total_X`` for each anchor X, seen
            from the country. At baseline costs and incomes: no equilibrium.
        """
        import pandas as pd  # noqa: PLC0415

        columns = {}
        for name, anchor in sorted(self.anchors.items()):
            columns[f"exports_{name}"] = anchor.sales.value.sum(axis=0)
            columns[f"imports_{name}"] = anchor.purchases.value.sum(axis=0)
            columns[f"total_{name}"] = columns[f"exports_{name}"] + columns[f"imports_{name}"]
        index = pd.Index(self.world.countries, name="partner")
        return pd.DataFrame(columns, index=index).drop(index=self.country)


def _side(anchor: Anchor, selling: bool) -> Array:
    return anchor.sales.value if selling else anchor.purchases.value


def _links_of(country: int, shape: tuple[int, ...]) -> Array:
    found = np.zeros(shape, dtype=bool)
    found[:, country, :] = found[:, :, country] = True
    return found


def dormant_shares(
    world: World,
    country: str,
    *,
    history: History | None = None,
    geography: Geography | None = None,
    estimates: Estimates | None = None,
    members: Mapping[str, tuple[str, ...]] | None = None,
    traded: Sequence[str] | None = None,
) -> DormantShares:
    """Dormant shares of every link of a country, from gravity and from its own past.

    Parameters
    ----------
    world : World
    country : str
        One place, not a group.
    history : History, optional
        Its trade before the bans. Without one only ``normal`` is computed.
    geography : Geography, optional
        By default the places of the embedded worlds.
    estimates : Estimates, optional
        By default the embedded ones; a sector without its own takes the pooled one, flagged.
    members : mapping, optional
        Places of each country that is a group; the world's own where it is not named.
    traded : sequence of str, optional
        Sectors that have links. By default those with an estimate of their own (goods, in
        the embedded ones); where no sector has one, those where the world trades more than a
        tenth of its output.

    Returns
    -------
    DormantShares

    Raises
    ------
    InputError
        An unknown country or sector, a country that is a group, a place without covariates.
    """
    world.country_index(country)
    geography = geography or embedded_geography()
    found = (estimates or embedded_estimates()).of(world.sectors)
    chosen = _traded(world, found, traded)
    groups = {**world.meta.get("members", {}), **(members or {})}
    site = lay(world, geography, groups)
    geography = geography.only(site.places)
    mask = np.isin(np.asarray(world.sectors), chosen)
    model = Anchors(site, country, link_kinds(world, country, history, mask), history)
    record = {
        "country": country,
        "traded": list(chosen),
        "history": None if history is None else history.record(world),
        "estimates": found.source,
        "estimates_hash": found.content_hash[:12],
        "geography": geography.source,
        "geography_hash": geography.content_hash[:12],
        "without_geography": list(site.lacking),
        "pooled": [
            s
            for s, flag in zip(world.sectors, found.flag, strict=True)
            if flag == POOLED and s in chosen
        ],
    }
    anchors = model.at(found.coefficient, world.trade_elasticity)
    places = {code: list(group) for code, group in groups.items()}
    return DormantShares(world, country, anchors, model, found, history, chosen, record, places)


def recorded(
    world: World,
    country: str,
    geography: Geography | None = None,
    estimates: Estimates | None = None,
) -> DormantShares:
    """The dormant shares that a world's record describes, ready to be drawn again.

    Parameters
    ----------
    world : World
    country : str
    geography : Geography, optional
        The one that they were made with; by default that of the embedded worlds.
    estimates : Estimates, optional
        Likewise.

    Raises
    ------
    InputError
        The world has no record for the country, or was made with a geography or estimates
        other than the embedded ones.
    """
    records: Mapping[str, Any] = world.meta.get(META, {})
    if country not in records:
        has = ", ".join(records) or "none"
        raise InputError(
            f"world '{world.name}' has no dormant shares of {country} (it has: {has}); make "
            "them with detente world dormant.",
            None,
            nearest(country, records),
        )
    record = records[country]
    history = record["history"]
    past = None if history is None else History.from_record(world, history)
    found = dormant_shares(
        world,
        country,
        history=past,
        geography=geography,
        estimates=estimates,
        traded=record["traded"],
    )
    if found.record["geography_hash"] != record["geography_hash"]:
        raise InputError(
            f"the dormant shares of world '{world.name}' were made with another geography "
            f"({record['geography']}); give the same one (--geodist)."
        )
    if found.record["estimates_hash"] != record["estimates_hash"]:
        raise InputError(
            f"the dormant shares of world '{world.name}' were made with other estimates "
            f"({record['estimates']}) than this version's; make them again: detente world "
            "dormant."
        )
    _refuse_other_shares(world, found)
    return found


def _refuse_other_shares(world: World, found: DormantShares) -> None:
    """A world that was changed after its dormant shares were made gives others."""
    cells = _links_of(world.country_index(found.country), world.flows.shape)
    for name, anchor in found.anchors.items():
        psi = anchor.dormant_share(world.country_index(found.country))
        stored = world.dormant.get(name)
        if stored is None or not np.allclose(psi[cells], stored[cells], rtol=1e-4, atol=1e-12):
            raise InputError(
                f"world '{world.name}' was changed after its dormant shares of {found.country} "
                "were made; make them again: detente world dormant."
            )


def _traded(world: World, estimates: Estimates, given: Sequence[str] | None) -> tuple[str, ...]:
    if given is not None:
        for sector in given:
            world.sector_index(sector)
        return tuple(s for s in world.sectors if s in set(given))
    own = [flag != POOLED for flag in estimates.flag]
    if not any(own):
        output = world.output.sum(axis=1)
        own = list(output - np.einsum("snn->s", world.flows) > 0.1 * output)
    return tuple(s for s, is_open in zip(world.sectors, own, strict=True) if is_open)


__all__ = [
    "BEFORE",
    "NEVER",
    "NONE",
    "OBSERVED",
    "DormantShares",
    "dormant_shares",
    "recorded",
]
