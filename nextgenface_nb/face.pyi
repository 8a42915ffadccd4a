# Made by tools/stubs.py from the module beside it
"""What is known of a face: one identity, one or more photos of it"""

from __future__ import annotations
from typing import Any
from dataclasses import dataclass
from torch import Tensor
from .errors import ConfigError
from .geometry.camera import Camera
from .imaging import Photo
from .landmarks.detection import Landmarks
from .light.interface import Light

__all__ = ["PROVENANCE", "Identity", "Frame", "Face", "FrameError", "check_frame"]

@dataclass(repr=False)
class Identity:
    """What stays the same in all photos of a person. Maps are None until the texture stage; then the
    coefficients only explain their start."""

    shape: Tensor
    albedo: Tensor
    base_roughness: Tensor = ...
    diffuse: Tensor | None = ...
    specular: Tensor | None = ...
    roughness: Tensor | None = ...
    provenance: Tensor | None = ...
    displacement: Tensor | None = ...

    def __repr__(self): ...

PROVENANCE: Any

@dataclass(repr=False)
class Frame:
    """One photo, and all that belongs to it alone."""

    photo: Photo
    landmarks: Landmarks
    camera: Camera
    rotation: Tensor
    translation: Tensor
    expression: Tensor
    light: Light
    mask: Tensor | None = ...
    weight: float = ...
    hidden: Tensor | None = ...
    focal_known: float = ...
    focal_spread: float = ...
    focal_source: str = ...
    hand: float | None = ...

    @property
    def focal_fixed(self) -> bool: ...
    @property
    def brightness(self) -> Tensor:
        """Of the photo around the landmarks, as far as it tells: the median, mean of the three colours

        Returns
        -------
            [], linear radiance"""

    def __repr__(self): ...

@dataclass(repr=False)
class Face:
    """A person, and the photos of them."""

    identity: Identity
    frames: list

    def parameters(self) -> dict:
        """Every tensor that a stage may change, under the names used in configs and checkpoints
        (`frames.0.rotation` and so on)

        Returns
        -------
            name -> tensor"""

    def assign(self, name: str, value: Tensor) -> None:
        """Put a tensor back under its name of `parameters`

        Parameters
        ----------
        name
            As in `parameters`: 'shape', 'frames.0.rotation' ...
        value
            Of the shape that is there"""

    def __repr__(self): ...
    def copy(self) -> Face:
        """Another face with tensors of its own; photos and landmarks are shared"""

    def detach(self) -> Face:
        """Cut every tensor off its history, in place"""

class FrameError(ConfigError, IndexError):
    """A photo that a face does not have."""

def check_frame(face: Face, i: int) -> int:
    """`FrameError` where the face has no such photo

    Parameters
    ----------
    i
        Number of the photo; -1: the last one

    Returns
    -------
        From 0 on"""
