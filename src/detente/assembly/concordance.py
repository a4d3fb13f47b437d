"""From the industries of a table to the OECD's of 2025, HS lines, and elasticities' sectors.

Tables name their industries in many ways; most are divisions of ISIC. Here each code is
read as a set of *atoms*: the 50 industries of the ICIO's 2025 release (``sectors.csv``), to
which HS lines (``hs_sector.csv``) and Caliendo & Parro's sectors are already tied.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import pandas as pd

from detente.assembly.aggregation import named_table
from detente.sources.elasticities import CP_SECTORS
from detente.sources.hs import icio_of

#: ISIC rev. 4: section → first and last division.
SECTIONS: Mapping[str, tuple[int, int]] = {
    "A": (1, 3),
    "B": (5, 9),
    "C": (10, 33),
    "D": (35, 35),
    "E": (36, 39),
    "F": (41, 43),
    "G": (45, 47),
    "H": (49, 53),
    "I": (55, 56),
    "J": (58, 63),
    "K": (64, 66),
    "L": (68, 68),
    "M": (69, 75),
    "N": (77, 82),
    "O": (84, 84),
    "P": (85, 85),
    "Q": (86, 88),
    "R": (90, 93),
    "S": (94, 96),
    "T": (97, 98),
    "U": (99, 99),
}

#: ISIC rev. 3: division → atoms, sector of Caliendo & Parro (who use rev. 3).
ISIC3: Mapping[int, tuple[str, str]] = {
    1: ("A01", "Agriculture"),
    2: ("A02", "Agriculture"),
    5: ("A03", "Agriculture"),
    10: ("B05", "Mining"),
    11: ("B06", "Mining"),
    12: ("B07", "Mining"),
    13: ("B07", "Mining"),
    14: ("B08 B09", "Mining"),
    15: ("C10T12", "Food"),
    16: ("C10T12", "Food"),
    17: ("C13T15", "Textile"),
    18: ("C13T15", "Textile"),
    19: ("C13T15", "Textile"),
    20: ("C16", "Wood"),
    21: ("C17_18", "Paper"),
    22: ("C17_18", "Paper"),
    23: ("C19", "Petroleum"),
    24: ("C20 C21", "Chemicals"),
    25: ("C22", "Plastic"),
    26: ("C23", "Minerals"),
    27: ("C24A C24B", "Basic metals"),
    28: ("C25", "Metal products"),
    29: ("C28", "Machinery n.e.c"),
    30: ("C26", "Office"),
    31: ("C27", "Electrical"),
    32: ("C26", "Communication"),
    33: ("C26", "Medical"),
    34: ("C29", "Auto"),
    35: ("C301 C302T309", "Other Transport"),
    36: ("C31T33", "Other"),
    37: ("C31T33", "Other"),
    40: ("D", "Electricity"),
    41: ("E", "Electricity"),
    45: ("F", "Construction"),
    50: ("G", "Retail"),
    51: ("G", "Retail"),
    52: ("G", "Retail"),
    55: ("I", "Hotels"),
    60: ("H49", "Land Transport"),
    61: ("H50", "Water Transport"),
    62: ("H51", "Air Transport"),
    63: ("H52", "Aux Transport"),
    64: ("H53 J61", "Post"),
    65: ("K", "Finance"),
    66: ("K", "Finance"),
    67: ("K", "Finance"),
    70: ("L", "Real State"),
    71: ("N", "Renting Mach"),
    72: ("J62_63", "Computer"),
    73: ("M", "R&D"),
    74: ("M N", "Other Business"),
    75: ("O", "Public"),
    80: ("P", "Education"),
    85: ("Q", "Health"),
    90: ("E", "Other services"),
    91: ("S", "Other services"),
    92: ("R", "Other services"),
    93: ("S", "Other services"),
    95: ("T", "Private"),
}

#: Codes and names that stand for divisions of ISIC rev. 3: the WIOD's 2013 release and the
#: ADB's tables (c1 to c35), and Eora26's names.
NAMED_ISIC3: Mapping[str, str] = {
    "c1": "1 2 5",
    "c2": "10 11 12 13 14",
    "c3": "15 16",
    "c4": "17 18",
    "c5": "19",
    "c6": "20",
    "c7": "21 22",
    "c8": "23",
    "c9": "24",
    "c10": "25",
    "c11": "26",
    "c12": "27 28",
    "c13": "29",
    "c14": "30 31 32 33",
    "c15": "34 35",
    "c16": "36 37",
    "c17": "40 41",
    "c18": "45",
    "c19": "50",
    "c20": "51",
    "c21": "52",
    "c22": "55",
    "c23": "60",
    "c24": "61",
    "c25": "62",
    "c26": "63",
    "c27": "64",
    "c28": "65 66 67",
    "c29": "70",
    "c30": "71 72 73 74",
    "c31": "75",
    "c32": "80",
    "c33": "85",
    "c34": "90 91 92 93",
    "c35": "95",
    "agriculture": "1 2",
    "fishing": "5",
    "mining and quarrying": "10 11 12 13 14",
    "food & beverages": "15 16",
    "textiles and wearing apparel": "17 18 19",
    "wood and paper": "20 21 22",
    "petroleum, chemical and non-metallic mineral products": "23 24 25 26",
    "metal products": "27 28",
    "electrical and machinery": "29 30 31 32 33",
    "transport equipment": "34 35",
    "other manufacturing": "36",
    "recycling": "37",
    "electricity, gas and water": "40 41",
    "construction": "45",
    "maintenance and repair": "50",
    "wholesale trade": "51",
    "retail trade": "52",
    "hotels and restraurants": "55",  # as the file spells it
    "hotels and restaurants": "55",
    "transport": "60 61 62 63",
    "post and telecommunications": "64",
    "finacial intermediation and business activities": "65 66 67 70 71 72 73 74",
    "financial intermediation and business activities": "65 66 67 70 71 72 73 74",
    "public administration": "75",
    "education, health and other services": "80 85 90 91 92 93",
    "private households": "95",
}

_EXIOBASE = re.compile(r"[ip](\d\d)(\.[a-z0-9]+)*")
_TOKEN = re.compile(r"([A-Z]?)(\d{2,3})([AB]?)")


def atoms() -> tuple[str, ...]:
    """The 50 industries of the ICIO's 2025 release."""
    return tuple(code for code, *_ in named_table("sectors.csv"))


def atoms_of(code: str) -> tuple[str, ...]:
    """The atoms that an industry's code overlaps; empty where it is no known code.

    Codes of every release of the ICIO (``C10T12``, ``D10T12``, ``10T12``, ``A01_02``) and of
    the WIOD (``C10-C12``, ``R_S``, ``c3``), EXIOBASE's (``i15.a``) and Eora26's names are
    read.
    """
    known = atoms()
    if code in known:
        return (code,)
    old = old_divisions(code)
    if old:
        return tuple(dict.fromkeys(a for d in old for a in ISIC3[d][0].split()))
    own = divisions(code)
    return tuple(atom for atom in known if own & divisions(atom))


def old_divisions(code: str) -> tuple[int, ...]:
    """Divisions of ISIC rev. 3 that a code of an older table stands for."""
    name = code.casefold() if len(code) > 3 else code  # C24 is not the WIOD's c24
    if name in NAMED_ISIC3:
        return tuple(map(int, NAMED_ISIC3[name].split()))
    match = _EXIOBASE.fullmatch(code)
    return (int(match[1]),) if match and int(match[1]) in ISIC3 else ()


def divisions(code: str) -> frozenset[int]:
    """Divisions of ISIC rev. 4 that a code names; empty where it is none."""
    if re.fullmatch(r"[A-U](_[A-U])*", code):
        letters = code.split("_")
        return frozenset(d for letter in letters for d in _section(letter))
    found: set[int] = set()
    end, last = 0, None
    for match in _TOKEN.finditer(code):
        number = int(match[2]) // 10 if len(match[2]) == 3 else int(match[2])
        between = code[end : match.start()]
        through = between == "-" or (between == "" and match[1] == "T")
        if last is not None and through:
            found |= set(range(last, number + 1))
        elif between in ("", "_"):
            found.add(number)
        else:
            return frozenset()
        last, end = number, match.end()
    return frozenset(found) if found and end == len(code) else frozenset()


def _section(letter: str) -> range:
    first, last = SECTIONS[letter]
    return range(first, last + 1)


def by_industry(codes: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Atoms of every code that has any."""
    found = {code: atoms_of(code) for code in codes}
    return {code: own for code, own in found.items() if own}


def cp_concordance(codes: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Sectors of Caliendo & Parro of every code that is known, each once."""
    found = {}
    for code, own in by_industry(codes).items():
        old = old_divisions(code)
        names = [ISIC3[d][1] for d in old] or [s for atom in own for s in CP_SECTORS[atom]]
        found[code] = tuple(dict.fromkeys(names))
    return found


def hs_industries(products: pd.Series, codes: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Which of a table's industries make each HS product; empty for what is none.

    Parameters
    ----------
    products : Series of str
        HS codes of two to six digits.
    codes : iterable of str
        The table's industries.
    """
    of_atom: dict[str, list[str]] = {}
    for code, own in by_industry(codes).items():
        for atom in own:
            of_atom.setdefault(atom, []).append(code)
    return {p: tuple(of_atom.get(icio_of(p), ())) for p in map(str, products.unique())}


def goods(codes: Iterable[str]) -> frozenset[str]:
    """The industries that make goods: sections A, B, C, what customs sees."""
    return frozenset(c for c, own in by_industry(codes).items() if own[0][0] in "ABC")
