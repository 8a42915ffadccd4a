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
    coefficients only explain their start.

    Parameters
    ----------
    shape
        [S] of `FaceModel.vertices`
    albedo
        [A] of `FaceModel.diffuse_albedo` and `specular_albedo` at once
    base_roughness
        [] of all skin, before the texture stage
    diffuse
        [T, T, 3] Lambert albedo, linear
    specular
        [T, T, 3] reflectance at normal incidence
    roughness
        [T, T, 1] GGX roughness r, alpha = r^2
    provenance
        [T, T] uint8, see `PROVENANCE`"""

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
    """One photo, and all that belongs to it alone.

    Parameters
    ----------
    photo
        The crop that is fitted, [H, W, 3] linear
    landmarks
        In pixels of the crop
    camera
        Focal length and principal point in pixels of the crop
    rotation
        [3] pitch, yaw, roll in radians
    translation
        [3] mm
    expression
        [E] of `FaceModel.vertices`: blendshapes, angles of joints
    light
        Found by the fit, or known
    mask
        [H, W] 0..1: how much each pixel may say about the skin; None: all alike
    weight
        Of this photo among the others
    focal_known
        What is known of the focal length, pixels of the crop, see `lens`; 0: nothing
    focal_spread
        Standard deviation of its logarithm; 0: what is known is kept
    focal_source
        Where it comes from, in words"""

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
    """A person, and the photos of them.

    Parameters
    ----------
    frames
        of `Frame`"""

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
