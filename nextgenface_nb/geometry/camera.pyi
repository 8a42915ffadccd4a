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
    """A pinhole camera with square pixels."""

    focal: Tensor
    principal: Tensor
    width: int
    height: int

    def __post_init__(self): ...
    @classmethod
    def centred(cls, width: int, height: int, focal: float | Tensor) -> Camera:
        """A camera whose optical axis meets the middle of the image."""

    @property
    def field_of_view(self) -> float:
        """Horizontal field of view in degrees, of an image centred on the principal point."""

    def resized(self, scale: float) -> Camera:
        """The same view on an image of another size."""

    def detach(self) -> Camera:
        """The same without history"""

    def to(self, device: torch.device | str) -> Camera:
        """The same with its tensors there"""

def project(points: Tensor, camera: Camera) -> Tensor:
    """Where world points land in the image."""

def euler_to_matrix(rotation: Tensor) -> Tensor:
    """R = Rz(roll) Ry(yaw) Rx(pitch)."""

def matrix_to_euler(matrix: Tensor) -> Tensor:
    """The angles of a rotation matrix. Looking straight to the side, where pitch and roll turn about the
    same axis, roll is 0."""

def transform(vertices: Tensor, rotation: Tensor, translation: Tensor) -> Tensor:
    """Put a model into the world: R v + t."""

def from_opencv(rotation: Tensor, translation: Tensor) -> tuple[Tensor, Tensor]:
    """A pose in a frame with y down and z forward, in ours."""

def to_opencv(rotation: Tensor, translation: Tensor) -> tuple[Tensor, Tensor]:
    """The way back. Half a turn is its own inverse."""

def estimate_pose(
    points3d: Tensor, points2d: Tensor, camera: Camera, weights: Tensor | None = ..., steps: int = ...
) -> tuple[Tensor, Tensor]:
    """The pose under which the model's points are seen where they are seen; needs no first guess."""
