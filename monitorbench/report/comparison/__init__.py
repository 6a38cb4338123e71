"""Two or more reports side by side: what differs between them, in what was asked and in what came out."""
