"""Published results, computed again and set beside the print: one module each."""

from detente.replicate.caliendo_parro_2015 import (
    AGREES,
    PRINTED,
    WHY_THEY_DIFFER,
    Replication,
    caliendo_parro_2015,
    cp2015_world,
)
from detente.replicate.caliendo_parro_elasticities import (
    caliendo_parro_elasticities,
    estimate_elasticities,
)
from detente.replicate.common import ComparedTable, Comparison, Replicated
from detente.replicate.costinot_rodriguez_clare_2014 import costinot_rodriguez_clare_2014

__all__ = [
    "AGREES",
    "PRINTED",
    "WHY_THEY_DIFFER",
    "ComparedTable",
    "Comparison",
    "Replicated",
    "Replication",
    "caliendo_parro_2015",
    "caliendo_parro_elasticities",
    "costinot_rodriguez_clare_2014",
    "cp2015_world",
    "estimate_elasticities",
]
