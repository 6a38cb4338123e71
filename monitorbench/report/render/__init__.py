"""Pure renderings of a report: what they show is in the report, and in stored rollouts that are handed to them."""
