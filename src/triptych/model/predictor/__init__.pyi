from .config import PredictorConfig
from .network import Prediction, Predictor, Surroundings
from .views import EncodedViews

__all__ = ["EncodedViews", "Prediction", "Predictor", "PredictorConfig", "Surroundings"]
