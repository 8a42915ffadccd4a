# Made by tools/stubs.py from the module beside it
"""What a face model is to everybody else: points that follow from numbers, how they move, and what is
probable"""

from __future__ import annotations
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
import numpy as np, torch
from torch import Tensor

__all__ = [
    "REGIONS",
    "CHUNK",
    "BEYOND",
    "ASIDE",
    "WIDTHS",
    "Embedding",
    "Coefficients",
    "FaceModel",
    "slopes",
    "PointModel",
    "LiftedPoints",
    "expression_vector",
    "check_model",
    "check_size",
]

@dataclass(eq=False)
class Embedding:
    """The landmarks of one detector, as points on the triangles of a mesh."""

    ids: torch.Tensor
    triangles: torch.Tensor
    barycentric: torch.Tensor

    def __len__(self): ...
    def __repr__(self): ...
    def to(self, device: torch.device | str) -> Embedding:
        """The same with its tensors there"""

    def points(self, vertices: torch.Tensor, triangles: torch.Tensor) -> torch.Tensor:
        """Interpolate a quantity of the vertices at the landmarks."""

    def match(self, ids: torch.Tensor) -> tuple:
        """Which of the given landmarks does the mesh have, and where?"""

class Coefficients(NamedTuple):
    """What a `FaceModel` makes a face from: a face, `n` of them, or something about each coefficient."""

    shape: Tensor
    expression: Tensor
    albedo: Tensor

REGIONS: Any

class FaceModel(Protocol):
    """Faces from numbers. Inherit it, set the attributes, write the first three methods."""

    name: str
    licence: str
    triangles: Tensor
    uvs: Tensor
    mirror: Tensor
    regions: dict
    embeddings: dict
    expression_names: list
    expression_bounds: Tensor
    prior: Coefficients
    linear: bool = ...

    def vertices(self, shape: Tensor | None = ..., expression: Tensor | None = ...) -> Tensor:
        """The surface. Differentiable, forward and backward, without changes in place; zeros are the same as
        None"""

    def diffuse_albedo(self, albedo: Tensor | None = ...) -> Tensor:
        """Diffuse albedo at the vertices"""

    def specular_albedo(self, albedo: Tensor | None = ...) -> Tensor:
        """Specular albedo at the vertices"""

    def __repr__(self): ...
    @property
    def neutral(self) -> Tensor:
        """The mean person at rest: what regions, sizes and places on the face are read from"""

    def points(self, places: Embedding, shape: Tensor | None = ..., expression: Tensor | None = ...) -> Tensor:
        """Where some points of the surface are"""

    def jacobian(self, shape: Tensor | None = ..., expression: Tensor | None = ...) -> tuple:
        """How the vertices follow from shape and expression, near these"""

    def albedo_slopes(self, albedo: Tensor | None = ...) -> tuple:
        """How the colours follow from the albedo coefficients"""

    def at(self, places: Embedding) -> PointModel:
        """The model at some points, for a solver"""

    @property
    def is_blendshape(self) -> Tensor:
        """Which expressions start at 0 (blendshapes), others are symmetric about 0 (PCA)."""

    @property
    def expression_units(self) -> Tensor:
        """The coefficient that is weight 1 of a morph target."""

    def morphs(self, shape: Tensor | None = ...) -> Tensor:
        """How each expression moves the vertices, on the straight line from rest to its `expression_units`"""

    def sample(self, n: int = ..., seed: int = ..., active: float = ...) -> Coefficients:
        """Coefficients of random faces."""

    def embedding_of(self, ids: Tensor | list | None = ..., detector: str = ...) -> Embedding:
        """Where these landmarks lie on the mesh."""

    def trimmed(self, n: int = ...) -> FaceModel:
        """The same model with fewer components."""

    def to(self, device: torch.device | str) -> FaceModel:
        """The same model on another device."""

    def having(self, **changes) -> FaceModel:
        """The same model with other landmarks, say"""

    @property
    def fingerprint(self) -> str:
        """A short name for exactly this model."""

    def texture_map(self, resolution: int) -> TextureMap:
        """The texture layout of this model."""

CHUNK: int

def slopes(function: Callable, *at: Tensor) -> list:
    """Jacobians by forward differentiation, parameter first"""

class PointModel:
    """A face model at L points of its surface: NumPy, float64."""

    places: Embedding
    model: FaceModel

    def __init__(self, model: FaceModel, places: Embedding) -> None: ...
    def __call__(self, shape: np.ndarray, expression: np.ndarray) -> tuple:
        """Where the points are, and how they follow from the parameters there"""

    def lifted(self, offset: np.ndarray | None = ..., basis: np.ndarray | None = ...) -> PointModel:
        """The same points, moved by something besides the model"""

class LiftedPoints(PointModel):
    """Points of a model that something else moves too."""

    basis: Any
    offset: Any
    points: PointModel

    def __init__(self, points: PointModel, offset: np.ndarray | None, basis: np.ndarray | None) -> None: ...
    def __call__(self, shape: np.ndarray, expression: np.ndarray) -> tuple:
        """Points, by shape with the further coefficients [S + D, L, 3], by expression"""

BEYOND: float

def expression_vector(
    model: FaceModel, weights: Mapping | Tensor | np.ndarray | list | str, start: Tensor | None = ...
) -> Tensor:
    """Coefficients from names; `ConfigError` where the model has no such expression"""

ASIDE: Any

def check_model(model: Any) -> FaceModel:
    """Raise a `ModelError` unless it has what a `FaceModel` has, in shapes that fit together"""

WIDTHS: Any

def check_size(model: FaceModel) -> FaceModel:
    """Raise a `ModelError` unless it is in mm, as far as its width can tell: .15 for m, 15 for cm, 150 for
    mm"""

from nextgenface_nb.facemodel.texture import TextureMap
