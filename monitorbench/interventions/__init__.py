"""Declared changes to a channel during generation."""
