# Made by tools/stubs.py from the module beside it
"""What is read off a result: vertices, maps, camera, light, expression, landmarks as NumPy arrays, by
the names that one guesses"""

from __future__ import annotations
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, overload
import numpy as np
import PIL.Image
from torch import Tensor
from ..face import Face
from ..light.interface import Emitter
from ..reconstruction import Reconstruction

__all__ = [
    "Value",
    "BARS",
    "AXES",
    "UNITS",
    "ROWS",
    "Named",
    "kept",
    "Frames",
    "numbers",
    "bars_svg",
    "Expression",
    "PhotoCamera",
    "camera_facts",
    "shared",
    "Maps",
    "png_bytes",
    "FoundLight",
    "FoundLandmarks",
    "Report",
    "short_names",
    "DrawnAgain",
]
Value = TypeVar("Value")

class Named(Mapping[str, Value]):
    """What is found by name. A name that is none is told together with the nearest."""

    what: str
    names: tuple = ...

    def __getitem__(self, name: str) -> Value: ...
    def __iter__(self) -> Iterator: ...
    def __len__(self) -> int: ...
    def __contains__(self, name: object) -> bool: ...

def kept(result: Reconstruction, name: str, make: Callable) -> Any:
    """Made once, and once more when the face has changed"""

class Frames(Sequence[Reconstruction]):
    """The photos of a result, each as a result of the same person."""

    def __init__(self, result: Reconstruction) -> None: ...
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, i: int) -> Reconstruction: ...
    @overload
    def __getitem__(self, i: slice) -> list[Reconstruction]: ...
    def __repr__(self): ...

def numbers(x: Tensor, kind=...) -> np.ndarray:
    """A tensor as an array that may be written to"""

BARS: int

def bars_svg(weights: Mapping) -> str:
    """Named bars, one below the other; negative ones in red"""

class Expression(Named[float]):
    """Weights of the expressions, by name."""

    array: np.ndarray
    names: Any
    what: str

    def __init__(self, names: Sequence, weights: np.ndarray) -> None: ...
    def strongest(self, most: int = ...) -> dict:
        """Those that are seen, the strongest first"""

    def __repr__(self): ...

AXES: Any
UNITS: Any

@dataclass(repr=False, eq=False)
class PhotoCamera:
    """The pinhole camera of a photo and the head before it."""

    focal: float
    principal: tuple
    width: int
    height: int
    pose: np.ndarray
    whole: PhotoCamera | None = ...

    @property
    def original(self) -> PhotoCamera:
        """The camera of the whole photo, held upright"""

    @property
    def K(self) -> np.ndarray:
        """Focal length and principal point"""

    def matrix(self, convention: str = ..., unit: str = ...) -> np.ndarray:
        """From the upright head, where `vertices` are, to the axes of the camera"""

    def intrinsics(self, convention: str = ...) -> np.ndarray:
        """`K` by the pixels of a convention: OpenCV's first pixel has its centre at (0, 0), that of all others
        at (0.5, 0.5)"""

    def projection(self, near: float = ..., far: float = ...) -> np.ndarray:
        """OpenGL's, behind `matrix('opengl')`: to -1..1 in x to the right, y up and depth"""

    def project(self, points: np.ndarray) -> np.ndarray:
        """Where points of the head are seen"""

    def __repr__(self): ...

def camera_facts(camera: PhotoCamera) -> dict:
    """Size, lens, place of the head"""

def shared(x: Tensor) -> np.ndarray:
    """A tensor as an array that can only be read"""

class Maps(Named[np.ndarray]):
    """The maps of a face as linear arrays [T, T, C]."""

    what: str
    names: Any

    def __init__(self, result: Reconstruction) -> None: ...
    @property
    def resolution(self) -> int:
        """Texels along each side"""

    @property
    def diffuse(self) -> np.ndarray:
        """Lambert albedo"""

    @property
    def specular(self) -> np.ndarray:
        """Reflectance at normal incidence"""

    @property
    def roughness(self) -> np.ndarray:
        """GGX's r, alpha = r^2"""

    @property
    def seen(self) -> np.ndarray:
        """1 where a photo has seen the texel"""

    def image(self, name: str) -> PIL.Image.Image:
        """A map as a picture: colours in sRGB; roughness and seen are no colours and stay as they are, in grey"""

    def __repr__(self): ...

def png_bytes(image: PIL.Image.Image) -> bytes:
    """For notebooks"""

ROWS: Any

@dataclass(repr=False, eq=False)
class FoundLight:
    """The light of a photo as arrays."""

    emitter: Emitter
    bands: int = ...

    @property
    def kind(self) -> str:
        """What kind of light it is"""

    @property
    def coefficients(self) -> np.ndarray:
        """Real spherical harmonics: those of the light, or those that come closest to it"""

    def environment(self, height: int = ...) -> np.ndarray:
        """All that arrives: row 0 from above, the middle from the viewer"""

    def __repr__(self): ...

class FoundLandmarks:
    """Points of the face in the photo: those detected, and where the fit has them."""

    def __init__(self, result: Reconstruction) -> None: ...
    @property
    def points(self) -> np.ndarray:
        """Where the detector found them"""

    @property
    def fitted(self) -> np.ndarray:
        """Where they lie on the fitted face"""

    @property
    def original(self) -> np.ndarray:
        """Those detected, on the whole photo"""

    @property
    def ids(self) -> np.ndarray:
        """Which points these are, in the numbers of the detector"""

    @property
    def weights(self) -> np.ndarray:
        """How much each counts"""

    @property
    def detector(self) -> str:
        """Whose points they are"""

    @property
    def error(self) -> float:
        """How far the fitted points lie from the detected ones, on the mean (NME)"""

    def __len__(self) -> int: ...
    def __repr__(self): ...

class Report(dict):
    """The content of `report.json`."""

    def lines(self) -> list:
        """The figures of each photo, and the warnings"""

    def __repr__(self): ...

def short_names(face: Face) -> dict:
    """What a render of a face depends on; where there are maps, the coefficients behind them are of no use"""

class DrawnAgain:
    """Renders tensors that somebody changes. Called, it gives the picture of today."""

    parameters: dict

    def __init__(self, result: Reconstruction, parameters: dict) -> None: ...
    @property
    def face(self) -> Face:
        """The face with the tensors as they are now, for `Pipeline.landmarks`, `Pipeline.vertices` and all
        others"""

    def __call__(
        self, parameters: Mapping | None = ..., *, seed: int = ..., samples: int | None = ..., silhouettes: bool = ...
    ) -> Tensor:
        """The picture"""

    def result(self) -> Reconstruction:
        """A result with the tensors as they are now, without history"""
