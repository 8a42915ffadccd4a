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
    "Correctives",
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
    """The landmarks of one detector, as points on the triangles of a mesh.

    Parameters
    ----------
    ids
        Which landmark of the detector, [L] int64
    triangles
        The triangle that each point lies in, [L] int64
    barycentric
        Weights of its three corners, [L,3], sum 1"""

    ids: torch.Tensor
    triangles: torch.Tensor
    barycentric: torch.Tensor

    def __len__(self): ...
    def __repr__(self): ...
    def to(self, device: torch.device | str) -> Embedding:
        """The same with its tensors there

        Parameters
        ----------
        device
            Of PyTorch"""

    def points(self, vertices: torch.Tensor, triangles: torch.Tensor) -> torch.Tensor:
        """Interpolate a quantity of the vertices at the landmarks.

        Parameters
        ----------
        vertices
            [..,V,C], anything that lives on vertices
        triangles
            The mesh's triangles [F,3]

        Returns
        -------
            [..,L,C]"""

    def match(self, ids: torch.Tensor) -> tuple:
        """Which of the given landmarks does the mesh have, and where?

        Parameters
        ----------
        ids
            Landmark ids that a detector reported, [N]

        Returns
        -------
            Rows in `ids`, and rows in this embedding: two int64 tensors of the same length"""

@dataclass(eq=False)
class Correctives:
    """Corrective shapes: what two expressions need beside the sum of what each does

    Parameters
    ----------
    pairs
        C times (first, second): names of expressions
    rows
        [R] vertices that any of them moves
    moves
        [C, R, 3] mm at a weight of 1"""

    pairs: list = ...
    beyond: Tensor = ...
    rows: Tensor = ...
    moves: Tensor = ...

    def __repr__(self): ...
    @property
    def names(self) -> list:
        """What to call them, in files

        Returns
        -------
            of C names: 'jawOpen_tongueOut', 'mouthClose_beyond_jawOpen'"""

    def to(self, device: torch.device | str) -> Correctives:
        """The same with its tensors there

        Parameters
        ----------
        device
            Of PyTorch"""

    def indices(self, names: list) -> tuple:
        """Which expressions the first and the second of each pair are

        Parameters
        ----------
        names
            Of the expressions

        Returns
        -------
            two lists [C]"""

    def sums(self, values: Tensor, names: list) -> Tensor:
        """Those of the expressions that are there when a corrective is full: of both, or of the first alone

        Parameters
        ----------
        values
            [E, ..] of each expression
        names
            Of the E expressions

        Returns
        -------
            [C, ..]"""

    def among(self, names: list) -> Correctives:
        """Those of which both expressions are left

        Parameters
        ----------
        names
            Of expressions that are left"""

    @property
    def fingerprint(self) -> str:
        """What tells them from others; moves with 16 bits

        Returns
        -------
            16 hexadecimal digits"""

    def weights(self, expression: Tensor, names: list) -> Tensor:
        """How much of each corrective an expression has

        Parameters
        ----------
        expression
            [.., E] coefficients
        names
            Of the E expressions

        Returns
        -------
            [.., C] 0..1"""

    def moved(self, expression: Tensor, names: list) -> Tensor:
        """What all of them add to an expression

        Parameters
        ----------
        expression
            [.., E] coefficients
        names
            Of the E expressions

        Returns
        -------
            [.., R, 3] mm"""

    def slopes(self, expression: Tensor, names: list) -> Tensor:
        """How that follows from the expression

        Parameters
        ----------
        expression
            [E] coefficients
        names
            Of the E expressions

        Returns
        -------
            [E, R, 3] mm per unit of each coefficient"""

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
    parts: dict = ...
    linear: bool = ...
    correctives: Correctives = ...

    def vertices(self, shape: Tensor | None = ..., expression: Tensor | None = ...) -> Tensor:
        """The surface. Differentiable, forward and backward, without changes in place; zeros are the same as
        None

        Parameters
        ----------
        shape
            [.., S]; None: the mean person
        expression
            [.., E]; None: at rest

        Returns
        -------
            [.., V, 3] mm"""

    def diffuse_albedo(self, albedo: Tensor | None = ...) -> Tensor:
        """Diffuse albedo at the vertices

        Parameters
        ----------
        albedo
            [.., A]; None: the mean

        Returns
        -------
            [.., V, 3] linear RGB, not clamped"""

    def specular_albedo(self, albedo: Tensor | None = ...) -> Tensor:
        """Specular albedo at the vertices

        Parameters
        ----------
        albedo
            [.., A]; None: the mean

        Returns
        -------
            [.., V, 3] reflectance at normal incidence, not clamped"""

    def __repr__(self): ...
    @property
    def neutral(self) -> Tensor:
        """The mean person at rest: what regions, sizes and places on the face are read from

        Returns
        -------
            [V, 3] mm"""

    def normals(self, vertices: Tensor) -> Tensor:
        """The normals of this surface; a model whose texture has seams gives the same on both sides

        Parameters
        ----------
        vertices
            [.., V, 3] mm

        Returns
        -------
            [.., V, 3] unit"""

    def points(self, places: Embedding, shape: Tensor | None = ..., expression: Tensor | None = ...) -> Tensor:
        """Where some points of the surface are

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
            [L, 3] mm; gradients flow back"""

    def jacobian(self, shape: Tensor | None = ..., expression: Tensor | None = ...) -> tuple:
        """How the vertices follow from shape and expression, near these

        Parameters
        ----------
        shape
            [S] where
        expression
            [E] where

        Returns
        -------
            [S, V, 3] and [E, V, 3], mm per unit"""

    def albedo_slopes(self, albedo: Tensor | None = ...) -> tuple:
        """How the colours follow from the albedo coefficients

        Parameters
        ----------
        albedo
            [A] where

        Returns
        -------
            offset [V, 6], slopes [A, V, 6]: offset + albedo times slopes is diffuse and specular albedo
            near there"""

    def at(self, places: Embedding) -> PointModel:
        """The model at some points, for a solver

        Parameters
        ----------
        places
            L points of the surface

        Returns
        -------
            A function of shape and expression: points and Jacobian"""

    @property
    def is_blendshape(self) -> Tensor:
        """Which expressions start at 0 (blendshapes), others are symmetric about 0 (PCA).

        Returns
        -------
            [E] bool"""

    @property
    def expression_units(self) -> Tensor:
        """The coefficient that is weight 1 of a morph target.

        Returns
        -------
            [E]"""

    def morphs(self, shape: Tensor | None = ...) -> Tensor:
        """How each expression moves the vertices, on the straight line from rest to its `expression_units`; a
        model with `correctives` without these

        Parameters
        ----------
        shape
            [S] whose face; None: the mean

        Returns
        -------
            [E, V, 3] mm per unit of coefficient"""

    def corrected(self, shape: Tensor | None = ...) -> tuple:
        """Where each of the `correctives` is full: what the sum of expressions does there, and what the
        corrective adds

        Parameters
        ----------
        shape
            [S] whose face; None: the mean

        Returns
        -------
            [C, V, 3] and [C, V, 3] mm"""

    def sample(self, n: int = ..., seed: int = ..., active: float = ...) -> Coefficients:
        """Coefficients of random faces.

        Parameters
        ----------
        n
            Number of faces
        seed
            The same seed gives the same faces
        active
            How many blendshapes are active in a face, on average

        Returns
        -------
            On the model's device"""

    def embedding_of(self, ids: Tensor | list | None = ..., detector: str = ...) -> Embedding:
        """Where these landmarks lie on the mesh.

        Parameters
        ----------
        ids
            Landmark ids [L]; without: all that the model has, in the order of its embedding
        detector
            Whose ids these are"""

    def trimmed(self, n: int = ...) -> FaceModel:
        """The same model with fewer components.

        Parameters
        ----------
        n
            Number of components to keep of each kind that is sorted by importance"""

    def to(self, device: torch.device | str) -> FaceModel:
        """The same model on another device.

        Parameters
        ----------
        device
            Of PyTorch, or its name"""

    def having(self, **changes) -> FaceModel:
        """The same model with other landmarks, say

        Parameters
        ----------
        changes
            Attributes: name=value

        Returns
        -------
            A model that shares memory with this one"""

    @property
    def fingerprint(self) -> str:
        """A short name for exactly this model.

        Returns
        -------
            16 hexadecimal digits"""

    def texture_map(self, resolution: int) -> TextureMap:
        """The texture layout of this model.

        Parameters
        ----------
        resolution
            Texels per side

        Returns
        -------
            On the CPU; `bake` moves what it needs"""

CHUNK: int

def slopes(function: Callable, *at: Tensor) -> list:
    """Jacobians by forward differentiation, parameter first

    Parameters
    ----------
    function
        Of tensors [K], gives a tensor
    at
        Where

    Returns
    -------
        for each argument [K, ...]: how the result follows from it"""

class PointModel:
    """A face model at L points of its surface: NumPy, float64."""

    places: Embedding
    model: FaceModel

    def __init__(self, model: FaceModel, places: Embedding) -> None:
        """Parameters
        ----------
        places
            L points of the surface"""

    def __call__(self, shape: np.ndarray, expression: np.ndarray) -> tuple:
        """Where the points are, and how they follow from the parameters there

        Parameters
        ----------
        shape
            [S]
        expression
            [E]

        Returns
        -------
            points [L, 3] mm, by shape [S, L, 3], by expression [E, L, 3] mm per unit"""

    def lifted(self, offset: np.ndarray | None = ..., basis: np.ndarray | None = ...) -> PointModel:
        """The same points, moved by something besides the model

        Parameters
        ----------
        offset
            [L, 3] mm, added to the points
        basis
            [D, L, 3] mm per unit of D more coefficients, which follow those of the shape"""

class LiftedPoints(PointModel):
    """Points of a model that something else moves too."""

    basis: Any
    offset: Any
    points: PointModel

    def __init__(self, points: PointModel, offset: np.ndarray | None, basis: np.ndarray | None) -> None:
        """Parameters
        ----------
        offset
            See `PointModel.lifted`
        basis
            See `PointModel.lifted`"""

    def __call__(self, shape: np.ndarray, expression: np.ndarray) -> tuple:
        """Points, by shape with the further coefficients [S + D, L, 3], by expression"""

BEYOND: float

def expression_vector(
    model: FaceModel, weights: Mapping | Tensor | np.ndarray | list | str, start: Tensor | None = ...
) -> Tensor:
    """Coefficients from names; `ConfigError` where the model has no such expression

    Parameters
    ----------
    weights
        Name -> coefficient; or all of them, [E]; or 'neutral'
    start
        [E] of the expressions that are not named; None: at rest

    Returns
    -------
        [E] of `FaceModel.vertices`"""

ASIDE: Any

def check_model(model: Any) -> FaceModel:
    """Raise a `ModelError` unless it has what a `FaceModel` has, in shapes that fit together

    Parameters
    ----------
    model
        With what a `FaceModel` has

    Returns
    -------
        The same"""

WIDTHS: Any

def check_size(model: FaceModel) -> FaceModel:
    """Raise a `ModelError` unless it is in mm, as far as its width can tell: .15 for m, 15 for cm, 150 for
    mm

    Returns
    -------
        The same"""

from nextgenface_nb.facemodel.texture import TextureMap
