"""detente: who trades with whom, and who gains, when a closed economy opens."""

__version__ = "0.1.0"
