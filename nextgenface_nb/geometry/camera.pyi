# Made by tools/stubs.py from the module beside it
"""One frame, one camera, one Euler order: where things are, and how they land on pixels"""

from __future__ import annotations
from dataclasses import dataclass
import torch
from torch import Tensor

__all__ = [
    "Camera",
    "project",
    "euler_to_matrix",
    "matrix_to_euler",
    "transform",
    "from_opencv",
    "to_opencv",
    "estimate_pose",
]

@dataclass
class Camera:
    """A pinhole camera with square pixels.

    Parameters
    ----------
    focal
        Focal length [], pixels
    principal
        Principal point [2], pixels (x right, y down)
    width
        Image width, pixels
    height
        Image height, pixels"""

    focal: Tensor
    principal: Tensor
    width: int
    height: int

    def __post_init__(self): ...
    @classmethod
    def centred(cls, width: int, height: int, focal: float | Tensor) -> Camera:
        """A camera whose optical axis meets the middle of the image.

        Parameters
        ----------
        width
            Image width, pixels
        height
            Image height, pixels
        focal
            Focal length, pixels"""

    @property
    def field_of_view(self) -> float:
        """Horizontal field of view in degrees, of an image centred on the principal point."""

    def resized(self, scale: float) -> Camera:
        """The same view on an image of another size.

        Parameters
        ----------
        scale
            New pixels per old pixel"""

    def detach(self) -> Camera:
        """The same without history"""

    def to(self, device: torch.device | str) -> Camera:
        """The same with its tensors there

        Parameters
        ----------
        device
            Of PyTorch"""

def project(points: Tensor, camera: Camera) -> Tensor:
    """Where world points land in the image.

    Parameters
    ----------
    points
        World points [..., 3], mm; visible ones have z < 0

    Returns
    -------
        Pixels [..., 2]"""

def euler_to_matrix(rotation: Tensor) -> Tensor:
    """R = Rz(roll) Ry(yaw) Rx(pitch).

    Parameters
    ----------
    rotation
        (pitch, yaw, roll) [..., 3], radians

    Returns
    -------
        Rotation matrices [..., 3, 3]"""

def matrix_to_euler(matrix: Tensor) -> Tensor:
    """The angles of a rotation matrix. Looking straight to the side, where pitch and roll turn about the
    same axis, roll is 0.

    Parameters
    ----------
    matrix
        Rotation matrices [..., 3, 3]

    Returns
    -------
        (pitch, yaw, roll) [..., 3], radians; pitch and roll in (-pi, pi], yaw in [-pi/2, pi/2]"""

def transform(vertices: Tensor, rotation: Tensor, translation: Tensor) -> Tensor:
    """Put a model into the world: R v + t.

    Parameters
    ----------
    vertices
        Model points [..., V, 3], mm
    rotation
        (pitch, yaw, roll) [..., 3], radians
    translation
        [..., 3], mm

    Returns
    -------
        World points [..., V, 3], mm"""

def from_opencv(rotation: Tensor, translation: Tensor) -> tuple[Tensor, Tensor]:
    """A pose in a frame with y down and z forward, in ours.

    Parameters
    ----------
    rotation
        (pitch, yaw, roll) [..., 3] in OpenCV's frame, radians
    translation
        [..., 3] in OpenCV's frame, mm

    Returns
    -------
        rotation [..., 3], translation [..., 3] in ours"""

def to_opencv(rotation: Tensor, translation: Tensor) -> tuple[Tensor, Tensor]:
    """The way back. Half a turn is its own inverse.

    Parameters
    ----------
    rotation
        (pitch, yaw, roll) [..., 3], radians
    translation
        [..., 3], mm

    Returns
    -------
        rotation [..., 3], translation [..., 3] in OpenCV's frame"""

def estimate_pose(
    points3d: Tensor, points2d: Tensor, camera: Camera, weights: Tensor | None = ..., steps: int = ...
) -> tuple[Tensor, Tensor]:
    """The pose under which the model's points are seen where they are seen; needs no first guess.

    Parameters
    ----------
    points3d
        Model points [L, 3], mm
    points2d
        The same points in the image [L, 2], pixels
    weights
        How much each point counts [L]
    steps
        At most so many steps from each of the starts

    Returns
    -------
        rotation [3] in radians, translation [3] in mm"""
