"""Conversions of colours as layers, white at 1."""

from fnnet import ops
from fnnet.layers.stateless import stateless

rgb_to_ycbcr = stateless(ops.rgb_to_ycbcr)
ycbcr_to_rgb = stateless(ops.ycbcr_to_rgb)
rgb_to_ycbcr_studio = stateless(ops.rgb_to_ycbcr_studio)
ycbcr_studio_to_rgb = stateless(ops.ycbcr_studio_to_rgb)
