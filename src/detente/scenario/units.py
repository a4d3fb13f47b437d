"""Quantities of energy links with their units, for the fields of measures.

Gas volumes (``10 bcm/year``, ``7.5 Mt/year`` of LNG), power (``4 TWh/year``, ``2 GW``), lengths
(``700 km``), prices (``382 USD/1000m3``, ``10.7 USD/mmbtu``, ``60 USD/MWh``), transit fees
(``2 USD/1000m3/100km``, ``0.5 USD/MWh/100km``, ``5%`` of the worth),
``30 days``, ``30 years``, ``4.2 billion USD``.

A bare number is refused with the text that it may have been meant to be. Every type goes back
to a file as text that reads as the same quantity, and has a JSON schema pattern.

Conversions and formulas stand where they are used: :mod:`detente.corridors.pipelineunits`.
"""

from detente.corridors.pipelineunits import (
    BCM_PER_MT,
    MMBTU_PER_1000M3,
    TWH_PER_GW,
    Capacity,
    ContractPrice,
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
    figure,
)

__all__ = [
    "BCM_PER_MT",
    "MMBTU_PER_1000M3",
    "TWH_PER_GW",
    "Capacity",
    "ContractPrice",
    "Days",
    "EnergyPrice",
    "Fee",
    "Kilometres",
    "Part",
    "Price",
    "TransitFee",
    "Usd",
    "Volume",
    "Years",
    "figure",
]
