"""Tests of the dead man's switch that need machines."""
