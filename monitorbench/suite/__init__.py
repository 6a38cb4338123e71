"""The suite language: parsing, validation with positions, includes, overrides, and its JSON Schema."""
