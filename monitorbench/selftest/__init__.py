"""Whether this machine tells the planted truths of the reference checkpoints apart."""
