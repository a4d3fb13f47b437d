"""Cases of energy links as files: what was planned, what is assumed, and what was claimed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from detente.corridors.pipelines import Link, Segment, Stop, check
from detente.corridors.pipelineunits import (
    Capacity,
    Carrier,
    Days,
    EnergyPrice,
    Fee,
    Kilometres,
    Part,
    Price,
    TransitFee,
    Usd,
    Volume,
    Years,
    for_carrier,
    refuse,
)
from detente.errors import InputError, Place, nearest
from detente.sources.yamlfile import Lines, parse_yaml, text_of

SUFFIXES = (".yaml", ".yml")
_SUM = 1e-6
Verification = Literal["verified", "unverified", "assumed"]


def _shares(value: Any) -> dict[str, float]:
    """A country, or shares by country that sum to one."""
    if isinstance(value, str) and value.strip():
        return {value.strip(): 1.0}
    if not isinstance(value, Mapping) or not value:
        refuse(f"{value!r} is neither a country nor shares: {{RUS: 60%, KOR: 40%}}.")
    found = {str(code): _part(share) for code, share in value.items()}
    if abs(sum(found.values()) - 1.0) > _SUM:
        refuse(f"the shares sum to {100 * sum(found.values()):g} %, not to 100 %.")
    return found


def _part(value: Any) -> float:
    text = str(value).strip()
    try:
        return float(text[:-1]) / 100.0 if text.endswith("%") else float(text)
    except ValueError:
        refuse(f"{value!r} is no share: write 0.25 or 25%.")


def _weights(value: Any) -> dict[str, float]:
    """Bargaining weights by country; zero or above, not all zero."""
    if not isinstance(value, Mapping) or not value:
        refuse(f"{value!r} gives no weights: {{RUS: 1, PRK: 1, KOR: 1}}.")
    found = {str(code): _part(weight) for code, weight in value.items()}
    if min(found.values()) < 0 or not 0 < sum(found.values()) < float("inf"):
        refuse("bargaining weights are zero or above, and not all zero.")
    return found


Shares = Annotated[dict[str, float], BeforeValidator(_shares)]
Weights = Annotated[
    dict[str, float],
    BeforeValidator(_weights),
    WithJsonSchema(
        {
            "type": "object",
            "additionalProperties": {
                "anyOf": [
                    {"type": "number", "minimum": 0},
                    {"type": "string", "pattern": r"^\s*\d+\.?\d*\s*%?\s*$"},
                ]
            },
            "minProperties": 1,
        }
    ),
]


class _Plain(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Stretch(_Plain):
    """A segment as a file has it; who pays and who runs it is the country's own by default."""

    country: str
    km: Kilometres
    capex: Usd = 0.0
    paid_by: Shares | None = None
    run_by: Shares | None = None

    def segment(self) -> Segment:
        """As the arithmetic takes it."""
        paid = self.paid_by or {self.country: 1.0}
        return Segment(self.country, self.km, self.capex, paid, self.run_by or paid)


class Range(_Plain):
    """A price with how far it may be off."""

    low: EnergyPrice
    central: EnergyPrice
    high: EnergyPrice

    @model_validator(mode="after")
    def _in_order(self) -> Range:
        if not self.low.value <= self.central.value <= self.high.value:
            refuse("low, central and high are not in this order.")
        if len({self.low.carrier, self.central.carrier, self.high.carrier}) > 1:
            refuse("low, central and high are prices of different things.")
        return self


class Closing(_Plain):
    """What is assumed of an interruption."""

    days: Days
    probability: Part
    spot_premium: Part
    replaceable: Part
    lost_load: EnergyPrice


class Claim(_Plain):
    """A figure that somebody gave for the transit income of a year."""

    who: str
    year: int
    amount: Usd
    volume: Capacity | None = None
    fee: TransitFee | None = None
    what: str = ""
    verification: Verification


class Origin(_Plain):
    """Where values come from; ``keys`` are those of the file."""

    keys: tuple[str, ...]
    what: str
    verification: Verification
    url: str = ""


class Case(_Plain):
    """One link, its contract, and what is known of either."""

    pipeline: str = Field(min_length=1)
    title: str
    what: str
    year: int
    from_: str = Field(alias="from")
    via: tuple[str, ...] = ()
    to: str
    capacity: Capacity
    load_factor: Part = 1.0
    segments: tuple[Stretch, ...] = Field(min_length=1)
    opex: Part = 0.03
    fuel: Part = 0.0
    life: Years = 30.0
    discount_rate: Part = 0.08
    construction: Years | None = None
    supply_cost: EnergyPrice
    alternative_price: Range
    transit_fee: TransitFee
    price: EnergyPrice | None = None
    price_share: Part | None = None
    split: Weights | None = None
    interruption: Closing
    claims: tuple[Claim, ...] = ()
    sources: tuple[Origin, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _fits(self) -> Case:
        one_carrier(
            self.capacity,
            supply_cost=self.supply_cost,
            alternative_price=self.alternative_price.central,
            transit_fee=self.transit_fee,
            price=self.price,
            lost_load=self.interruption.lost_load,
        )
        places = {self.from_, *self.via, self.to}
        for stretch in self.segments:
            if stretch.country not in places:
                refuse(
                    f"a segment lies in {stretch.country}, which is neither seller, transit "
                    "land nor buyer."
                )
        if self.fuel >= 1.0:
            refuse("'fuel' uses up all that enters.")
        return self

    @property
    def carrier(self) -> Carrier:
        """Gas or power."""
        return self.capacity.carrier

    def link(self) -> Link:
        """As the arithmetic takes it, at the central price."""
        stop = self.interruption
        return Link(
            seller=self.from_,
            buyer=self.to,
            via=self.via,
            carrier=self.carrier,
            capacity=self.capacity.a_year,
            segments=tuple(s.segment() for s in self.segments),
            supply_cost=self.supply_cost.value,
            alternative=self.alternative_price.central.value,
            fee=self.transit_fee,
            weights=self.split or {self.from_: 1.0, self.to: 1.0},
            price=self.price.value if self.price else None,
            price_share=self.price_share,
            load_factor=self.load_factor,
            opex=self.opex,
            fuel=self.fuel,
            rate=self.discount_rate,
            life=self.life,
            construction=self.construction or 0.0,
            stop=Stop(
                stop.days,
                stop.probability,
                stop.spot_premium,
                stop.replaceable,
                stop.lost_load.value,
            ),
        )


def one_carrier(capacity: Volume, **given: Price | Fee | None) -> None:
    """Refuse gas prices of a power line, and the other way round."""
    for key, value in given.items():
        if value is not None and value.carrier not in (None, capacity.carrier):
            refuse(
                f"'{key}', {value}, is of {value.carrier}, and '{capacity}' is of "
                f"{capacity.carrier}.",
                for_carrier(key, value, capacity.carrier),
            )


# -- by name or file -------------------------------------------------------------------------
@cache
def case_names() -> tuple[str, ...]:
    """The cases that come with detente, in alphabetical order."""
    folder = files("detente") / "data" / "pipelines"
    found = (f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml"))
    return tuple(sorted(found))


def load_case(name: str | Path, beside: Path | None = None) -> Case:
    """A case by name, or from a file of one's own (.yaml).

    Parameters
    ----------
    name : str or Path
    beside : Path, optional
        Folder that a path counts from: the scenario's.

    Raises
    ------
    InputError
        No such case (with the nearest); a mistake in the file: file, line, key.
    """
    text = str(name)
    if text.endswith(SUFFIXES):
        path = Path(text)
        if beside is not None and not path.is_absolute() and (beside / path).is_file():
            path = beside / path
        return _read(text_of(path), str(path))
    return _embedded(text)


@cache
def _embedded(name: str) -> Case:
    names = case_names()
    if name not in names:
        raise InputError(
            f"there is no pipeline '{name}'; there are {', '.join(names)}, or give the path of "
            "a file of your own (.yaml).",
            nearest=nearest(name, names),
        )
    path = files("detente") / "data" / "pipelines" / f"{name}.yaml"
    return _read(path.read_text(encoding="utf-8"), f"{name}.yaml")


def case_on(seller: str, via: tuple[str, ...], buyer: str, carrier: Carrier) -> str | None:
    """The name of the latest embedded case on a route, or None."""
    cases = (load_case(name) for name in case_names())
    found = [
        case
        for case in cases
        if (case.from_, case.via, case.to, case.carrier) == (seller, via, buyer, carrier)
    ]
    return max(found, key=lambda case: case.year).pipeline if found else None


def _read(text: str, file: str) -> Case:
    data, lines = parse_yaml(text, file)
    if not isinstance(data, dict):
        raise InputError("a pipeline's file is a mapping of keys to values.", Place(file, 1))
    try:
        case = Case.model_validate(data)
    except ValidationError as error:
        raise _friendly(error, lines) from None
    try:
        check(case.link())
    except InputError as error:
        raise InputError(error.what, Place(file, 1), error.nearest) from None
    return case


def _friendly(error: ValidationError, lines: Lines) -> InputError:
    """The first mistake, with its place and the nearest valid thing."""
    details = error.errors()
    unknown = [d for d in details if d["type"] == "extra_forbidden"]
    detail = (unknown or details)[0]
    keys: tuple[str | int, ...] = detail["loc"]
    place = lines.place(*keys)
    if detail["type"] == "extra_forbidden":
        valid = [f.alias or name for name, f in Case.model_fields.items()]
        known = valid if len(keys) == 1 else []
        return InputError(f"unknown key '{keys[-1]}'.", place, nearest(str(keys[-1]), known))
    if detail["type"] == "missing":
        return InputError(f"a pipeline's file needs '{keys[-1]}' here.", place)
    context: Mapping[str, Any] = detail.get("ctx", {})
    if detail["type"] == "detente":
        return InputError(context["what"], place, context["nearest"])
    return InputError(f"{detail['msg']}.", place)
