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
    """How noisy the mean of two pictures is.

    Parameters
    ----------
    first
        [H, W, 4] linear RGB, coverage
    second
        The same picture with other random numbers and as many rays

    Returns
    -------
        Root mean square over what is covered, in parts of the mean brightness there"""

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
    ) -> None:
        """Parameters
        ----------
        triangles
            [F, 3] int
        uvs
            [V, 2], v up
        width
            Pixels
        height
            Pixels
        texture_resolution
            T: the maps are [T, T, C]
        environment_shape
            Rows and columns of the environment map
        device
            'auto', 'cpu', 'cuda', 'metal'
        samples
            Rays per pixel, unless a call says otherwise
        max_depth
            2: direct light; more: by way of the face as well (its derivatives go through the first
            point only)
        deterministic
            One thread: the same bits every time
        shadows
            False: the face does not block light (for comparison)"""

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
        """A picture with derivatives for every input that asks for them.

        Parameters
        ----------
        vertices
            [V, 3] mm, viewer frame
        normals
            [V, 3] unit; None: of the vertices
        diffuse
            [T, T, 3] albedo
        specular
            [T, T, 3] reflectance at normal incidence
        roughness
            [T, T, 1]
        environment
            [H, W, 3] radiance
        samples
            Rays per pixel
        seed
            A fresh one for each step of a fit
        silhouettes
            Derivatives of the outline as well
        coverage
            Derivatives of the outline for alpha only
        shadow_edges
            Derivatives of the edges of shadows, with so many directions of the light (32 or more)
        arriving
            Of a light that is near, see `trace_image`: the environment says where to look for it

        Returns
        -------
            [H, W, 4] linear RGB (0 where there is no face), coverage"""

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
        """The same picture with many rays, in passes and without derivatives. Arguments as of `render`.

        Parameters
        ----------
        samples
            Rays per pixel, at most
        progress
            Called with (rays done, all rays) after each pass
        seed
            Of the random numbers
        noise
            Stop when `picture_noise` is at most this; 0: all rays in any case
        arriving
            As of `render`
        arguments
            As of `render`
        keywords
            As of `render`

        Returns
        -------
            [H, W, 4] linear RGB, coverage"""

    def coverage(self, vertices: Tensor, camera: Camera, subpixels: int = ..., seed: int = ...) -> Tensor:
        """How much of each pixel the face covers, with the derivatives of the outline by vertices and camera.

        Parameters
        ----------
        vertices
            [V, 3] mm, viewer frame
        subpixels
            n: n x n rays per pixel
        seed
            Where on the outline the derivative is taken

        Returns
        -------
            [H, W] in [0, 1]"""
