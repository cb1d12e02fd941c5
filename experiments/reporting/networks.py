"""Networks and their training in words, from a record's trial."""

from experiments.networks import configs

_UNSAID = ("name", "precision")  # of a model's settings


def settings(model):
    """List a model's settings but those that are off."""
    said = []
    for name, value in configs.to_json(model).items():
        if isinstance(value, list):
            value = f"{value[0]:g} to {value[-1]:g}" if value else None
        if name not in _UNSAID and value not in (None, 0, "none"):
            said.append(f"{name.replace('_', ' ')} {value}")
    return ", ".join(said) or "–"


def training(options):
    """List what training depends on."""
    return (
        f"{options.optimizer}, learning rate {options.learning_rate}, schedule {options.schedule}, "
        f"clip {options.clip}, batch {options.batch}, patch {options.patch}, "
        f"{options.steps:,} steps"
    )
