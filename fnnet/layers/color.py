"""Colour conversions as layers; white is 1."""

from fnnet import ops
from fnnet.layers.stateless import op_layer

rgb_to_ycbcr = op_layer(ops.rgb_to_ycbcr)
ycbcr_to_rgb = op_layer(ops.ycbcr_to_rgb)
rgb_to_ycbcr_studio = op_layer(ops.rgb_to_ycbcr_studio)
ycbcr_studio_to_rgb = op_layer(ops.ycbcr_studio_to_rgb)
