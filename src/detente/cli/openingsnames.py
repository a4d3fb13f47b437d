"""Two countries as a person writes them, and what is said where the panel lacks one."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from detente.errors import InputError, nearest
from detente.openings.record import Event, Record
from detente.sources.files import embedded_rows

#: Panels of ``covered_by`` as a person knows them.
_PANELS = {
    "agtpa": "the Advanced Guide's panel",
    "baci": "BACI with domestic sales added",
    "itpde": "ITPD-E",
    "cepii": "CEPII's TradeProd",
}


#: Countries that links of the record are about, by name; others go by their code.
_NAMES = {
    "argentina": "ARG", "austria": "AUT", "bulgaria": "BGR", "china": "CHN", "cuba": "CUB",
    "egypt": "EGY", "france": "FRA", "germany": "DEU", "hungary": "HUN", "india": "IND",
    "iran": "IRN", "israel": "ISR", "japan": "JPN", "jordan": "JOR", "kenya": "KEN",
    "korea": "KOR", "south korea": "KOR", "north korea": "PRK", "myanmar": "MMR",
    "nigeria": "NGA", "poland": "POL", "romania": "ROM", "russia": "RUS",
    "south africa": "ZAF", "taiwan": "TWN", "united kingdom": "GBR",
    "united states": "USA", "viet nam": "VNM", "vietnam": "VNM",
}  # fmt: skip


def code_of(word: str) -> str:
    """A code in capitals, or that of a name."""
    text = word.strip()
    return _NAMES.get(text.casefold(), text.upper())


def ordered_pair(
    first: str, second: str, countries: Collection[str], record: Record
) -> tuple[str, str]:
    """Two codes as the tables have them, in the order of the alphabet.

    Parameters
    ----------
    first, second : str
        Codes, small letters or capitals, or names in English.
    countries : collection of str
        The panel's codes.
    record : Record
        It says whether another panel can measure a pair that this one lacks.

    Raises
    ------
    InputError
        A code that the panel lacks, with the nearest, or the same code twice.
    """
    codes = [code_of(first), code_of(second)]
    for word, code in zip((first, second), codes, strict=True):
        if code not in countries:
            raise _lacking(word, codes, sorted(countries), record)
    if codes[0] == codes[1]:
        raise InputError(f"--pair: '{codes[0]}' twice; a link has two ends.")
    a, b = sorted(codes)
    return a, b


def _lacking(
    word: str, codes: Sequence[str], countries: Sequence[str], record: Record
) -> InputError:
    what = f"--pair: '{word}' is not among the {len(countries)} countries of the panel"
    events = record.holding(*codes)
    if events:
        return InputError(
            f"{what}. The record has {'–'.join(sorted(codes))} ({dated(events)}): measure it "
            f"with {_covering(events)}: --panel FILE."
        )
    known = {row["iso3"] for row in embedded_rows("country_numbers.csv")}
    hint = None
    if code_of(word) not in known:
        names = [n for n, c in _NAMES.items() if c in countries]
        hint = nearest(word.strip().upper(), countries) or nearest(word.strip(), names)
    listed = f"{', '.join(countries[:6])} … {countries[-1]}"
    return InputError(f"{what}: {listed}. --panel FILE takes another.", nearest=hint)


def dated(events: Sequence[Event], most: int = 3) -> str:
    """Events by name, the first few."""
    told = [event.name for event in events[:most]]
    return ", ".join(told) + (f", and {len(events) - most} more" if len(events) > most else "")


def _covering(events: Sequence[Event]) -> str:
    """Panels that can measure some events, ITPD-E first: it has domestic sales."""
    named = {e.covered_by for e in events} - {"agtpa"}
    order = [name for name in ("itpde", "baci", "cepii") if name in named or name != "cepii"]
    return " or ".join(_PANELS[name] for name in order)
