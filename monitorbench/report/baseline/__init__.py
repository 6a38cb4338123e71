"""The baseline file: what was accepted of every check, and what a run comes to when it is held against that."""
