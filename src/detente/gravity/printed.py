"""What the Advanced Guide to Trade Policy Analysis prints: coefficients and errors.

Yotov, Y. V., R. Piermartini, J.-A. Monteiro and M. Larch (2016), UNCTAD and WTO. Sources:

- Chapter 1, tables 1–3: as recomputed by the R package tradepolicy, whose authors find
  table 1 as in the book (repository pachadotdev/tradepolicy, release v0.4,
  ``docs/partial-equilibrium-trade-policy-analysis-with-structural-gravity.html``); column
  ``2 PPML`` from its version of January 2026, which v0.4 estimates by least squares.
- Chapter 2: the authors' Stata logs in that repository
  (``00-application-files/Chapter2/Applications/*/Results/*.log``).
"""

from __future__ import annotations

EFFECTS = "exporter^year + importer^year"
LAGS = ("rta", "rta_lag4", "rta_lag8", "rta_lag12")
PAIR = "ln_distance + contiguity + common_language + colony"

#: Table → (formula, domestic flows?, estimator, {term: (coefficient, error)}, rows).
Model = tuple[str, bool, str, dict[str, tuple[float, float]], int]
_D, _C, _L, _O = "ln_distance", "contiguity", "common_language", "colony"
MODELS: dict[str, Model] = {
    "1 OLS": (
        f"trade ~ {PAIR} | {EFFECTS}", False, "ols",
        {_D: (-1.216, 0.038), _C: (0.223, 0.203), _L: (0.661, 0.082), _O: (0.670, 0.149)},
        25689,
    ),
    "1 PPML": (
        f"trade ~ {PAIR} | {EFFECTS}", False, "ppml",
        {_D: (-0.841, 0.032), _C: (0.437, 0.083), _L: (0.247, 0.077), _O: (-0.222, 0.116)},
        28152,
    ),
    "2 OLS": (
        "trade ~ ln_distance:i(year) + contiguity + common_language + colony | " + EFFECTS,
        False, "ols",
        {
            "ln_distance:year=1986": (-1.168, 0.044), "ln_distance:year=1990": (-1.155, 0.042),
            "ln_distance:year=1994": (-1.211, 0.046), "ln_distance:year=1998": (-1.248, 0.043),
            "ln_distance:year=2002": (-1.241, 0.044), "ln_distance:year=2006": (-1.261, 0.044),
        },
        25689,
    ),
    "2 PPML": (
        "trade ~ ln_distance:i(year) + contiguity + common_language + colony | " + EFFECTS,
        False, "ppml",
        {
            "ln_distance:year=1986": (-0.859, 0.037), "ln_distance:year=1990": (-0.834, 0.038),
            "ln_distance:year=1994": (-0.835, 0.035), "ln_distance:year=1998": (-0.847, 0.035),
            "ln_distance:year=2002": (-0.848, 0.032), "ln_distance:year=2006": (-0.836, 0.031),
        },
        28152,
    ),
    "2 INTRA": (
        "trade ~ ln_distance:border:i(year) + contiguity + common_language + colony + "
        "ln_distance:domestic | " + EFFECTS,
        True, "ppml",
        {
            "ln_distance:border:year=1986": (-0.980, 0.072),
            "ln_distance:border:year=2006": (-0.872, 0.071),
            _C: (0.371, 0.140), _L: (0.337, 0.168), _O: (0.019, 0.156),
            "ln_distance:domestic": (-0.488, 0.101),
        },
        28566,
    ),
    "2 HOME": (
        "trade ~ ln_distance:border:i(year) + contiguity + common_language + colony + "
        "ln_distance:domestic + domestic | " + EFFECTS,
        True, "ppml",
        {
            "ln_distance:border:year=1986": (-0.857, 0.063),
            "ln_distance:border:year=2006": (-0.754, 0.062),
            _C: (0.574, 0.155), _L: (0.352, 0.137), _O: (0.027, 0.125),
            "ln_distance:domestic": (-0.602, 0.109), "domestic": (1.689, 0.574),
        },
        28566,
    ),
    "2 FE": (
        "trade ~ ln_distance:border:i(year) + contiguity + common_language + colony | "
        + EFFECTS + " + home",
        True, "ppml",
        {
            "ln_distance:border:year=1986": (-0.910, 0.032),
            "ln_distance:border:year=2006": (-0.811, 0.032),
            _C: (0.442, 0.082), _L: (0.241, 0.076), _O: (-0.220, 0.117),
        },
        28566,
    ),
    "3 OLS": (
        f"trade ~ {PAIR} + rta | {EFFECTS}", False, "ols",
        {_D: (-1.216, 0.039), _C: (0.223, 0.203), "rta": (-0.004, 0.054)}, 25689,
    ),
    "3 PPML": (
        f"trade ~ {PAIR} + rta | {EFFECTS}", False, "ppml",
        {
            _D: (-0.822, 0.031), _C: (0.416, 0.083), _L: (0.250, 0.077), _O: (-0.205, 0.114),
            "rta": (0.191, 0.066),
        },
        28152,
    ),
    "3 INTRA": (
        f"trade ~ {PAIR} + rta | {EFFECTS} + home", True, "ppml",
        {
            _D: (-0.800, 0.030), _C: (0.393, 0.079), _L: (0.244, 0.077), _O: (-0.182, 0.113),
            "rta": (0.409, 0.069),
        },
        28566,
    ),
    "3 ENDG": (
        f"trade ~ rta | {EFFECTS} + pair", True, "ppml", {"rta": (0.557, 0.102)}, 28482,
    ),
    "3 LEAD": (
        f"trade ~ rta + rta_lead4 | {EFFECTS} + pair", True, "ppml",
        {"rta": (0.520, 0.086), "rta_lead4": (0.077, 0.092)}, 28482,
    ),
    "3 PHASING": (
        f"trade ~ {' + '.join(LAGS)} | {EFFECTS} + pair", True, "ppml",
        {
            "rta": (0.291, 0.089), "rta_lag4": (0.414, 0.067), "rta_lag8": (0.169, 0.043),
            "rta_lag12": (0.119, 0.030),
        },
        28482,
    ),
    "3 GLOBAL": (
        f"trade ~ {' + '.join(LAGS)} + border:i(year) | {EFFECTS} + pair", True, "ppml",
        {
            "rta": (0.116, 0.087), "rta_lag4": (0.288, 0.062), "rta_lag8": (0.069, 0.048),
            "rta_lag12": (0.002, 0.029), "border:year=1986": (-0.706, 0.048),
            "border:year=1990": (-0.480, 0.043), "border:year=1994": (-0.367, 0.033),
            "border:year=1998": (-0.158, 0.023), "border:year=2002": (-0.141, 0.017),
        },
        28482,
    ),
}  # fmt: skip
#: (table, figure) → printed value and error: the change of the distance effect in percent,
#: and the sums of agreements' effects over their lags.
DERIVED: dict[tuple[str, str], tuple[float, float]] = {
    ("2 OLS", "% change"): (7.950, 3.759),
    ("2 PPML", "% change"): (-2.750, 3.004),
    ("2 INTRA", "% change"): (-10.965, 1.058),
    ("2 HOME", "% change"): (-11.969, 1.173),
    ("2 FE", "% change"): (-10.931, 0.769),
    ("3 PHASING", "sum of lags"): (0.993, 0.094),
    ("3 GLOBAL", "sum of lags"): (0.475, 0.109),
}
#: Chapter 2, application 1 (2006; robust errors) and stage 2 of application 2 (1994).
CHAPTER2 = {
    "borders": {_D: (-0.791, 0.050), _C: (0.674, 0.107), "border": (-2.474, 0.119)},
    "nafta stage 2": {
        _D: (-0.848, 0.035), _C: (0.294, 0.095), _L: (0.363, 0.083), _O: (0.239, 0.115),
    },
}  # fmt: skip
