"""List the commands."""

COMMANDS = {
    "explore": "show what is in a set of images, in tables and figures (half a minute for 29)",
    "train": "train a network on images and show what it learned (about 4 minutes)",
    "evaluate": "print a trained network's quality on held-out images or another set",
    "reconstruct": "apply a trained network to your own images",
    "compress": "write images as .fnn files by a trained network or by released weights",
    "decompress": "read .fnn files back as images",
    "ladder": "train the ladder from a dense autoencoder to a learned codec (half an hour)",
    "release": "make a run's weights ready to be released",
    "selftest": "measure JPEG's published rows again, to see that the metrics are right",
    "classical": "measure JPEG, JPEG 2000, WebP, AVIF and JPEG XL: rate-distortion, BD-rates",
    "ablate": "vary one thing at a time in a small codec, and record what each value does",
    "scaling": "predict how training scales to 1,000 devices (half a minute)",
    "lowerings": "time the forms in which convolutions are computed here (half a minute)",
    "benchmark": "compare speed and memory with PyTorch and Flax (half an hour; --quick 2 minutes)",
    "report": "write a page of a sweep's results: what shapes an image autoencoder (seconds)",
    "clear_cache": "remove the compiled programs that commands keep for their next start",
}


def main():
    print("python -m experiments.NAME --help explains a command:\n")
    for name, does in COMMANDS.items():
        print(f"  {name:12} {does}")


if __name__ == "__main__":
    main()
