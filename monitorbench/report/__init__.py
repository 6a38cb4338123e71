"""What a run came to: the report, its schema, how it is written and read, and what the process ends with."""
