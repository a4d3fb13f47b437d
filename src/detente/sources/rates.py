"""Exchange rates of a year, for tables that are not in US dollars."""

from __future__ import annotations

from detente.errors import InputError

SOURCE = "Eurostat, ert_bil_eur_a, average of the year (before 1999 the ECU)"

#: US dollars for one euro.
USD_PER_EUR = {
    1996: 1.2697,
    1997: 1.1340,
    1998: 1.1211,
    1999: 1.0658,
    2000: 0.9236,
    2001: 0.8956,
    2002: 0.9456,
    2003: 1.1312,
    2004: 1.2439,
    2005: 1.2441,
    2006: 1.2556,
    2007: 1.3705,
    2008: 1.4708,
    2009: 1.3948,
    2010: 1.3257,
    2011: 1.3920,
    2012: 1.2848,
    2013: 1.3281,
    2014: 1.3285,
    2015: 1.1095,
    2016: 1.1069,
    2017: 1.1297,
    2018: 1.1810,
    2019: 1.1195,
    2020: 1.1422,
    2021: 1.1827,
    2022: 1.0530,
    2023: 1.0813,
    2024: 1.0824,
}


def average_usd_per_eur(year: int) -> tuple[float, str]:
    """US dollars for one euro, average of a year, and the source.

    Raises
    ------
    InputError
        A year that is not in the table.
    """
    if year not in USD_PER_EUR:
        raise InputError(
            f"the euro's average rate of {year} is not known here ({min(USD_PER_EUR)} to "
            f"{max(USD_PER_EUR)} are); give the US dollars for one euro, usd_per_eur."
        )
    return USD_PER_EUR[year], SOURCE
