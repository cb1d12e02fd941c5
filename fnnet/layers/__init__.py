"""Constructors of layers: parameters and state around an array function."""
