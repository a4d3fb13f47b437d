"""Corridors: the transport network, its projects, routes, and flows under capacities.

Flows are in `detente.corridors.assign`, trade costs in `detente.corridors.cost`.
"""

from detente.corridors.catalogue import load_network, load_project, project_names
from detente.corridors.network import Edge, Network, Node
from detente.corridors.project import Project
from detente.corridors.routes import Route, RouteError, Shipment, Skim, route, skim

__all__ = [
    "Edge",
    "Network",
    "Node",
    "Project",
    "Route",
    "RouteError",
    "Shipment",
    "Skim",
    "load_network",
    "load_project",
    "project_names",
    "route",
    "skim",
]
