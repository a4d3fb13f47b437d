"""The embedded worlds, and the tables of facts that they are built from."""
