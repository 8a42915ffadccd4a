# Made by tools/stubs.py from the module beside it
"""From tensors to a picture and back: a differentiable ray tracer as a PyTorch function"""

from __future__ import annotations
from typing import Any
from collections.abc import Callable
from torch import Tensor
from ..geometry.camera import Camera
from .interface import FaceRenderer
from .scene import Scene

__all__ = ["picture_noise", "Renderer"]

def picture_noise(first: Tensor, second: Tensor) -> float:
    """How noisy the mean of two pictures is."""

class Renderer(FaceRenderer):
    """A differentiable ray tracer for one mesh, one image size and one texture size. The scene is made
    once and changed in place."""

    scene: Scene
    lanes: Any
    deterministic: bool
    max_depth: int
    samples: int
    variant: Any
    near_light: bool

    def __init__(
        self,
        triangles: Tensor,
        uvs: Tensor,
        width: int,
        height: int,
        texture_resolution: int,
        environment_shape: tuple[int, int] = ...,
        device: str = ...,
        samples: int = ...,
        max_depth: int = ...,
        deterministic: bool = ...,
        shadows: bool = ...,
    ) -> None: ...
    def __repr__(self): ...
    def render(
        self,
        vertices: Tensor,
        normals: Tensor | None,
        diffuse: Tensor,
        specular: Tensor,
        roughness: Tensor,
        environment: Tensor,
        camera: Camera,
        samples: int | None = ...,
        seed: int = ...,
        silhouettes: bool = ...,
        coverage: bool = ...,
        shadow_edges: int = ...,
        arriving: Callable | None = ...,
    ) -> Tensor:
        """A picture with derivatives for every input that asks for them."""

    def render_converged(
        self,
        *arguments,
        samples: int = ...,
        progress: Callable | None = ...,
        seed: int = ...,
        noise: float = ...,
        arriving: Callable | None = ...,
        **keywords,
    ) -> Tensor:
        """The same picture with many rays, in passes and without derivatives. Arguments as of `render`."""

    def coverage(self, vertices: Tensor, camera: Camera, subpixels: int = ..., seed: int = ...) -> Tensor:
        """How much of each pixel the face covers, with the derivatives of the outline by vertices and camera."""
