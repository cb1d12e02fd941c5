"""The sentence of a rejection."""

import pytest

from experiments.system.errors import RunError


def refusal(call, *args):
    """Return the sentence of the RunError that a call must raise: one line that is not empty."""
    with pytest.raises(RunError) as caught:
        call(*args)
    sentence = str(caught.value)
    assert sentence
    assert sentence.isprintable()
    return sentence
