"""What ``detente pipelines`` answers: the link asked for, and its tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from detente.corridors.pipelinecase import Case, case_names, load_case
from detente.corridors.pipelineclaims import checked, needs_in_words, unit_check
from detente.corridors.pipelineparties import Interruption, break_even, interruption, returns
from detente.corridors.pipelines import Economics, Link, economics
from detente.corridors.pipelinescale import sized
from detente.corridors.pipelineunits import (
    Capacity,
    ContractPrice,
    Days,
    EnergyPrice,
    Price,
    TransitFee,
    Usd,
    Volume,
    for_carrier,
)
from detente.errors import InputError, nearest

_READ: dict[str, TypeAdapter[Any]] = {
    "capacity": TypeAdapter(Capacity),
    "capex": TypeAdapter(Usd),
    "transit_fee": TypeAdapter(TransitFee),
    "alternative_price": TypeAdapter(EnergyPrice),
    "supply_cost": TypeAdapter(EnergyPrice),
    "price": TypeAdapter(ContractPrice),
    "interrupted": TypeAdapter(Days),
}


@dataclass(frozen=True)
class Asked:
    """A case with what the command line changes.

    Attributes
    ----------
    case : Case
    written : Volume
        The capacity as written.
    found : Economics
        A year without closing.
    stop : Interruption
    stated : tuple of str
        What was changed, in words.
    scaled : str
        How capital follows a capacity of another size, in words; empty where it does not.
    """

    case: Case
    written: Volume
    found: Economics
    stop: Interruption
    stated: tuple[str, ...]
    scaled: str = ""

    @property
    def link(self) -> Link:
        """The link of ``found``."""
        return self.found.link

    @property
    def units(self) -> tuple[str, str]:
        """Of volume and of price."""
        return ("bcm", "USD/1000m3") if self.link.carrier == "gas" else ("TWh", "USD/MWh")

    def at(self, price: float) -> Economics:
        """The same link at another price of the alternative."""
        return economics(replace(self.link, alternative=price))


def asked(case: Case, stated: Mapping[str, str | None]) -> Asked:
    """The link that options ask for.

    Raises
    ------
    InputError
        An option that is no quantity of its kind, or of the other carrier; price and split.
    """
    given = {key: text for key, text in stated.items() if text is not None}
    values = {key: _value(key, text) for key, text in given.items() if key != "split"}
    if "split" in given and "price" in given:
        raise InputError("--price is stated, or --split bargains over it: not both.")
    for key, value in values.items():
        carrier = getattr(value, "carrier", None)
        if carrier not in (None, case.carrier):
            raise InputError(
                f"--{_option(key)}: {value} is of {carrier}, not of {case.carrier}.",
                nearest=for_carrier(key, value, case.carrier),
            )
    size = values["capacity"].a_year if "capacity" in values else None
    base, scaled = sized(case.link(), size, capex=values.get("capex"))
    changes = _changes(base, values)
    if "split" in given:
        weights = _weights(str(given["split"]), base)
        if "transit_fee" in values and any(c in weights for c in base.via):
            raise InputError(
                "--transit-fee is stated, or the transit lands are in --split: not both."
            )
        changes |= {"weights": weights, "price": None, "price_share": None}
    found = economics(replace(base, **changes))
    days = float(values["interrupted"]) if "interrupted" in values else None
    written = values.get("capacity", case.capacity)
    words = tuple(f"{_option(key)} {text}" for key, text in given.items())
    return Asked(case, written, found, interruption(found, days), words, scaled)


def _option(key: str) -> str:
    return key.replace("_", "-")


def _value(key: str, text: str | None) -> Any:
    days = key == "interrupted" and str(text).strip().isdigit()
    try:
        return _READ[key].validate_python(f"{text} days" if days else text)
    except ValidationError as error:
        context = error.errors()[0].get("ctx", {})
        what = context.get("what", str(error))
        raise InputError(f"--{_option(key)}: {what}", nearest=context.get("nearest")) from None


def _changes(base: Link, values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "transit_fee" in values:
        found["fee"] = values["transit_fee"]
        kept = {c: w for c, w in base.weights.items() if c not in base.via}
        found["weights"] = kept if sum(kept.values()) > 0 else base.weights
    for key, name in (("alternative_price", "alternative"), ("supply_cost", "supply_cost")):
        if key in values:
            found[name] = values[key].value
    if "price" in values:
        price = values["price"]
        stated = isinstance(price, Price)
        found |= {
            "price": price.value if stated else None,
            "price_share": None if stated else price,
        }
    return found


def _weights(text: str, link: Link) -> dict[str, float]:
    """``RUS=1,PRK=1,KOR=1``."""
    known = (link.buyer, link.seller, *link.via)
    found: dict[str, float] = {}
    for part in text.split(","):
        code, _, number = (piece.strip() for piece in part.partition("="))
        if code not in known:
            raise InputError(
                f"--split: '{code}' is no party; they are {', '.join(known)}.",
                nearest=nearest(code, known),
            )
        try:
            weight = float(number)
        except ValueError:
            raise InputError(f"--split: '{part}' is no weight: write {code}=1.") from None
        if code in found:
            raise InputError(f"--split: {code} stands twice.")
        if not 0 <= weight < math.inf:
            raise InputError(f"--split: a weight of {number} is below zero or not finite.")
        found[code] = weight
    return found


# -- tables ----------------------------------------------------------------------------------
def cases_table() -> pd.DataFrame:
    """Every embedded case: route, capacity, surplus, transit income."""
    rows = []
    for name in case_names():
        case = load_case(name)
        found = economics(case.link())
        rows.append(
            {
                "name": name,
                "title": case.title,
                "year": case.year,
                "route": "-".join((case.from_, *case.via, case.to)),
                "capacity": str(case.capacity),
                "km": sum(s.km for s in found.link.segments),
                "capex_million_usd": found.link.capex,
                "surplus_million_usd": found.surplus,
                "transit_million_usd": sum(found.fees.values()) if found.deal else 0.0,
            }
        )
    return pd.DataFrame(rows)


def role(link: Link, code: str) -> str:
    """Buyer, seller, transit or payer."""
    if code == link.buyer:
        return "buyer"
    if code == link.seller:
        return "seller"
    return "transit" if code in link.via else "payer"


def parties_table(view: Asked) -> pd.DataFrame:
    """Each party's year, capital and return, and what it loses while the link is closed."""
    rows = []
    for code in view.link.parties:
        back = returns(view.found, code)
        rows.append(
            {
                "party": code,
                "role": role(view.link, code),
                "gain_million_usd": view.found.outcome[code],
                "npv_million_usd": view.found.npv(code),
                "capex_million_usd": back.capex,
                "irr": back.irr,
                "payback_years": back.payback,
                "closing_days": view.stop.days,
                "closing_loss_million_usd": view.stop.losses.get(code, 0.0),
            }
        )
    return pd.DataFrame(rows)


def prices_table(view: Asked) -> pd.DataFrame:
    """Surplus and gains at the low, central and high price of the alternative.

    Where there is no deal nobody gains or loses, and there is no contract price.
    """
    band = view.case.alternative_price
    prices = {"low": band.low.value, "asked": view.link.alternative, "high": band.high.value}
    rows = []
    for level, price in prices.items():
        found = view.at(price)
        row: dict[str, Any] = {"level": level, "alternative": price, "unit": view.units[1]}
        row["deal"] = found.deal
        row["contract_price"] = found.price if found.deal else math.nan
        row["surplus_million_usd"] = found.surplus
        rows.append(row | {f"gain_{c}": found.outcome[c] for c in view.link.parties})
    return pd.DataFrame(rows)


def as_asked(view: Asked) -> str:
    """Which of the case's prices, low or high, is the price that is asked for; '' if none."""
    band = view.case.alternative_price
    for level, price in (("low", band.low.value), ("high", band.high.value)):
        if math.isclose(price, view.link.alternative):
            return level
    return ""


def claims_of(view: Asked) -> list[dict[str, Any]]:
    """Claims, each with what it needs to come true."""
    rows = []
    for claim in view.case.claims:
        found = checked(claim, view.link)
        rows.append(
            {
                "who": claim.who,
                "year": claim.year,
                "million_usd": claim.amount,
                "volume": found.volume,
                "what": claim.what,
                "open": found.open,
                "needs": found.needs,
                "in_words": needs_in_words(found, view.link.carrier),
                "verification": claim.verification,
            }
        )
    return rows


def document(view: Asked) -> dict[str, Any]:
    """Everything, as JSON can hold it; what has no value is null."""
    link = view.link
    told: dict[str, Any] = _clean(
        {
            "pipeline": view.case.pipeline,
            "title": view.case.title,
            "changed": list(view.stated),
            "capital_scaled": view.scaled,
            "seller": link.seller,
            "via": list(link.via),
            "buyer": link.buyer,
            "carrier": link.carrier,
            "units": {"volume": f"{view.units[0]} a year", "price": view.units[1]},
            "km": {c: link.km(c) for c in dict.fromkeys(s.country for s in link.segments)},
            **_year(view),
            "parties": parties_table(view).to_dict("records"),
            "prices": prices_table(view).to_dict("records"),
            "interruption": {
                "days": view.stop.days,
                "losses": dict(view.stop.losses),
                "total": view.stop.total,
                "others": view.stop.others(link.via),
                "expected_a_year": view.stop.expected,
                "transit_a_year": view.stop.fees,
            },
            "unit_check": None if link.bargained else unit_check(link, view.written, link.fee),
            "claims": claims_of(view),
            "sources": [s.model_dump(mode="json") for s in view.case.sources],
        }
    )
    return told


def _year(view: Asked) -> dict[str, Any]:
    """Prices, costs and break-evens of the year."""
    found, link = view.found, view.link
    edge = break_even(found)
    return {
        "volume": found.volume,
        "alternative_price": link.alternative,
        "supply_cost": link.supply_cost,
        "deal": found.deal,
        "contract_price": found.price if found.deal else math.nan,
        "resource_cost": found.unit_cost,
        "delivered_cost": found.delivered,
        "ratio": found.ratio,
        "million_usd": {
            "value": found.value,
            "supply": found.supply,
            "running": sum(found.running.values()),
            "capital": sum(found.capital.values()),
            "surplus": found.surplus,
            "transit": dict(found.fees) if found.deal else dict.fromkeys(found.fees, 0.0),
        },
        "break_even": {
            "seller_lowest_price": edge.seller,
            "buyer_highest_price": edge.buyer,
            "lowest_fee": dict(edge.lowest_fee),
            "highest_fee": dict(edge.highest_fee),
        },
    }


def _clean(value: Any) -> Any:
    """Without NaN and infinities, which JSON has not."""
    if isinstance(value, Mapping):
        return {str(k): _clean(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(v) for v in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value
