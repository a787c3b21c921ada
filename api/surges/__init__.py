"""The resource `surges`: what is breaking now, watched as it comes in."""
