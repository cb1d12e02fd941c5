"""Networks as functions of frozen configs, their tasks, and trained ones as codecs."""
