"""Doors to other tools: models of this package, with any intervention, as those tools want them."""
