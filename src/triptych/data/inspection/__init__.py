"""What a dataset holds and what may be wrong with it, for people to look at."""
