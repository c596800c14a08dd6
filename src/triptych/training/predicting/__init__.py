"""The predictor of a category model: its training."""
