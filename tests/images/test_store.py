"""The cache of pixels: what stays in memory, what is loaded again."""

import threading

import numpy as np
import pytest

from experiments.images.store import Store


def test_a_store_makes_each_value_once_while_it_has_room():
    store, made = Store(100), []

    def ask(key, size=40):
        return store.get(key, lambda: (made.append(key) or key.upper(), size))

    assert [ask(key) for key in "abab"] == list("ABAB")
    assert made == ["a", "b"]
    ask("c")  # the one that was used longest ago, a, has to go
    assert [ask(key) for key in "cb"] == ["C", "B"]
    assert made == ["a", "b", "c"]
    ask("a")
    assert made == ["a", "b", "c", "a"]


def test_a_value_larger_than_the_store_is_given_and_kept_alone():
    store = Store(10)
    store.get("a", lambda: ("a", 5))
    assert store.get("b", lambda: ("b", 50)) == "b"
    assert store.get("b", lambda: 1 / 0) == "b"
    with pytest.raises(ZeroDivisionError):
        store.get("a", lambda: 1 / 0)


def test_threads_share_a_store():
    store = Store(50)
    wrong = []

    def work(seed):
        for key in np.random.default_rng(seed).integers(0, 20, 2000).tolist():
            if store.get(key, lambda key=key: (key, 10)) != key:
                wrong.append(key)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    entries = store._entries
    assert entries.currsize == sum(size for _, size in entries.values()) <= 50
