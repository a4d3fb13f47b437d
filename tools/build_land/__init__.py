"""Builds the outlines of land and the waypoints of sea lanes that maps of corridors need."""
