"""A run as a value: folder, config, record, recipes, released weights."""
