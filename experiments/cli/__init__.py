"""Command-line interface: options, errors, terminal, progress, output files."""
