from .config import DemoConfig
from .run import run_demo

__all__ = ["DemoConfig", "run_demo"]
