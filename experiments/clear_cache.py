"""Remove the compiled programs that commands store for their next start."""

from dataclasses import dataclass

from experiments.cli import console
from experiments.cli.commands import run_command
from experiments.system import compilation_cache


@dataclass(frozen=True, kw_only=True)
class Config:
    """Remove the compiled programs that commands store for their next start, in a second.

    The number of files and bytes, and their folder, are printed. Nothing else is removed; the next
    start of a command compiles its programs again.
    """


def main(config: Config):
    """Remove the folder, and print the number of files and bytes in it."""
    folder, count, size = compilation_cache.clear()
    removed = f"removed {count} files, {size:,} bytes" if count else "nothing to remove"
    console.print_line(f"{removed} in {folder}")


if __name__ == "__main__":
    run_command(main, Config, prog="python -m experiments.clear_cache")
