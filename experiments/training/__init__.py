"""One training session: batches, devices, processes, stability."""
