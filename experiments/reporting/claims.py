"""Sentences with numbers that the findings have beside the page's; all are computed."""

from experiments.cli.console import counted
from experiments.reporting.measures import MEASURES
from experiments.reporting.sentences import effect_sentence, jpeg_sentence
from experiments.reporting.words import listed, plain, signed, with_unit

_CHANNELS, _COLOURS, _FLOAT32 = 64, 3, 4


def best_sentence(test, best):
    """State which rung needs the fewest bytes on a test set."""
    among = f"best of {best.among} rungs that can be compared" if best.among > 1 else "rung"
    return f"On {test} the {among} is {best.rung.name}. {jpeg_sentence(best.against)}"


def smaller_is_better_sentences(rungs):
    """Name rungs that do less well against JPEG than one with fewer parameters, at one rate."""
    behind = {}
    for rung in rungs:
        smaller = [one for one in rungs if _is_smaller_and_better(one, rung)]
        if smaller:
            best = min(smaller, key=lambda one: one.record.parameters)
            behind.setdefault(best.name, (best, []))[1].append(rung.name)
    return [
        f"More network is not more quality by itself: behind {best.name} with its "
        f"{best.record.parameters:,} parameters: {'; '.join(names)}. Whether the networks or "
        "their training hold them back these runs cannot tell."
        for best, names in behind.values()
    ]


def _is_smaller_and_better(one, other):
    if len(one.points) != 1 or len(other.points) != 1:
        return False
    (ours,), (theirs,) = one.points, other.points
    fewer = one.record.parameters < other.record.parameters
    return fewer and ours.psnr - ours.jpeg_psnr > theirs.psnr - theirs.jpeg_psnr


def better_sentence(test, names, count):
    """State which settings are better than JPEG on a test set."""
    if not names:
        return f"On {test} none of {counted(count, 'setting')} is better than JPEG of equal bytes."
    verb = "is" if len(names) == 1 else "are"
    return (
        f"On {test} {len(names)} of {counted(count, 'setting')} {verb} better than JPEG of equal "
        f"bytes, on average over seeds and images: {listed(names)}."
    )


def losses_sentence(rung, losses):
    """State where a rung is worse than JPEG."""
    than = "JPEG of equal bytes" if rung.task == "autoencode" else "the JPEG it was given"
    rates = len({point.rate for point in rung.points})
    among = counted(losses.among, "image") if rates < 2 else f"{losses.among} images and rates"
    if not losses.count:
        return (
            f"{rung.name} is nowhere below {than}: its least advantage of {among} "
            f"is {signed(losses.advantage)} dB, on {losses.worst}."
        )
    return (
        f"{rung.name} is below {than} in {losses.count} of {among}, by most on "
        f"{losses.worst} ({signed(losses.advantage)} dB)."
    )


def unsure_sentence(contributions):
    """Name the axes that make no difference; empty if there is none."""
    names = [
        one.axis.name
        for one in contributions
        if one.effect.low is not None and not one.effect.is_difference
    ]
    if not names:
        return ""
    makes = "makes" if len(names) == 1 else "make"
    return f"What {makes} no difference that these runs can tell: {listed(names)}."


def gap_sentence(found, count):
    """State what overfits; empty if nothing was compared."""
    if not count:
        return ""
    if found is None:
        return (
            f"Of {counted(count, 'value')} none widens the gap between training and held-out "
            "images by more than its interval."
        )
    axis, value = found
    return f"What overfits most is {axis.name}: {effect_sentence(axis, value, MEASURES['gap'])}"


def spikes_sentence(found):
    """State which training spiked most; empty if none did."""
    spiked = [one for one in found if one.spikes]
    if not spiked:
        return f"The loss of none of {counted(len(found), 'setting')} spiked."
    worst = max(spiked, key=lambda one: one.spikes)
    highest = max(spiked, key=lambda one: one.loss_ratio or 0)
    return (
        f"In {len(spiked)} of {counted(len(found), 'setting')} the loss spiked, to over twice its "
        f"running median; most often with {worst.name}, in {plain(worst.spikes, 1)} of 1,000 "
        f"steps, and highest with {highest.name}, to {plain(highest.loss_ratio, 1)} times."
    )


def outcome_text(found, measure, write=plain):
    """Write a mean over seeds with its range: "31.20 dB (3 seeds, from 31.00 to 31.40)"."""
    size = with_unit(write(found.mean, measure.digits), measure.unit)
    if found.seeds == 1:
        return f"{size} (one seed)"
    low, high = (write(value, measure.digits) for value in (found.low, found.high))
    return f"{size} ({found.seeds} seeds, from {low} to {high})"


def emulate_sentence(test, near, jpeg):
    """State how near the network's images are to JPEG's, and how near the originals are."""
    return (
        f"Tested on {test}, the network that emulates JPEG comes within "
        f"{outcome_text(near, MEASURES['psnr'])} of the JPEG images that it was to make; the "
        f"originals, handed through as they are, are within {plain(jpeg)} dB of them: that is "
        f"{'better' if near.mean > jpeg else 'no better'} than to do nothing."
    )


def restore_sentence(test, gain):
    """State by how much restoring improves JPEG images."""
    return (
        f"Tested on {test}, restoring changes the PSNR of the JPEG images by "
        f"{outcome_text(gain, MEASURES['advantage'], signed)}, against the originals."
    )


def expansion_sentence():
    """State how much larger than the image a textbook latent is: arithmetic, nothing measured."""
    ratio = _CHANNELS / _COLOURS
    return (
        f"A convolutional autoencoder without a bottleneck, as many textbooks have it, keeps the "
        f"image's size and widens it to {_CHANNELS} channels. "
        f"Its latent holds {_CHANNELS}/{_COLOURS} = {ratio:.1f} times as many numbers as the "
        f"image, and in float32, {_FLOAT32} bytes each, {_FLOAT32 * ratio:.0f} times the bytes: "
        "it can hand the image through, and has compressed nothing."
    )


def latents_sentence(rung):
    """State how many numbers and bytes a rung keeps of an image; None if nothing is coded."""
    latents, coded = rung.record.latents_per_pixel, rung.coded
    if latents is None or not coded:
        return None
    sizes = sorted({plain(point.bits_per_pixel / 8, 3) for point in coded})
    shares = sorted(100 * point.bits_per_pixel / (8 * _COLOURS) for point in coded)
    size = sizes[0] if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    share, numbers = f"{shares[0]:.1f}", "number" if latents == 1 else "numbers"
    if f"{shares[-1]:.1f}" != share:
        share = f"{share} to {shares[-1]:.1f}"
    return (
        f"{rung.name} keeps {latents:g} {numbers} a pixel, which in its files take {size} bytes a "
        f"pixel: {share} % of the image's {_COLOURS}."
    )
