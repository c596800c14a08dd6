from .config import PredictorConfig
from .network import Prediction, Predictor, Slopes, Surroundings
from .views import EncodedViews

__all__ = ["EncodedViews", "Prediction", "Predictor", "PredictorConfig", "Slopes", "Surroundings"]
