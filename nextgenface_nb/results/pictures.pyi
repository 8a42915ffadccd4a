# Made by tools/stubs.py from the module beside it
"""What is done with a result: pictures of it from any side, in any light and of any kind, another face
made from it, and two of them side by side"""

from __future__ import annotations
from typing import Any
import numpy as np
import PIL.Image, PIL.ImageDraw
from torch import Tensor
from ..face import Face
from ..light.environment import MapLight
from ..light.interface import Emitter
from ..pipeline import Pipeline
from ..reconstruction import Reconstruction

__all__ = [
    "LAMPS",
    "ONE_PASS",
    "SHOWN",
    "PLASTER",
    "KINDS",
    "SAMPLES",
    "RAYS",
    "GREY",
    "MAPS",
    "CHANGED",
    "WIDER",
    "FARTHEST",
    "lamps",
    "brightest",
    "light_names",
    "as_light",
    "linear_numbers",
    "check_size",
    "viewed",
    "as_image",
    "in_notebook",
    "Distance",
]
LAMPS: Any

def lamps(name: str, height: int = ...) -> MapLight:
    """The light of some lamps

    Parameters
    ----------
    name
        Of `LAMPS`
    height
        Rows of the map

    Returns
    -------
        Of no brightness that means anything"""

def brightest(light: Emitter) -> float:
    """Irradiance of the surface that the light hits best

    Returns
    -------
        Of the mean of the three colours"""

def light_names() -> list:
    """What `as_light` knows without a file

    Returns
    -------
        of names"""

def as_light(what: Any, fitted: Emitter, height: int = ...) -> Emitter:
    """The light that is meant; `LightError` where there is no such light

    Parameters
    ----------
    what
        A name of `light_names` or of a kind of light; the path of an HDR, EXR or other map; an
        array [H, 2H, 3] of radiance; a light, or what has `environment` as one
    fitted
        That of the photo: what has no brightness of its own gets this one's
    height
        Rows of maps that are made"""

def linear_numbers(values: Any) -> Tensor:
    """What somebody has, as light

    Parameters
    ----------
    values
        Array, tensor, picture, lists: numbers are linear, bytes are sRGB

    Returns
    -------
        Of its shape, float32"""

def check_size(size: int) -> int:
    """`ConfigError` for pictures that nobody can draw

    Parameters
    ----------
    size
        Pixels

    Returns
    -------
        The same"""

def viewed(
    pipeline: Pipeline, face: Face, i: int = ..., size: int = ..., yaw: float | None = ..., pitch: float | None = ...
) -> Face:
    """The head before the camera that is meant

    Parameters
    ----------
    i
        Number of the frame
    size
        Pixels of the longer side
    yaw
        Degrees from the upright front view
    pitch
        Likewise; neither: as the photo shows it

    Returns
    -------
        Of one frame"""

ONE_PASS: Any
SHOWN: float
PLASTER: Any
KINDS: Any

def as_image(values: np.ndarray | Tensor, encode: bool = ...) -> PIL.Image.Image:
    """Numbers as a picture

    Parameters
    ----------
    values
        [H, W], or [H, W, C] with 1, 3 or 4 channels, the fourth is coverage; 0..1
    encode
        It is linear light, for sRGB; False: numbers as they are

    Returns
    -------
        8 bits; grey, RGB or RGBA"""

SAMPLES: int
RAYS: Any
GREY: float
MAPS: Any
CHANGED: str
WIDER: float

def in_notebook() -> bool:
    """Is there a kernel with a page before it?"""

FARTHEST: float

class Distance:
    """How far apart two faces are at each vertex, in mm."""

    neutral: bool
    array: np.ndarray

    def __init__(self, result: Reconstruction, array: np.ndarray, neutral: bool = ...) -> None:
        """Parameters
        ----------
        result
            The first of them: it is the one that is shown
        array
            [V] float32, mm
        neutral
            Whether both are at rest"""

    @property
    def face(self) -> np.ndarray:
        """Those of the vertices that are of the face, without skull, ears and neck

        Returns
        -------
            [N] float32, mm"""

    @property
    def median(self) -> float:
        """Over the vertices of the face

        Returns
        -------
            mm"""

    @property
    def mean(self) -> float:
        """Over the vertices of the face

        Returns
        -------
            mm"""

    def __array__(self, dtype=..., copy=...) -> np.ndarray:
        """Returns
        -------
            [V]"""

    def __len__(self) -> int: ...
    def __repr__(self): ...
    def image(self, *, yaw: float = ..., size: int = ...) -> PIL.Image.Image:
        """On the first face: white where they are the same, full red from `FARTHEST` mm on

        Parameters
        ----------
        yaw
            Degrees from the upright front view
        size
            Pixels of the longer side"""
