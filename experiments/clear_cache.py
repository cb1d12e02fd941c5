"""Remove the compiled programs that commands keep for their next start."""

from dataclasses import dataclass

from experiments.cli import console
from experiments.cli.commands import run_command
from experiments.system import compilation_cache


@dataclass(frozen=True, kw_only=True)
class Config:
    """Remove the compiled programs that commands keep for their next start, in a second.

    How many files and bytes went, and where from, is printed. Nothing else is removed; the next
    start of a command compiles its programs again.
    """


def main(config: Config):
    """Remove the folder and tell what was in it."""
    folder, count, size = compilation_cache.clear()
    removed = f"removed {count} files, {size:,} bytes" if count else "nothing to remove"
    console.console().print(f"{removed} in {folder}", soft_wrap=True)


if __name__ == "__main__":
    run_command(main, Config, prog="python -m experiments.clear_cache")
