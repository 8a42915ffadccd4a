# Made by tools/stubs.py from the module beside it
"""What the renderers have in common: one mesh, one size of picture, checks of what comes in, pictures
without light"""

from __future__ import annotations
from typing import Any
from collections.abc import Callable
from torch import Tensor
from ..geometry.camera import Camera

__all__ = ["check_tensor", "FaceRenderer"]

def check_tensor(name: str, value, shape: tuple, low: float | None = ..., high: float | None = ...):
    """Raise a `RenderError` unless a tensor is float32 and has this shape and finite values, within
    bounds.

    Parameters
    ----------
    name
        How the error calls it
    value
        What was given
    shape
        What it should have
    low
        Least value; None: any
    high
        Greatest value; None: any"""

class FaceRenderer:
    """One mesh, one image size and one texture size; what every renderer checks, and its pictures without
    light."""

    environment_shape: Any
    texture_resolution: int
    height: int
    width: int
    uvs: Any
    triangles: Any
    device: str
    names: Any
    near: float
    near_light: bool
    variant: str = ...
    lanes: Any
    render: Callable
    render_converged: Callable

    def __init__(
        self,
        triangles: Tensor,
        uvs: Tensor,
        width: int,
        height: int,
        texture_resolution: int,
        environment_shape: tuple,
        device: str,
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
            'cpu' or 'cuda': where its tensors lie"""

    def hits(self, vertices: Tensor, camera: Camera, subpixels: int = ...) -> tuple:
        """What the rays of a fixed grid hit, pixel by pixel, from left to right and top to bottom (in a pixel
        as well).

        Parameters
        ----------
        vertices
            [V, 3] mm, viewer frame
        subpixels
            n: a grid of n x n rays in each pixel

        Returns
        -------
            Triangles [H*W*n*n], -1 for a miss; weights of their vertices (barycentrics) [H*W*n*n, 3]"""

    def albedo(self, vertices: Tensor, texture: Tensor, camera: Camera, subpixels: int = ...) -> Tensor:
        """A map as the camera sees it, without any light.

        Parameters
        ----------
        vertices
            [V, 3] mm, viewer frame
        texture
            [T, T, C], any map, any T
        subpixels
            n: n x n rays per pixel

        Returns
        -------
            [H, W, C+1]: the map where it is seen (0 elsewhere), coverage"""

    def clay(self, vertices: Tensor, camera: Camera, normals: Tensor | None = ..., samples: int = ...) -> Tensor:
        """The bare shape in grey, lit from the front and a little from above and from the left.

        Parameters
        ----------
        vertices
            [V, 3] mm, viewer frame
        normals
            [V, 3]; None: of the vertices
        samples
            Rays per pixel

        Returns
        -------
            [H, W, 4] linear, grey"""

    def visibility(self, points: Tensor, directions: Tensor, vertices: Tensor | None = ...) -> Tensor:
        """Which rays leave without meeting the face.

        Parameters
        ----------
        points
            [..., 3] mm; a little off the surface, if it is the surface's own points
        directions
            [..., 3] unit, as many as points (or to be broadcast to them)
        vertices
            [V, 3] mm; None: where the mesh stood at the last call

        Returns
        -------
            [...] bool"""
