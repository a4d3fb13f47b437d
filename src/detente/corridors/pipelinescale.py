"""What a link of another size or length costs to build.

Capital grows with length in proportion, and with capacity to the power 0.7 (``SCALE``,
assumed). A pipe's steel grows with its girth and what it holds with its cross-section, so that
capital grows more slowly than capacity: the rule of six tenths of process engineering says 0.6,
0.8 is at the other end of what is customary. M. Oliver (2015, Energy Economics 52, abstract
read) finds economies of scale in capacity in 254 projects of the USA, and none where long pipes
need compressors. A capital that is stated is taken as stated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from detente.corridors.pipelines import Link, Segment
from detente.corridors.pipelineunits import figure

#: Power of capacity with which capital grows; 0.6 to 0.8 are customary (assumed).
SCALE = 0.7
_SAME = 1e-9


def sized(
    base: Link,
    capacity: float | None = None,
    km: Mapping[str, float] | None = None,
    capex: float | None = None,
) -> tuple[Link, str]:
    """A link with another capacity, other lengths or another capital.

    Parameters
    ----------
    base : Link
        With the capital of its own size.
    capacity : float, optional
        bcm or TWh a year.
    km : mapping of country to km, optional
        A country where the link has no length yet is built at the mean cost a km of the others.
    capex : float, optional
        Million USD in all, spread as the link's capital is: nothing else is scaled then.

    Returns
    -------
    Link
    str
        How capital was scaled, in words; empty where it was not.
    """
    segments = _stretched(base, km or {})
    size = base.capacity if capacity is None else capacity
    by = (size / base.capacity) ** SCALE
    scaled = tuple(replace(s, capex=s.capex * by) for s in segments)
    link = replace(base, capacity=size, segments=scaled)
    if capex is not None:
        return _costing(link, capex), ""
    return link, _words(base, link)


def _stretched(base: Link, km: Mapping[str, float]) -> tuple[Segment, ...]:
    """Segments with the lengths stated, capital in proportion."""
    whole = sum(s.km for s in base.segments)
    each = base.capex / whole if whole > 0 else 0.0
    found, old = [], {c: base.km(c) for c in km}
    for s in base.segments:
        by = km[s.country] / old[s.country] if old.get(s.country, 0.0) > 0 else 1.0
        found.append(replace(s, km=s.km * by, capex=s.capex * by))
    new = (c for c in km if old[c] == 0)
    return (*found, *(Segment(c, km[c], each * km[c], {c: 1.0}, {c: 1.0}) for c in new))


def _costing(link: Link, capex: float) -> Link:
    """The capital stated, spread by capital, else by length, else over both ends."""
    segments = link.segments or tuple(
        Segment(c, 0.0, 0.0, {c: 1.0}, {c: 1.0}) for c in (link.seller, link.buyer)
    )
    sizes = [s.capex for s in segments]
    if sum(sizes) <= 0:
        sizes = [s.km for s in segments]
    if sum(sizes) <= 0:
        sizes = [1.0 for _ in segments]
    total = sum(sizes)
    parts = zip(segments, sizes, strict=True)
    return replace(link, segments=tuple(replace(s, capex=capex * x / total) for s, x in parts))


def _words(base: Link, link: Link) -> str:
    if base.capex <= 0:
        return ""
    old, new = (sum(s.km for s in one.segments) for one in (base, link))
    unit = "bcm" if link.carrier == "gas" else "TWh"
    why = []
    if not math.isclose(link.capacity, base.capacity, rel_tol=_SAME):
        why.append(
            f"{figure(link.capacity)} in place of {figure(base.capacity)} {unit} a year, to "
            f"the power {SCALE:g} (assumed)"
        )
    if any(
        not math.isclose(link.km(c), base.km(c), rel_tol=_SAME)
        for c in {s.country for s in link.segments}
    ):
        why.append(f"{figure(new)} in place of {figure(old)} km")
    if not why:
        return ""
    return (
        f"capital scaled from {figure(base.capex)} to {figure(link.capex)} million USD: "
        f"{' and '.join(why)}; state 'capex' to set it"
    )
