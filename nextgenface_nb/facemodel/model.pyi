# Made by tools/stubs.py from the module beside it
"""A linear model of faces: a few hundred numbers become 3D vertices and skin reflectance"""

__all__ = [
    "NEAR",
    "STILL",
    "VALENCE",
    "LinearModel",
    "combine",
    "LinearPoints",
    "toy_model",
    "find_mirror",
    "guess_regions",
    "load_model",
]
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
import numpy as np, torch
from .interface import Coefficients, Correctives, Embedding, FaceModel, PointModel
from ..geometry.subdivision import ControlCage

@dataclass(eq=False, repr=False)
class LinearModel(FaceModel):
    """A linear model of face shape, expression, diffuse and specular albedo, with all that belongs to its
    mesh.

    Parameters
    ----------
    shape_mean
        [V,3] mm
    shape_basis
        [S,V,3] mm per unit of coefficient
    shape_variance
        [S] variance of the coefficients
    expression_mean
        [V,3] mm, added to the mean of the shape
    expression_basis
        [E,V,3] mm per unit of coefficient
    expression_variance
        [E]
    diffuse_mean
        [V,3] linear RGB
    diffuse_basis
        [A,V,3]
    specular_mean
        [V,3] linear RGB, reflectance at normal incidence
    specular_basis
        [A,V,3], driven by the same coefficients as the diffuse albedo
    albedo_variance
        [A]
    triangles
        [F,3] int64, counter-clockwise seen from outside
    uvs
        [V,2] texture coordinates in 0..1, v up
    mirror
        [V] int64: the vertex on the other side of the face
    expression_names
        type: ignore[assignment] # E names; ARKit's where the model has them
    regions
        Name -> [V] weight in 0..1
    embeddings
        Detector -> Embedding
    name
        What to call it
    licence
        Under which terms it may be used
    parts
        Name -> (first, past the last) of its triangles; empty: all is one
    cage
        What it is the subdivision of, and the seams of its texture
    correctives
        What pairs of expressions need beside their sum"""

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
    parts: dict = ...
    cage: ControlCage | None = ...
    correctives: Correctives = ...
    linear: bool

    def __post_init__(self): ...
    def check(self):
        """Raise a `ModelError` unless all shapes, indices and values fit together."""

    def vertices(
        self, shape: torch.Tensor | Coefficients | None = ..., expression: torch.Tensor | Mapping | str | None = ...
    ) -> torch.Tensor:
        """The vertices of a face.

        Parameters
        ----------
        shape
            Identity coefficients [..,S]; or all that `sample` gave at once
        expression
            Expression coefficients [..,E]; name -> coefficient, the others at rest; or 'neutral'

        Returns
        -------
            [..,V,3] mm"""

    def diffuse_albedo(self, albedo: torch.Tensor = ...) -> torch.Tensor:
        """Diffuse albedo at the vertices.

        Parameters
        ----------
        albedo
            Albedo coefficients [..,A]

        Returns
        -------
            [..,V,3] linear RGB; not clamped: extreme coefficients leave 0..1"""

    def specular_albedo(self, albedo: torch.Tensor = ...) -> torch.Tensor:
        """Specular albedo (reflectance at normal incidence) at the vertices.

        Parameters
        ----------
        albedo
            Albedo coefficients [..,A]

        Returns
        -------
            [..,V,3] linear RGB; not clamped"""

    def basis_at(self, places: Embedding) -> tuple:
        """The model reduced to some points.

        Parameters
        ----------
        places
            L points of the surface

        Returns
        -------
            mean [L,3], shape basis [S,L,3], expression basis [E,L,3]"""

    def landmark_basis(self, ids=..., detector: str = ...) -> tuple:
        """The model reduced to its landmarks.

        Parameters
        ----------
        ids
            Landmark ids [L]; without: all that the model has, in the order of its embedding
        detector
            Whose ids these are

        Returns
        -------
            mean [L,3], shape basis [S,L,3], expression basis [E,L,3]"""

    @property
    def prior(self) -> Coefficients:
        """Variances

        Returns
        -------
            type: ignore[override] # [S], [E], [A]"""

    @property
    def neutral(self) -> torch.Tensor:
        """The mean person; the mean expression, which BFM 2017 has, is no part of it

        Returns
        -------
            [V,3] mm"""

    def jacobian(self, shape: torch.Tensor = ..., expression: torch.Tensor = ...) -> tuple:
        """The bases, and what correctives add to those of the expressions

        Parameters
        ----------
        shape
            Nothing depends on it
        expression
            [E] where; only correctives depend on it

        Returns
        -------
            [S,V,3] and [E,V,3], mm per unit"""

    def morphs(self, shape: torch.Tensor = ...) -> torch.Tensor:
        """The expressions: straight lines already; without `correctives`

        Parameters
        ----------
        shape
            The same for everybody

        Returns
        -------
            [E,V,3] mm per unit"""

    def albedo_slopes(self, albedo: torch.Tensor = ...) -> tuple:
        """The colours without coefficients, and how they follow from these

        Parameters
        ----------
        albedo
            Nothing depends on it

        Returns
        -------
            means [V,6] and bases [A,V,6] of both albedos"""

    def points(self, places: Embedding, shape: torch.Tensor = ..., expression: torch.Tensor = ...) -> torch.Tensor:
        """Some points of the surface, from the rows of the bases that move them

        Parameters
        ----------
        places
            L points of the surface
        shape
            [S]
        expression
            [E]

        Returns
        -------
            [L,3] mm"""

    def correctives_at(self, places: Embedding) -> Correctives:
        """The corrective shapes that move some points

        Parameters
        ----------
        places
            L points of the surface

        Returns
        -------
            whose rows are these points"""

    def at(self, places: Embedding) -> LinearPoints:
        """The model at some points, for a solver

        Parameters
        ----------
        places
            L points of the surface

        Returns
        -------
            A function of shape and expression: points and Jacobian"""

    @property
    def weld(self) -> torch.Tensor:
        """The vertex that is at the same place as each: itself but for copies at seams

        Returns
        -------
            [V] int64"""

    @property
    def welded_triangles(self) -> torch.Tensor:
        """The triangles of the surface as it is in space, closed where the texture is torn

        Returns
        -------
            [F,3] int64"""

    def normals(self, vertices: torch.Tensor) -> torch.Tensor:
        """The normals of this surface, the same on both sides of a seam

        Parameters
        ----------
        vertices
            [..,V,3]

        Returns
        -------
            [..,V,3] unit"""

    def trimmed(self, n: int = ...) -> LinearModel:
        """The same model with fewer components.

        Parameters
        ----------
        n
            Number of components to keep in each PCA basis

        Returns
        -------
            A model that shares memory with this one"""

    def scaled(self, factor: float) -> LinearModel:
        """The same model in another unit of length: coefficients and what they are likely to be stay as they
        are

        Parameters
        ----------
        factor
            1000 from m to mm"""

    def frozen(self, vertices: torch.Tensor) -> LinearModel:
        """The same mesh and colours with this surface at rest, and next to nothing of its shape left to find

        Parameters
        ----------
        vertices
            [V,3] mm"""

    @property
    def fingerprint(self) -> str:
        """A short name for exactly this model's means, bases, variances and mesh.

        Returns
        -------
            16 hexadecimal digits"""

    def save(self, path, compact: bool = ...):
        """Write the model to one HDF5 file, whole or not at all.

        Parameters
        ----------
        path
            The HDF5 file to write
        compact
            16-bit bases with gzip; of a model with a cage those of the cage: another fingerprint"""

def combine(mean: torch.Tensor, basis: torch.Tensor, coefficients: torch.Tensor) -> torch.Tensor:
    """Mean plus basis times coefficients.

    Parameters
    ----------
    mean
        [V,3]
    basis
        [K,V,3]
    coefficients
        [..,K]; None is the mean itself

    Returns
    -------
        [..,V,3]"""

class LinearPoints(PointModel):
    """A linear model at L points."""

    names: Any
    correctives: Any
    expression: np.ndarray
    shape: np.ndarray
    mean: np.ndarray

    def __init__(
        self,
        mean: np.ndarray,
        shape: np.ndarray,
        expression: np.ndarray,
        correctives: Correctives | None = ...,
        names: list | None = ...,
    ) -> None:
        """Parameters
        ----------
        mean
            [L,3] mm
        shape
            [S,L,3] mm per unit
        expression
            [E,L,3]
        correctives
            Of `correctives_at` these points, in float64; None: no such shapes
        names
            Of the expressions, for these"""

    def __call__(self, shape: np.ndarray, expression: np.ndarray) -> tuple:
        """Points, and the bases with what correctives add there"""

    def lifted(self, offset: np.ndarray = ..., basis: np.ndarray = ...) -> PointModel:
        """As linear as before

        Parameters
        ----------
        offset
            See `PointModel.lifted`
        basis
            See `PointModel.lifted`"""

def toy_model(
    columns: int = ..., rows: int = ..., shape: int = ..., expression: int = ..., albedo: int = ...
) -> LinearModel:
    """A small generated head with everything that a `FaceModel` has, for tests and examples.

    Parameters
    ----------
    columns
        Vertices from ear to ear; odd, so that one column is the midline
    rows
        Vertices from neck to crown
    shape
        Identity components, 1..11
    expression
        Expressions, 1..6
    albedo
        Albedo components, 1..5

    Returns
    -------
        In the same units, axes and conventions as the real model"""

NEAR: float
STILL: float

def find_mirror(vertices: torch.Tensor) -> torch.Tensor:
    """For each vertex, the one nearest to its mirror image.

    Parameters
    ----------
    vertices
        [V,3], symmetric about x = 0 or nearly so

    Returns
    -------
        [V] int64"""

def guess_regions(vertices: torch.Tensor) -> dict:
    """The named regions of an average adult, measured from the tip of the nose. Landmarks do it better:
    `facemodel.embedding`.

    Parameters
    ----------
    vertices
        [V,3] mm, a head upright and facing +z

    Returns
    -------
        Region -> [V] weight in 0..1"""

VALENCE: int

def load_model(path: str | Path = ..., components: int | None = ...) -> LinearModel:
    """Read a face model.

    Parameters
    ----------
    path
        HDF5 file, or a folder with BFM 2017 and AlbedoMM, see `places.locate`; empty: the model
        that comes with the library
    components
        Keep only so many components of each PCA basis, see `trimmed`"""
