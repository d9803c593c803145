"""Made data with known interactions: the ground truth for interaction exploration."""

from data_pipelines.planted.generate import generate
from data_pipelines.planted.model import PlantedSpec

__all__ = ["PlantedSpec", "generate"]
