"""What is in memory: the store, the pool of a training step; and images made smaller."""

import threading
from collections import Counter

import numpy as np
import pytest
from image_builders import noise, smooth

from experiments.images.downscaling import reduced, reduced_shape
from experiments.images.pools import POOL_BYTES, pool
from experiments.images.store import STORE_BYTES, Store


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


def test_a_set_that_fits_is_all_in_the_pool_in_its_order():
    assert pool([10] * 5, seed=0, step=7, limit=50) == (0, 1, 2, 3, 4)
    assert POOL_BYTES < STORE_BYTES


def test_a_pool_is_a_pure_function_within_its_limit():
    sizes = [10, 20, 30] * 10
    for step in (0, 1, 29, 30, 31, 1000, 10**6):
        chosen = pool(sizes, seed=3, step=step, limit=100)
        assert chosen == pool(sizes, seed=3, step=step, limit=100)
        assert sum(sizes[index] for index in chosen) <= 100
        assert len(set(chosen)) == len(chosen) >= 2
    assert pool(sizes, seed=4, step=0, limit=100) != pool(sizes, seed=3, step=0, limit=100)
    # Pinned: a resumed run must draw from the same images on every machine and release.
    assert pool(sizes, seed=3, step=1000, limit=100) == (21, 16, 5, 1, 22)


def test_a_pool_takes_in_one_image_a_step_and_all_of_them_equally_often():
    sizes, seen = [10] * 30, Counter()
    before = set(pool(sizes, seed=0, step=0, limit=55))
    for step in range(1, 301):
        now = set(pool(sizes, seed=0, step=step, limit=55))
        assert len(now - before) <= 1
        seen.update(now)
        before = now
    assert len(seen) == 30
    assert min(seen.values()) >= 45
    assert max(seen.values()) <= 60


def test_one_large_image_does_not_narrow_the_pool():
    sizes = [1] * 1999 + [300]
    for step in range(0, 4000, 37):
        chosen = pool(sizes, seed=0, step=step, limit=1000)
        assert 700 <= len(chosen) <= 1000
        assert sum(sizes[index] for index in chosen) <= 1000


def test_one_image_is_chosen_even_if_it_is_too_large():
    assert len(pool([100, 100], seed=0, step=0, limit=10)) == 1


def test_an_image_is_made_smaller_in_both_directions_alike():
    pixels = smooth(101, 60)
    assert reduced(pixels, 1) is pixels
    assert reduced(pixels, 2.5).shape == reduced_shape(pixels.shape, 2.5) == (40, 24, 3)
    assert reduced(pixels, 1000).shape == (1, 1, 3)
    # A smooth image keeps its content.
    assert np.abs(reduced(pixels, 2.5).astype(int) - smooth(40, 24)).max() <= 6


def test_reduction_does_not_alias():
    # Noise averages out; taking every fourth pixel would keep its spread of 74.
    small = reduced(noise(400, 400), 4)
    assert small.std() < 25
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    inner = reduced(stripes, 2)[8:-8, 8:-8]
    assert inner.min() >= 120
    assert inner.max() <= 135


@pytest.mark.parametrize("factor", [0.5, 0, -1, float("nan")])
def test_enlarging_is_refused(factor):
    with pytest.raises(ValueError, match="must be at least 1"):
        reduced(noise(), factor)
