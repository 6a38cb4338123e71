"""One run on several ranks: one leads and keeps what is recorded, the others run batches for it."""
