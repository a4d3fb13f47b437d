"""A sanctions regime as data: provisions, HS lines, directions, dates, senders, sources."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from detente.errors import InputError, nearest
from detente.regimes.hs import REVISIONS, expand

#: What a provision does. Only bans and caps on goods change a link of the model; the others
#: are law that a reader must see, and that a scenario states in other measures.
Effect = Literal["ban", "cap", "labour", "investment", "finance", "shipping", "secondary"]
Direction = Literal["export", "import", "both"]
Verification = Literal["verified", "unverified"]
_ISO3 = re.compile(r"^[A-Z][A-Z0-9]{2,4}$")
_ISO = re.compile(r"^\d{4}-\d{2}-\d{2}$")


def _date(value: Any) -> Any:
    if isinstance(value, str) and not _ISO.match(value.strip()):
        raise ValueError(f"{value!r} is not a date: write it as 2017-08-05")
    return value


def _codes(value: Any) -> Any:
    """One code, or a list of them, as a tuple of text."""
    if isinstance(value, str | int):
        value = [value]
    if isinstance(value, list | tuple):
        return tuple(str(v).strip() for v in value)
    return value


def _share(value: Any) -> Any:
    """0.5 or 50 %."""
    text = str(value).strip()
    try:
        number = float(text[:-1]) / 100.0 if text.endswith("%") else float(text)
    except ValueError:
        raise ValueError(f"{value!r} is not a share: write 0.5 or 50%") from None
    if not 0.0 <= number <= 1.0:
        raise ValueError(f"a share of {text} is outside 0 to 1 (0 % to 100 %)")
    return number


Day = Annotated[date, BeforeValidator(_date)]
Codes = Annotated[tuple[str, ...], BeforeValidator(_codes)]
Share = Annotated[float, BeforeValidator(_share), Field(ge=0.0, le=1.0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Products(_Part):
    """HS lines that a provision names.

    ``covered`` is the part of the lines that the provision reaches: 1 where it names them
    whole; less where only finer lines of a heading are meant.
    """

    hs: Codes = Field(
        min_length=1, description="Chapters, headings or six digits; 50-63; or all."
    )
    except_: Codes = Field(default=(), alias="except", description="Lines spared.")
    covered: Share = Field(default=1.0, description="Part of these lines that is reached.")
    what: str = Field(default="", description="The products in the provision's words.")
    verification: Verification = Field(
        description="verified: the HS lines stand in the provision's own text (or in the "
        "committee's list); unverified: the standard reading of words, or from memory."
    )
    note: str = ""

    def lines(self) -> tuple[str, ...]:
        """Prefixes of digits; ``("",)`` for all goods."""
        return expand(self.hs)

    def spared(self) -> tuple[str, ...]:
        """Prefixes that are left out."""
        return expand(self.except_)


class Quantity(_Part):
    """A cap: so much a year, all partners together.

    ``reference`` is what was shipped in a year without the cap, in the same unit; the
    model's cap is quantity/reference of the value that the lines had then. Without it the
    quantity is million USD.
    """

    quantity: float = Field(gt=0, description="A year.")
    unit: str = Field(description="barrels, tonnes, million USD …")
    reference: float | None = Field(default=None, gt=0)
    reference_year: int | None = None
    rent: str = Field(
        default="importer",
        description="Who gets the rent of scarcity: importer, exporter, burnt or a code.",
    )
    note: str = ""

    @model_validator(mode="after")
    def _in_some_unit(self) -> Quantity:
        known = self.rent in ("importer", "exporter", "burnt") or _ISO3.match(self.rent)
        if not known:
            raise ValueError(
                f"'{self.rent}' cannot own a rent: importer, exporter, burnt or a country code"
            )
        if self.reference is not None and self.reference < self.quantity:
            raise ValueError(
                "the quantity is more than was shipped without the cap ('reference')"
            )
        if self.reference is None and self.unit != "million USD":
            raise ValueError(
                f"a cap in {self.unit} needs 'reference': the quantity shipped without it"
            )
        return self


class Provision(_Part):
    """One paragraph of a regime."""

    id: str = Field(description="Instrument and paragraph: 2371-8.", min_length=1)
    instrument: str = Field(description="S/RES/2371 (2017).")
    paragraph: str = Field(description="8, or Art. 3.")
    adopted: Day
    in_force: Day | None = Field(default=None, description="First day; by default adopted.")
    until: Day | None = Field(default=None, description="Last day, where it has lapsed.")
    replaced_by: str = Field(default="", description="Id of the provision that replaced it.")
    what: str = Field(description="What it does, in one line.")
    effect: Effect
    direction: Direction | None = Field(
        default=None, description="export: what the target sells; import: what it buys."
    )
    products: tuple[Products, ...] = ()
    cap: Quantity | None = None
    exempt: tuple[str, ...] = Field(default=(), description="Exemptions, in words.")
    source: str = Field(description="Key of the regime's sources.")
    verification: Verification = Field(
        description="verified: paragraph, date and content were read in the source."
    )
    note: str = ""

    @model_validator(mode="after")
    def _whole(self) -> Provision:
        goods = self.effect in ("ban", "cap")
        if goods and (self.direction is None or not self.products):
            raise ValueError(f"'{self.id}' is a {self.effect}: it needs direction and products")
        if not goods and self.products:
            raise ValueError(f"'{self.id}' has products, and its effect is {self.effect}")
        if (self.effect == "cap") != (self.cap is not None):
            raise ValueError(f"'{self.id}': effect cap and the key cap go together")
        if self.effect == "cap" and self.direction == "both":
            raise ValueError(f"'{self.id}': a cap is on exports or on imports, not on both")
        if self.in_force and self.in_force < self.adopted:
            raise ValueError(f"'{self.id}' is in force ({self.in_force}) before it is adopted")
        if self.until and self.until < self.first_day:
            raise ValueError(f"'{self.id}' ends ({self.until}) before it begins")
        return self

    @property
    def first_day(self) -> date:
        """First day in force."""
        return self.in_force or self.adopted

    def holds_on(self, day: date) -> bool:
        """Whether it is in force on a day, as adopted (no scenario changes it)."""
        return self.first_day <= day and (self.until is None or day <= self.until)

    def directions(self) -> tuple[str, ...]:
        """``export``, ``import`` or both, seen from the target."""
        if self.direction is None:
            return ()
        return ("export", "import") if self.direction == "both" else (self.direction,)

    @property
    def unverified(self) -> bool:
        """Whether anything in it is from memory or a secondary source."""
        return self.verification == "unverified" or any(
            p.verification == "unverified" for p in self.products
        )


class LawSource(_Part):
    """A text that a regime rests on."""

    title: str
    url: str = ""
    read: Literal["text", "excerpt", "summary", "none"] = Field(
        description="What of it was read: its own text, an excerpt, a summary, nothing."
    )
    licence: str = ""
    note: str = ""


class Regime(_Part):
    """A sanctions regime: who bans what, to whom, from when."""

    regime: str = Field(description="Name, as scenarios use it.", pattern=r"^[a-z0-9-]+$")
    title: str = Field(min_length=1)
    description: str = ""
    target: Codes = Field(description="ISO3 of the economy under sanctions.")
    senders: Codes = Field(description="ISO3 of who applies it, or all.")
    hs_revision: str = Field(description="Revision of its HS lines: HS12, HS17 …")
    sources: dict[str, LawSource]
    provisions: tuple[Provision, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Regime:
        if self.hs_revision not in REVISIONS:
            raise ValueError(
                f"unknown HS revision '{self.hs_revision}'; there are {', '.join(REVISIONS)}"
            )
        if not self.target or not self.senders or "" in (*self.target, *self.senders):
            raise ValueError("'target' and 'senders' name at least one country each")
        if set(self.target) & set(self.senders):
            raise ValueError(f"{self.target[0]} is both target and sender")
        for code in self.senders:
            if self.senders.count(code) > 1:
                raise ValueError(f"the sender {code} stands twice")
        ids = [p.id for p in self.provisions]
        twice = sorted({i for i in ids if ids.count(i) > 1})
        if twice:
            raise ValueError(f"the provision '{twice[0]}' stands twice")
        for p in self.provisions:
            if p.source not in self.sources:
                raise ValueError(f"'{p.id}' names the source '{p.source}', which is not there")
            if p.replaced_by and p.replaced_by not in ids:
                raise ValueError(f"'{p.id}' is replaced by '{p.replaced_by}', not there")
        return self

    def __hash__(self) -> int:
        return hash((self.regime, self.title, self.target, self.senders))

    def instruments(self) -> tuple[str, ...]:
        """What stands before the first hyphen of the ids: 2371, 2375 … in order."""
        return tuple(dict.fromkeys(p.id.split("-")[0] for p in self.provisions))

    def select(self, names: tuple[str, ...]) -> tuple[Provision, ...]:
        """Provisions by id (2371-8) or by instrument (2371: all of its paragraphs).

        Raises
        ------
        InputError
            No such provision; the nearest is named.
        """
        chosen: list[Provision] = []
        known = [p.id for p in self.provisions]
        for name in names:
            found = [p for p in self.provisions if name in (p.id, p.id.split("-")[0])]
            if not found:
                raise InputError(
                    f"'{self.regime}' has no provision '{name}'; its instruments are "
                    f"{', '.join(self.instruments())}.",
                    nearest=nearest(name, (*known, *self.instruments())),
                )
            chosen += [p for p in found if p not in chosen]
        return tuple(chosen)
