"""A report on a dataset for people to look at: what it holds, and what may be wrong with it."""
