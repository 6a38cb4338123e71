"""Running arms and keeping what was seen."""
