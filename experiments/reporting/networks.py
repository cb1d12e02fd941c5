"""What a network is and how it was trained, in words, from a record's trial."""

_UNSAID = ("name", "precision")  # of a model's settings


def settings(model):
    """List a model's settings but those that are off."""
    said = []
    for name, value in model.items():
        if isinstance(value, list):
            value = f"{value[0]:g} to {value[-1]:g}" if value else None
        if name not in _UNSAID and value not in (None, 0, "none"):
            said.append(f"{name.replace('_', ' ')} {value}")
    return ", ".join(said) or "–"


def training(options):
    """List what training depends on, as far as it is known."""
    named = ("learning_rate", "schedule", "clip", "batch", "patch")
    said = [f"{name.replace('_', ' ')} {options[name]}" for name in named if name in options]
    if "optimizer" in options:
        said.insert(0, options["optimizer"])
    if "steps" in options:
        said.append(f"{options['steps']:,} steps")
    return ", ".join(said) or "–"
