"""How fast fnnet is beside other frameworks: networks, worker processes, rounds, tables."""
