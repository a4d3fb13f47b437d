"""Corridors: the transport network, its projects, routes, and flows under capacities.

`catalogue` loads networks and projects, `routes` finds ways, `assign` spreads flows over lines
that can be full, `cost` makes trade costs of it all. Nothing is imported here: a scenario
without a corridor starts without the engine.
"""
