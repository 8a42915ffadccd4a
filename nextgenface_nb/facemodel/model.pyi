# Made by tools/stubs.py from the module beside it
"""A linear model of faces: a few hundred numbers become 3D vertices and skin reflectance"""

__all__ = ["LinearModel", "combine", "LinearPoints", "toy_model", "find_mirror", "guess_regions", "load_model"]
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
import numpy as np, torch
from .interface import Coefficients, Embedding, FaceModel, PointModel

@dataclass(eq=False, repr=False)
class LinearModel(FaceModel):
    """A linear model of face shape, expression, diffuse and specular albedo, with all that belongs to its
    mesh."""

    shape_mean: torch.Tensor
    shape_basis: torch.Tensor
    shape_variance: torch.Tensor
    expression_mean: torch.Tensor
    expression_basis: torch.Tensor
    expression_variance: torch.Tensor
    diffuse_mean: torch.Tensor
    diffuse_basis: torch.Tensor
    specular_mean: torch.Tensor
    specular_basis: torch.Tensor
    albedo_variance: torch.Tensor
    triangles: torch.Tensor
    uvs: torch.Tensor
    mirror: torch.Tensor
    expression_names: list = ...
    expression_bounds: torch.Tensor = ...
    regions: dict = ...
    embeddings: dict = ...
    name: str = ...
    licence: str = ...
    linear: bool

    def __post_init__(self): ...
    def check(self):
        """Raise a `ModelError` unless all shapes, indices and values fit together."""

    def vertices(
        self, shape: torch.Tensor | Coefficients | None = ..., expression: torch.Tensor | Mapping | str | None = ...
    ) -> torch.Tensor:
        """The vertices of a face."""

    def diffuse_albedo(self, albedo: torch.Tensor = ...) -> torch.Tensor:
        """Diffuse albedo at the vertices."""

    def specular_albedo(self, albedo: torch.Tensor = ...) -> torch.Tensor:
        """Specular albedo (reflectance at normal incidence) at the vertices."""

    def basis_at(self, places: Embedding) -> tuple:
        """The model reduced to some points."""

    def landmark_basis(self, ids=..., detector: str = ...) -> tuple:
        """The model reduced to its landmarks."""

    @property
    def prior(self) -> Coefficients:
        """Variances"""

    @property
    def neutral(self) -> torch.Tensor:
        """The mean person; the mean expression, which BFM 2017 has, is no part of it"""

    def jacobian(self, shape: torch.Tensor = ..., expression: torch.Tensor = ...) -> tuple:
        """The bases"""

    def morphs(self, shape: torch.Tensor = ...) -> torch.Tensor:
        """The expressions: straight lines already"""

    def albedo_slopes(self, albedo: torch.Tensor = ...) -> tuple:
        """The colours without coefficients, and how they follow from these"""

    def points(self, places: Embedding, shape: torch.Tensor = ..., expression: torch.Tensor = ...) -> torch.Tensor:
        """Some points of the surface, from the rows of the bases that move them"""

    def at(self, places: Embedding) -> LinearPoints:
        """The model at some points, for a solver"""

    def trimmed(self, n: int = ...) -> LinearModel:
        """The same model with fewer components."""

    def scaled(self, factor: float) -> LinearModel:
        """The same model in another unit of length: coefficients and what they are likely to be stay as they
        are"""

    def frozen(self, vertices: torch.Tensor) -> LinearModel:
        """The same mesh and colours with this surface at rest, and next to nothing of its shape left to find"""

    @property
    def fingerprint(self) -> str:
        """A short name for exactly this model's means, bases, variances and mesh."""

    def save(self, path, compact: bool = ...):
        """Write the model to one HDF5 file, whole or not at all."""

def combine(mean: torch.Tensor, basis: torch.Tensor, coefficients: torch.Tensor) -> torch.Tensor:
    """Mean plus basis times coefficients."""

class LinearPoints(PointModel):
    """A linear model at L points."""

    expression: np.ndarray
    shape: np.ndarray
    mean: np.ndarray

    def __init__(self, mean: np.ndarray, shape: np.ndarray, expression: np.ndarray) -> None: ...
    def __call__(self, shape: np.ndarray, expression: np.ndarray) -> tuple:
        """Points, and the bases"""

    def lifted(self, offset: np.ndarray = ..., basis: np.ndarray = ...) -> PointModel:
        """As linear as before"""

def toy_model(
    columns: int = ..., rows: int = ..., shape: int = ..., expression: int = ..., albedo: int = ...
) -> LinearModel:
    """A small generated head with everything that a `FaceModel` has, for tests and examples."""

def find_mirror(vertices: torch.Tensor) -> torch.Tensor:
    """For each vertex, the one nearest to its mirror image."""

def guess_regions(vertices: torch.Tensor) -> dict:
    """The named regions of an average adult, measured from the tip of the nose. Landmarks do it better:
    `facemodel.embedding`."""

def load_model(path: str | Path = ..., components: int | None = ...) -> LinearModel:
    """Read a face model."""
