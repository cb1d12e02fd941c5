"""Classical codecs: their encoders, their measured rate-distortion curves, and BD-rates."""
