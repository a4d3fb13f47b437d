"""Corridors: the transport network, its projects, routes and capacities."""
