"""Numbers and names as a person reads them: signs, units, sensible digits."""

from __future__ import annotations

import math
import re

MINUS = "−"

#: A relative change below this is the solver's rounding, not a result.
NOISE = 1e-9

#: A relative change below this is too small for its digits to say anything.
TINY = 5e-7

#: Money below this, in million USD, is shown as zero (five thousand dollars).
NO_MONEY = 0.005

_INVERTED = re.compile(r"^(?P<name>[^,]+), (?P<form>.*\bof)( the)?$")
_ARTICLE = re.compile(
    r"^(?:United |European |Rest |Republic |Democratic |DPRK|USA$|EU\b|UK$|UAE$|Russian "
    r"|Czech R|Dominican R|Middle East|Netherlands|Philippines|Bahamas|Gambia|Maldives|Other )"
)


#: Long names that have a usual short form.
_SHORT = {
    "Democratic People's Republic of Korea": "DPRK",
    "Korea, Democratic People's Republic of": "DPRK",
    "Korea, Dem. People's Rep.": "DPRK",
    "Korea, Rep.": "Republic of Korea",
}

#: States whose name has an "and" in it.
_ONE_STATE = ("Antigua", "Bosnia", "Saint", "Sao Tome", "São Tomé", "Trinidad")


def digits(value: float, significant: int = 3) -> str:
    """The size of a number, without its sign: ``1,235``, ``12.3``, ``0.0021``."""
    size = abs(value)
    if size == 0 or not math.isfinite(size):
        return "0" if size == 0 else "n/a"
    size = float(f"{size:.{significant}g}")
    places = max(0, significant - 1 - math.floor(math.log10(size)))
    return f"{size:,.{places}f}"


def sign(value: float) -> str:
    """``+``, ``−`` or nothing."""
    return "+" if value > 0 else MINUS if value < 0 else ""


def signed(value: float, significant: int = 3) -> str:
    """A number with its sign."""
    return f"{sign(value)}{digits(value, significant)}"


def percent_size(share: float) -> str:
    """A share as percent, without its sign: ``12.3 %``, ``0.002 %``."""
    if not math.isfinite(share):
        return "n/a"
    if abs(share) < NOISE:
        return "0 %"
    if abs(share) < TINY:
        return "≈ 0 %"
    return f"{digits(100 * share, _figures(100 * share))} %"


def percent(share: float) -> str:
    """A change as percent with its sign: ``+12.3 %``, ``−0.002 %``, ``0 %``."""
    text = percent_size(share)
    return text if text in ("0 %", "≈ 0 %", "n/a") else f"{sign(share)}{text}"


def _figures(value: float) -> int:
    """Fewer digits for smaller numbers: 12.3, 0.36, 0.002."""
    return 3 if abs(value) >= 1 else 2 if abs(value) >= 0.01 else 1


def points(value: float) -> str:
    """Percentage points with two decimals, and more where these would show nothing."""
    if not math.isfinite(value):
        return "n/a"
    if abs(value) < 1e-7:
        return "0"
    text = f"{abs(value):.2f}" if abs(value) >= 0.005 else f"{abs(value):.1g}"
    return f"{sign(value)}{float(text):.8f}".rstrip("0") if "e" in text else sign(value) + text


def share(value: float) -> str:
    """A share of a total as percent: ``61 %``, ``0.3 %``, ``0 %``; no sign."""
    if not math.isfinite(value):
        return "n/a"
    if value < 5e-5:
        return "0 %" if value < 1e-12 else "<0.1 %"
    return f"{100 * value:.0f} %" if value >= 0.0995 else f"{100 * value:.1f} %"


def million(value: float, *, plus: bool = False) -> str:
    """Million USD as a bare number for a column that names the unit."""
    if not math.isfinite(value):
        return "n/a"
    size = abs(value)
    if size < NO_MONEY:
        return "0"
    text = f"{size:,.0f}" if size >= 99.95 else f"{size:.1f}" if size >= 0.95 else f"{size:.2g}"
    mark = sign(value) if plus or value < 0 else ""
    return f"{mark}{text}"


def usd(value: float) -> str:
    """The size of an amount, in the unit that suits it: ``USD 2.35 billion``."""
    size = abs(value)
    if size < NO_MONEY:
        return "USD 0"
    if size >= 999_500:
        return f"USD {digits(size / 1e6)} trillion"
    if size >= 999.5:
        return f"USD {digits(size / 1e3)} billion"
    return f"USD {digits(size, 3 if size >= 10 else 2)} million"


def in_prose(name: str) -> str:
    """A country's name inside a sentence: ``the Republic of Korea``, ``China``."""
    name = re.sub(r"\s*\([^)]*\)$|, with .*$", "", name).strip()
    name = _SHORT.get(name, name)
    inverted = _INVERTED.match(name)
    if inverted:
        return f"the {inverted['form']} {inverted['name']}"
    if ", " in name and " and " not in name:
        name = " and ".join(name.rsplit(", ", 1))
    if not _ARTICLE.match(name):
        return name
    return (
        f"the {name[0].lower()}{name[1:]}"
        if name.startswith(("Rest ", "Other "))
        else f"the {name}"
    )


def is_plural(prose: str) -> bool:
    """Whether a name in a sentence takes a plural verb: ``Australia and New Zealand``."""
    return " and " in prose and not prose.startswith(("the rest of", *_ONE_STATE))


def in_table(name: str, width: int = 22) -> str:
    """A name that fits a column: without brackets, cut only where it has to be."""
    name = in_prose(name).removeprefix("the ")
    name = name[0].upper() + name[1:] if name else name
    return name if len(name) <= width else name[: width - 1].rstrip() + "…"


def capital(text: str) -> str:
    """The text as a sentence begins."""
    return text[:1].upper() + text[1:]


def listed(words: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """``1 country``, ``3 countries``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
