"""List the commands, or run one: ``fnnet NAME``, the same as ``python -m experiments NAME``."""

import difflib
import runpy
import sys

from experiments import COMMANDS


def main():
    """Run the command that the first argument names; without one, list all of them."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("-h", "--help"):
        print("fnnet NAME, or python -m experiments.NAME, runs a command; --help explains it:\n")
        for command, description in COMMANDS.items():
            print(f"  {command:12} {description}")
    elif name in COMMANDS:
        del sys.argv[1]
        runpy.run_module(f"experiments.{name}", run_name="__main__", alter_sys=True)
    else:
        near = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(COMMANDS)}"
        print(f"error: unknown command {name}; {hint}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
