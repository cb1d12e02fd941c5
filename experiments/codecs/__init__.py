"""Classical codecs: their encoders, the points of their curves, what is made of these."""
