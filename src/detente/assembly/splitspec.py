"""What a user says of a country that is to be split out of a world: a YAML file and tables.

The file names its tables by paths that count from its own folder. ``docs/how-to/
split-a-country.md`` shows a complete one; `load_split_spec` reads it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import pandas as pd
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic import model_validator as validator
from pydantic_core import PydanticCustomError

from detente.errors import InputError, Place, nearest
from detente.sources.record import Sourced
from detente.sources.yamlfile import Lines, read_yaml

#: Million USD in one of it.
UNITS = {"USD": 1e-6, "thousand USD": 1e-3, "million USD": 1.0, "billion USD": 1e3}
ALL, OTHERS, NONE = "all", "others", "none"
SUFFIXES = (".yaml", ".yml")

_PERCENT = re.compile(r"^-?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?\s*%$")
_NEW_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def _refuse(what: str, near: str | None = None) -> NoReturn:
    """Raise the error that pydantic collects and `_friendly` turns into ours."""
    raise PydanticCustomError("detente", "{what}", {"what": what, "nearest": near})


def _share(value: Any) -> float:
    """``"10.6%"`` or 0.106."""
    if isinstance(value, str) and _PERCENT.match(value.strip()):
        found = float(Decimal(value.strip().rstrip("%").strip()) / 100)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found = float(value)
        if found >= 1:  # 1 could be 1 % or all of it
            _refuse(f"a share of {value:g} needs its sign: write {value:g}%.", f"{value:g}%")
    else:
        _refuse(f"{value!r} is no share: write 0.25 or 25%.")
    if not 0 <= found <= 1:
        _refuse(f"a share of {found * 100:g} % is outside 0 to 100 %.")
    return found


def _amount(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(f"{value!r} is no amount: write a plain number; 'unit' says of what.")
    if not math.isfinite(value):
        _refuse("the number is too large.")
    return float(value)


def _positive(value: Any) -> float:
    found = _amount(value)
    return found if found >= 0 else _refuse(f"{found:g} is below zero.")


def _code(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # a world's sectors may be called 1, 2, 3
    if not isinstance(value, str) or not value.strip():
        _refuse(f"{value!r} is not a code.")
    return value.strip()


def _new_code(value: Any) -> str:
    """A code that tables, scenarios and file names can hold."""
    found = _code(value)
    if found in (ALL, OTHERS, NONE) or not _NEW_CODE.fullmatch(found):
        _refuse(f"'{found}' cannot be a country's code: letters and digits, such as XAN.")
    return found


def _unit(value: Any) -> Any:
    if value not in UNITS:
        _refuse(f"unknown unit '{value}': {', '.join(UNITS)}.", nearest(str(value), UNITS))
    return value


def _codes(value: Any) -> tuple[str, ...]:
    found = tuple(map(_code, value if isinstance(value, list | tuple) else [value]))
    repeated = [c for c in found if found.count(c) > 1]
    if not found or repeated:
        _refuse(
            f"'{repeated[0]}' stands twice." if repeated else "an empty list names nothing."
        )
    return found


def _donor(value: Any) -> Any:
    return {"country": value} if isinstance(value, str) else value


def _file(value: Any) -> Any:
    return {"file": value} if isinstance(value, str) else value


Share = Annotated[float, BeforeValidator(_share)]
Amount = Annotated[float, BeforeValidator(_amount)]
Positive = Annotated[float, BeforeValidator(_positive)]
Code = Annotated[str, BeforeValidator(_code)]
NewCode = Annotated[str, BeforeValidator(_new_code)]
Unit = Annotated[str, BeforeValidator(_unit)]
Codes = Annotated[tuple[str, ...], BeforeValidator(_codes)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Country(_Part):
    """The new country."""

    code: NewCode
    name: str = ""


class Block(_Part):
    """Sectors whose value added is known together: a share of the total, or an amount."""

    name: str
    sectors: Codes
    share: Share | None = None
    value: Positive | None = None

    @validator(mode="after")
    def _one_size(self) -> Block:
        if (self.share is None) == (self.value is None):
            _refuse("a block has a 'share' of value added or a 'value', one of the two.")
        return self


class ValueAdded(_Part):
    """Value added in all, and what is known of it by sector."""

    total: Positive
    shares: dict[Code, Share] = Field(default_factory=dict)
    values: dict[Code, Positive] = Field(default_factory=dict)
    blocks: tuple[Block, ...] = ()


class FinalDemand(_Part):
    """Final demand: its total, its least share of each sector, sectors that are known."""

    total: Positive | None = None
    floor: Share = 0.0
    values: dict[Code, Positive] = Field(default_factory=dict)


class Inputs(_Part):
    """Inputs whose value is known: nothing, in most cases."""

    input: Codes
    sectors: Codes = (ALL,)
    except_: Codes = Field(default=(), alias="except")
    value: Positive = 0.0


class Customs(_Part):
    """Trade by partner and product out of an original of CEPII's BACI or UN Comtrade.

    ``known`` takes its flows of goods as they are, ``prior`` as the pattern that unknown
    flows follow. The year is the spec's where none is given. Regions say which countries
    (ISO3) a partner of the world holds; ``rest`` takes those that are in none. ``level`` says
    which digits of a file of Comtrade that mixes them. Known traps of mirror data are applied
    unless ``ignore``.
    """

    file: str
    year: int | None = None
    reporter: Code | None = None
    use: Literal["known", "prior"] = "known"
    level: Literal[4, 6] | None = None
    regions: dict[Code, Codes] = Field(default_factory=dict)
    rest: Code | None = None
    traps: Literal["apply", "ignore"] = "apply"


class TradeFile(_Part):
    """What is known of exports and imports: a table, an original of BACI or Comtrade, both."""

    file: str | None = None
    baci: Annotated[Customs | None, BeforeValidator(_file)] = None
    comtrade: Annotated[Customs | None, BeforeValidator(_file)] = None
    balance: Amount | None = None
    least_home_sales: Share = 0.05

    @validator(mode="after")
    def _one_original(self) -> TradeFile:
        if self.baci is not None and self.comtrade is not None:
            _refuse("'baci' and 'comtrade' both say what was traded; give one.")
        return self

    @property
    def customs(self) -> tuple[str, Customs] | None:
        """The original and its kind, where there is one."""
        if self.baci is not None:
            return "baci", self.baci
        return None if self.comtrade is None else ("comtrade", self.comtrade)


class TariffFile(_Part):
    """Tariffs on the new country's links."""

    file: str


class Donor(_Part):
    """Whose technology and final demand are the prior: a country of the world, or a table."""

    country: Code | None = None
    file: str | None = None
    name: str = ""

    @validator(mode="after")
    def _one_donor(self) -> Donor:
        if (self.country is None) == (self.file is None):
            _refuse("a donor is a 'country' of the world or a 'file', one of the two.")
        return self


class Result(_Part):
    """What the new world says of itself."""

    name: str = ""
    title: str = ""
    description: str = ""
    vintage: str = ""


class Fact(_Part):
    """Where a block of the new country's numbers comes from; goes into the world's record."""

    block: str
    flag: Literal["observed", "derived", "assumed"]
    source: str
    year: int | str
    licence: str
    what: str = ""


class SplitModel(_Part):
    """The keys of a split spec."""

    split: str = ""
    country: Country
    out_of: Code
    year: int | str = ""
    unit: Unit = "million USD"
    excess: Literal["refuse", "home"] = "refuse"
    value_added: ValueAdded
    final_demand: FinalDemand = FinalDemand()
    trade: TradeFile = TradeFile()
    tariffs: TariffFile | None = None
    donor: Annotated[Donor | None, BeforeValidator(_donor)] = None
    inputs: tuple[Inputs, ...] = ()
    world: Result = Result()
    blocks: tuple[Fact, ...] = ()


#: Columns of the table of trade; the first four are read, the others go into the record.
TRADE_COLUMNS = ("flow", "partner", "sector", "value")
RECORDED = ("source", "year", "licence", "flag")
TARIFF_COLUMNS = ("exporter", "importer", "sector", "rate")


@dataclass(frozen=True)
class SplitSpec:
    """A split spec: the file's keys, its tables, and where everything stands.

    Attributes
    ----------
    model : SplitModel
        The keys, validated; money in ``model.unit``.
    trade, tariffs, technology : DataFrame or None
        The tables, indexed by line.
    customs : Sourced or None
        Trade of the new country as BACI or Comtrade has it, by product and partner.
    lines : Lines
        Lines of the keys.
    folder : Path
        Paths of tables count from here.
    """

    model: SplitModel
    trade: pd.DataFrame | None = None
    tariffs: pd.DataFrame | None = None
    technology: pd.DataFrame | None = None
    customs: Sourced | None = None
    lines: Lines = field(default_factory=Lines)
    folder: Path = field(default_factory=Path)

    @staticmethod
    def from_dict(
        data: Mapping[str, Any],
        *,
        trade: pd.DataFrame | None = None,
        tariffs: pd.DataFrame | None = None,
        technology: pd.DataFrame | None = None,
        lines: Lines | None = None,
        folder: Path | None = None,
    ) -> SplitSpec:
        """A spec from plain data, with tables in memory in place of files.

        Parameters
        ----------
        data : mapping
            As the YAML file holds it.
        trade, tariffs, technology : DataFrame, optional
            In place of ``trade.file``, ``tariffs.file`` and ``donor.file``; columns as in
            the files.
        lines, folder
            Set by `load_split_spec`.

        Raises
        ------
        InputError
            An unknown key (with the nearest), a missing one, a wrong value: file, line, key.
        """
        lines = lines or Lines()
        if not isinstance(data, Mapping):
            raise InputError("a split spec is a mapping of keys to values.", lines.place())
        model = _validated(data, lines)
        spec = SplitSpec(
            model, trade, tariffs, technology, lines=lines, folder=folder or Path()
        )
        return spec.with_tables()

    def with_tables(self) -> SplitSpec:
        """Read the tables that the file names."""
        from detente.assembly.splittables import read_tables  # noqa: PLC0415 (it imports this)

        return read_tables(self)

    @property
    def factor(self) -> float:
        """Million USD in one unit of the spec's money."""
        return UNITS[self.model.unit]

    @property
    def out_of(self) -> str | None:
        """The aggregate that holds the country; None where the world lacks it."""
        return None if self.model.out_of == NONE else self.model.out_of

    def path(self, name: str, *keys: str | int) -> Path:
        """A table's path, which counts from the spec's folder; it must exist."""
        found = self.folder / name
        if not found.is_file():
            folder = found.parent
            names = [p.name for p in folder.iterdir()] if folder.is_dir() else []
            raise InputError(
                f"there is no file '{found}'.", self.place(*keys), nearest(found.name, names)
            )
        return found

    def place(self, *keys: str | int) -> Place:
        """Where a key stands."""
        return self.lines.place(*keys)


def load_split_spec(name_or_path: str | Path) -> SplitSpec:
    """Read a split spec and its tables.

    Parameters
    ----------
    name_or_path : str or Path
        A YAML file, or the name of an embedded spec (``prk-2018-un``).

    Raises
    ------
    InputError
        Anything wrong with the file or a table, with file, line, key and the nearest valid
        thing.
    """
    text = str(name_or_path)
    if not isinstance(name_or_path, Path) and not ("/" in text or text.endswith(SUFFIXES)):
        name_or_path = _embedded(text)
    path = Path(name_or_path)
    data, lines = read_yaml(path)
    return SplitSpec.from_dict(data, lines=lines, folder=path.parent)


def embedded_specs() -> tuple[str, ...]:
    """Names of the specs that come with detente."""
    folder = files("detente.data").joinpath("splits")
    if not folder.is_dir():
        return ()
    found = [f.name for f in folder.iterdir() if f.name.endswith(SUFFIXES)]
    return tuple(sorted(name.rpartition(".")[0] for name in found))


def _embedded(name: str) -> Path:
    names = embedded_specs()
    if name not in names:
        raise InputError(
            f"there is no embedded split spec '{name}' (there are: {', '.join(names)}); a "
            "file's name ends in .yaml.",
            nearest=nearest(name, names),
        )
    return Path(str(files("detente.data").joinpath("splits", f"{name}.yaml")))


# -- errors ------------------------------------------------------------------------------
def _validated(data: Mapping[str, Any], lines: Lines) -> SplitModel:
    """The model, or its first error in the file's order as an error for people."""
    try:
        return SplitModel.model_validate(dict(data))
    except ValidationError as error:
        details = error.errors()
        unknown = [d for d in details if d["type"] == "extra_forbidden"]
        found = [_friendly(detail, lines) for detail in unknown or details]
        raise min(found, key=_line) from None


def _line(error: InputError) -> float:
    line = error.place.line if error.place else None
    return math.inf if line is None else line


def _friendly(detail: Any, lines: Lines) -> InputError:
    """One pydantic error, with its place and the nearest valid thing."""
    keys = tuple(k for k in detail["loc"] if k != "[key]")
    place, context = lines.place(*keys), detail.get("ctx", {})
    if detail["type"] == "detente":
        return InputError(context["what"], place, context["nearest"])
    if detail["type"] == "extra_forbidden":
        valid = _keys_of(keys[:-1])
        what = f"unknown key '{keys[-1]}'; here may stand {', '.join(valid)}."
        return InputError(what, place, nearest(str(keys[-1]), valid))
    if detail["type"] == "missing":
        above = lines.place(*keys[:-1])
        return InputError(f"the key '{keys[-1]}' is missing.", above)
    if detail["type"] == "literal_error":
        valid = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        what = f"{detail['input']!r} is not one of {', '.join(valid)}."
        return InputError(what, place, nearest(str(detail["input"]), valid))
    if detail["type"] in ("model_type", "model_attributes_type"):
        valid = _keys_of(keys)
        return InputError(f"keys belong here: {', '.join(valid)}.", place)
    return InputError(f"{detail['msg']}; it is {detail['input']!r}.", place)


def _keys_of(path: tuple[str | int, ...]) -> list[str]:
    """Valid keys below a path of the file."""
    model: Any = SplitModel
    for key in path:
        if isinstance(key, int):
            continue
        info = model.model_fields.get(key)
        inner = _models(info.annotation) if info else []
        if not inner:
            return []
        model = inner[0]
    return [f.alias or name for name, f in model.model_fields.items()]


def _models(annotation: Any) -> list[type[BaseModel]]:
    """The models in an annotation: of an optional one, of a tuple of them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    inner = getattr(annotation, "__args__", ())
    return [m for each in inner for m in _models(each)]
