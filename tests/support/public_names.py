"""Public names of fnnet's modules and packages."""

import ast
import inspect


def public_names(module):
    """List a module's ``__all__``, or the names that a package's ``__init__`` imports."""
    if hasattr(module, "__all__"):
        return module.__all__
    nodes = ast.parse(inspect.getsource(module)).body
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    return sorted(alias.asname or alias.name for node in imports for alias in node.names)
