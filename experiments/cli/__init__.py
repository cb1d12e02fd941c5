"""From a dataclass to a command: console, progress, files in and files out."""
