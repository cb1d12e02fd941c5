"""From a dataclass to a command: options, errors, terminal, progress, output files."""
