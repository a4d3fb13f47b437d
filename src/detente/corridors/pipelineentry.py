"""How a link enters the model of trade: worth, resource cost, and who owns the rent.

With F what the seller already ships to the buyer in the sector and E = p_a·V what the link
delivers at the price of the alternative (both million USD at baseline prices), the link's
resource cost is r = C/E. The shipment F + E then takes F + r·E of resources, so that the
iceberg cost of the whole is d̂ = (F + r·E)/(F + E), and a cap of the quantity d̂·(F + E), in
units of the seller's goods, holds it to what it can carry. At baseline prices the cap's mark-up
makes up for d̂, μ = 1/d̂ − 1, and its rent is μ/(1 + μ)·(F + E) = (1 − r)·E = p_a·V − C: the
surplus. It goes to the parties as the contract divides it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from detente.corridors.pipelines import Economics


@dataclass(frozen=True)
class Entry:
    """A link as the model takes it.

    Attributes
    ----------
    worth : float
        E, million USD a year.
    ratio : float
        r.
    owners : tuple of (country, share)
        Of the rent; shares are zero or above and sum to one.
    transfers : mapping of country to million USD
        What the rent's shares leave to be handed over, where a party loses by the contract;
        sums to zero.
    """

    worth: float
    ratio: float
    owners: tuple[tuple[str, float], ...]
    transfers: Mapping[str, float]

    @property
    def rent(self) -> float:
        """(1 − r)·E, million USD a year."""
        return (1.0 - self.ratio) * self.worth

    def cost_hat(self, flow: float) -> float:
        """d̂ of the link, with F its baseline flow."""
        return (flow + self.ratio * self.worth) / (flow + self.worth)

    def quantity(self, flow: float) -> float:
        """The cap's quantity, d̂·(F + E)."""
        return flow + self.ratio * self.worth


def entry(found: Economics, *, financed: bool = False, sunk: bool = False) -> Entry | None:
    """A link's year as the model takes it; None where it would not be used.

    Parameters
    ----------
    found : Economics
    financed : bool
        Whether capital is charged to its payers elsewhere: it is then no part of r, and each
        payer's part of the rent is its gain before capital.
    sunk : bool
        Whether that capital was paid before, and is no reason not to sign any more.

    Returns
    -------
    Entry or None
        None where nothing flows, where r is one or more, or where a bargain would leave those
        who have to agree with less than nothing (:attr:`Economics.deal`).
    """
    capital = found.capital if financed else {}
    parts = {c: gain + capital.get(c, 0.0) for c, gain in found.gains.items()}
    rent = found.surplus + sum(capital.values())
    if found.volume <= 0 or rent <= 1e-12 * found.value:
        return None
    back = sum(capital.get(c, 0.0) for c in found.link.bargainers) if sunk else 0.0
    if not found.deal and found.divided + back <= 0:
        return None
    positive = {c: part for c, part in parts.items() if part > 1e-12 * rent}
    whole = sum(positive.values())
    owners = tuple((c, part / whole) for c, part in positive.items())
    shares = dict(owners)
    left = {c: part - shares.get(c, 0.0) * rent for c, part in parts.items()}
    transfers = {c: x for c, x in left.items() if abs(x) > 1e-9 * rent}
    return Entry(found.value, 1.0 - rent / found.value, owners, transfers)
