"""Transit income as somebody gave it, beside what it takes to get there."""

from __future__ import annotations

from dataclasses import dataclass

from detente.corridors.pipelinecase import Claim
from detente.corridors.pipelines import Link
from detente.corridors.pipelineunits import MMBTU_PER_1000M3, Fee, Volume, figure


@dataclass(frozen=True)
class Checked:
    """A claim, and the one number that it leaves open.

    Attributes
    ----------
    claim : Claim
    volume : float
        bcm or TWh a year that it is about.
    open : str
        What is solved for: ``km``, ``fee`` (USD per 1000 m³ or MWh and 100 km) or ``worth``
        (USD per 1000 m³ or MWh).
    needs : float
        Its value.
    """

    claim: Claim
    volume: float
    open: str
    needs: float


def length_for(income: float, volume: float, fee: float) -> float:
    """Km that an income takes: 100·income/(V·f); million USD, bcm or TWh, USD per unit."""
    return 100.0 * income / (volume * fee)


def checked(claim: Claim, link: Link) -> Checked:
    """Solve a claim for what it leaves open.

    With a fee by distance, the length: 100·income/(V·f). With a share of the worth, what the
    gas is worth: income/(s·V). With neither, the fee over the link's own length on transit
    lands: 100·income/(V·km).
    """
    volume = claim.volume.a_year if claim.volume else link.capacity * link.load_factor
    if claim.fee is None:
        km = sum(link.km(land) for land in link.via)
        return Checked(claim, volume, "fee", 100.0 * claim.amount / (volume * km))
    if claim.fee.unit == "%":
        return Checked(
            claim, volume, "worth", 100.0 * claim.amount / (claim.fee.number * volume)
        )
    return Checked(claim, volume, "km", length_for(claim.amount, volume, claim.fee.number))


def needs_in_words(found: Checked, carrier: str) -> str:
    """``needs 768 km``, ``a fee of 1.43``, ``gas worth 10.6 USD/mmbtu``."""
    claim = found.claim
    if found.open == "km":
        return f"needs {found.needs:,.0f} km at {claim.fee}"
    if found.open == "fee":
        unit = "USD/1000m3/100km" if carrier == "gas" else "USD/MWh/100km"
        return f"needs a fee of {found.needs:.2f} {unit}"
    if carrier == "gas":
        worth = found.needs / MMBTU_PER_1000M3
        return f"needs gas worth {worth:.2f} USD/mmbtu at {claim.fee} of its worth"
    return f"needs power worth {found.needs:.1f} USD/MWh at {claim.fee} of its worth"


def unit_check(link: Link, written: Volume, fee: Fee) -> str:
    """The transit income of a year, as a sum that a reader can do by hand."""
    volume = link.capacity * link.load_factor
    unit = "bcm" if link.carrier == "gas" else "TWh"
    start = f"{figure(volume)} {unit}"
    if written.unit == "Mt/year" and link.load_factor == 1.0:
        start = f"{written.number:g} Mt × 1.38 bcm/Mt"
    parts = []
    for land in link.via:
        income = fee.income(volume, link.km(land), link.alternative)
        how = (
            f"{fee} × {figure(link.alternative)} USD"
            if fee.unit == "%"
            else f"{link.km(land):,.0f} km × {fee}"
        )
        parts.append(f"{land}: {start} × {how} = {income:,.1f} million USD")
    return "; ".join(parts)
