# Made by tools/stubs.py from the module beside it
"""What is done with a result: pictures of it from any side, in any light and of any kind, another face
made from it, and two of them side by side"""

from __future__ import annotations
from typing import Any
import numpy as np
import PIL.Image
from torch import Tensor
from ..face import Face
from ..light.environment import MapLight
from ..light.interface import Emitter
from ..pipeline import Pipeline
from ..reconstruction import Reconstruction

__all__ = [
    "LAMPS",
    "SIZES",
    "KINDS",
    "SAMPLES",
    "RAYS",
    "GREY",
    "MAPS",
    "WIDER",
    "FARTHEST",
    "lamps",
    "brightest",
    "light_names",
    "as_light",
    "linear_numbers",
    "check_size",
    "viewed",
    "in_notebook",
    "Distance",
]
LAMPS: Any

def lamps(name: str, height: int = ...) -> MapLight:
    """The light of some lamps"""

def brightest(light: Emitter) -> float:
    """Irradiance of the surface that the light hits best"""

def light_names() -> list:
    """What `as_light` knows without a file"""

def as_light(what: Any, fitted: Emitter, height: int = ...) -> Emitter:
    """The light that is meant; `LightError` where there is no such light"""

def linear_numbers(values: Any) -> Tensor:
    """What somebody has, as light"""

SIZES: Any

def check_size(size: int) -> int:
    """`ConfigError` for pictures that nobody can draw"""

def viewed(
    pipeline: Pipeline, face: Face, i: int = ..., size: int = ..., yaw: float | None = ..., pitch: float | None = ...
) -> Face:
    """The head before the camera that is meant"""

KINDS: Any
SAMPLES: int
RAYS: Any
GREY: float
MAPS: Any
WIDER: float

def in_notebook() -> bool:
    """Is there a kernel with a page before it?"""

FARTHEST: float

class Distance:
    """How far apart two faces are at each vertex, in mm."""

    neutral: bool
    array: np.ndarray

    def __init__(self, result: Reconstruction, array: np.ndarray, neutral: bool = ...) -> None: ...
    @property
    def face(self) -> np.ndarray:
        """Those of the vertices that are of the face, without skull, ears and neck"""

    @property
    def median(self) -> float:
        """Over the vertices of the face"""

    @property
    def mean(self) -> float:
        """Over the vertices of the face"""

    def __array__(self, dtype=..., copy=...) -> np.ndarray: ...
    def __len__(self) -> int: ...
    def __repr__(self): ...
    def image(self, *, yaw: float = ..., size: int = ...) -> PIL.Image.Image:
        """On the first face: white where they are the same, full red from `FARTHEST` mm on"""
