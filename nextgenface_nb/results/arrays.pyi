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
from ..landmarks.detection import Landmarks
from ..light.interface import Emitter
from ..reconstruction import Reconstruction

__all__ = [
    "Value",
    "BARS",
    "AXES",
    "UNITS",
    "ROWS",
    "SIZES",
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
    "lines_of",
    "FoundLandmarks",
    "Report",
    "short_names",
    "Parameters",
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
    def __dir__(self) -> list: ...

def kept(result: Reconstruction, name: str, make: Callable) -> Any:
    """Made once, and once more when the face has changed

    Parameters
    ----------
    name
        Of what is kept
    make
        () -> it

    Returns
    -------
        What `make` gave, now or before"""

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
    """A tensor as an array that may be written to

    Parameters
    ----------
    x
        Of any device, with or without history
    kind
        Of NumPy

    Returns
    -------
        An array of its own"""

BARS: int

def bars_svg(weights: Mapping) -> str:
    """Named bars, one below the other; negative ones in red

    Parameters
    ----------
    weights
        Name -> number

    Returns
    -------
        SVG"""

class Expression(Named[float]):
    """Weights of the expressions, by name."""

    array: np.ndarray
    names: Any
    what: str

    def __init__(self, names: Sequence, weights: np.ndarray) -> None:
        """Parameters
        ----------
        names
            Of the model
        weights
            [E]"""

    def __array__(self, dtype=..., copy=...) -> np.ndarray:
        """Returns
        -------
            [E]"""

    def strongest(self, most: int = ...) -> dict:
        """Those that are seen, the strongest first

        Parameters
        ----------
        most
            So many

        Returns
        -------
            Name -> weight"""

    def __repr__(self): ...

AXES: Any
UNITS: Any

@dataclass(repr=False, eq=False)
class PhotoCamera:
    """The pinhole camera of a photo and the head before it.

    Parameters
    ----------
    focal
        Pixels
    principal
        (x, y), pixels
    width
        Pixels
    height
        Pixels
    pose
        [4, 4], mm: from the upright head to the camera, which looks along -z
    whole
        That of the original, where this is one of a crop"""

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
        """Focal length and principal point

        Returns
        -------
            [3, 3], pixels; the centre of the first one is (0.5, 0.5)"""

    def matrix(self, convention: str = ..., unit: str = ...) -> np.ndarray:
        """From the upright head, where `vertices` are, to the axes of the camera

        Parameters
        ----------
        convention
            Of `AXES`: opencv, colmap, opengl, gltf, pytorch3d
        unit
            In which the vertices are: mm or m

        Returns
        -------
            [4, 4], for columns (x, y, z, 1)"""

    def intrinsics(self, convention: str = ...) -> np.ndarray:
        """`K` by the pixels of a convention: OpenCV's first pixel has its centre at (0, 0), that of all others
        at (0.5, 0.5)

        Parameters
        ----------
        convention
            Of `AXES`

        Returns
        -------
            [3, 3], pixels"""

    def projection(self, near: float = ..., far: float = ...) -> np.ndarray:
        """OpenGL's, behind `matrix('opengl')`: to -1..1 in x to the right, y up and depth

        Parameters
        ----------
        near
            Of the head's unit
        far
            Likewise

        Returns
        -------
            [4, 4]"""

    def project(self, points: np.ndarray) -> np.ndarray:
        """Where points of the head are seen

        Parameters
        ----------
        points
            [..., 3], mm, on the upright head, as `vertices`

        Returns
        -------
            [..., 2], pixels: x right, y down, the centre of the first one is (0.5, 0.5)"""

    def __repr__(self): ...

def camera_facts(camera: PhotoCamera) -> dict:
    """Size, lens, place of the head

    Returns
    -------
        Name -> text"""

def shared(x: Tensor) -> np.ndarray:
    """A tensor as an array that can only be read

    Parameters
    ----------
    x
        Of the processor's memory; elsewhere it is copied

    Returns
    -------
        The same memory, not to be written to"""

class Maps(Named[np.ndarray]):
    """The maps of a face as linear arrays [T, T, C]."""

    what: str
    names: Any

    def __init__(self, result: Reconstruction) -> None:
        """Parameters
        ----------
        result
            Whose identity has the maps, or describes them"""

    @property
    def resolution(self) -> int:
        """Texels along each side

        Returns
        -------
            T"""

    @property
    def diffuse(self) -> np.ndarray:
        """Lambert albedo

        Returns
        -------
            [T, T, 3] float32, linear, 0..1"""

    @property
    def specular(self) -> np.ndarray:
        """Reflectance at normal incidence

        Returns
        -------
            [T, T, 3] float32, linear, 0..1"""

    @property
    def roughness(self) -> np.ndarray:
        """GGX's r, alpha = r^2

        Returns
        -------
            [T, T, 1] float32, 0..1"""

    @property
    def seen(self) -> np.ndarray:
        """1 where a photo has seen the texel

        Returns
        -------
            [T, T, 1] float32, 0 or 1"""

    def image(self, name: str) -> PIL.Image.Image:
        """A map as a picture: colours in sRGB; roughness and seen are no colours and stay as they are, in grey

        Parameters
        ----------
        name
            diffuse, specular, roughness or seen

        Returns
        -------
            8 bits"""

    def __repr__(self): ...

def png_bytes(image: PIL.Image.Image, quick: bool = ...) -> bytes:
    """For notebooks and pages

    Parameters
    ----------
    quick
        A third of the time, and larger: for what goes no further than to a screen

    Returns
    -------
        A PNG file"""

ROWS: Any

@dataclass(repr=False, eq=False)
class FoundLight:
    """The light of a photo as arrays.

    Parameters
    ----------
    emitter
        The light itself
    bands
        Of the harmonics, where the light consists of something else"""

    emitter: Emitter
    bands: int = ...

    @property
    def kind(self) -> str:
        """What kind of light it is

        Returns
        -------
            harmonic, map ..."""

    @property
    def coefficients(self) -> np.ndarray:
        """Real spherical harmonics: those of the light, or those that come closest to it

        Returns
        -------
            [bands^2, 3] float32, linear RGB radiance"""

    def environment(self, height: int = ...) -> np.ndarray:
        """All that arrives: row 0 from above, the middle from the viewer

        Parameters
        ----------
        height
            Rows; it has twice as many columns

        Returns
        -------
            [height, 2 height, 3] float32, linear RGB radiance"""

    def turned(self, yaw: float) -> FoundLight:
        """The same light from elsewhere

        Parameters
        ----------
        yaw
            Degrees about the vertical axis: what came from the viewer comes from the picture's right at
            90

        Returns
        -------
            For `render(light=...)` and `with_(light=...)`"""

    def image(self, height: int = ...) -> PIL.Image.Image:
        """The surroundings as a picture; what is brighter than all but a hundredth of them is white

        Parameters
        ----------
        height
            Rows; it has twice as many columns"""

    def __repr__(self): ...

def lines_of(landmarks: Landmarks) -> list:
    """Which points make brows, eyes, lips and the line of the jaw, as far as they are there

    Returns
    -------
        of lists of positions in `landmarks.points`, around the part"""

class FoundLandmarks:
    """Points of the face in the photo: those detected, and where the fit has them."""

    def __init__(self, result: Reconstruction) -> None:
        """Parameters
        ----------
        result
            Its first photo's"""

    @property
    def points(self) -> np.ndarray:
        """Where the detector found them

        Returns
        -------
            [L, 2] float32, pixels of the crop; the centre of the first one is (0.5, 0.5)"""

    @property
    def fitted(self) -> np.ndarray:
        """Where they lie on the fitted face

        Returns
        -------
            [L, 2] float32, pixels of the crop"""

    @property
    def original(self) -> np.ndarray:
        """Those detected, on the whole photo

        Returns
        -------
            [L, 2] float64, pixels of the whole photo, held upright"""

    @property
    def ids(self) -> np.ndarray:
        """Which points these are, in the numbers of the detector

        Returns
        -------
            [L] int64"""

    @property
    def weights(self) -> np.ndarray:
        """How much each counts

        Returns
        -------
            [L] float32"""

    @property
    def detector(self) -> str:
        """Whose points they are

        Returns
        -------
            mediapipe, fan ..."""

    @property
    def error(self) -> float:
        """How far the fitted points lie from the detected ones, on the mean (NME)

        Returns
        -------
            Share of the distance of the outer eye corners"""

    @property
    def lines(self) -> list:
        """Which of them make brows, eyes, lips and the line of the jaw

        Returns
        -------
            of lists of positions in `points`, around the part"""

    def __array__(self, dtype=..., copy=...) -> np.ndarray:
        """Returns
        -------
            [L, 2], those detected"""

    def __len__(self) -> int: ...
    def __repr__(self): ...
    def image(self, size: int = ..., fitted: bool = ...) -> PIL.Image.Image:
        """The photo with the points on it

        Parameters
        ----------
        size
            Pixels of the longer side, at least
        fitted
            With those of the fit"""

class Report(dict):
    """The content of `report.json`."""

    def lines(self) -> list:
        """The figures of each photo, and the warnings

        Returns
        -------
            of str"""

    def __repr__(self): ...

def short_names(face: Face) -> dict:
    """What a render of a face depends on; where there are maps, the coefficients behind them are of no use

    Parameters
    ----------
    face
        Of one photo

    Returns
    -------
        Short name -> name of `Face.parameters`"""

class Parameters(dict):
    """Name -> tensor; a group that has one member is known by its own name too, 'light' for
    'light.coefficients'"""

    def __missing__(self, name) -> Tensor: ...

class DrawnAgain:
    """Renders tensors that somebody changes. Called, it gives the picture of today."""

    size: int | None
    parameters: dict

    def __init__(self, result: Reconstruction, parameters: dict, size: int | None = ...) -> None:
        """Parameters
        ----------
        result
            Of one photo; with a face of its own
        parameters
            Short name -> tensor; what stands there when it is called is drawn
        size
            Pixels of the longer side; None: those of the photo"""

    @property
    def face(self) -> Face:
        """The face with the tensors as they are now, for `Pipeline.landmarks`, `Pipeline.vertices` and all
        others"""

    def __call__(
        self, parameters: Mapping | None = ..., *, seed: int = ..., samples: int | None = ..., silhouettes: bool = ...
    ) -> Tensor:
        """The picture

        Parameters
        ----------
        parameters
            Short name -> tensor that is meant this time in the place of the one kept here
        seed
            Of the random numbers: another one in each step
        samples
            Rays per pixel; None: as the config says
        silhouettes
            Gradients of the outline as well

        Returns
        -------
            [H, W, 4] linear RGB and coverage, with history"""

    @property
    def photo(self) -> Tensor:
        """The photo in the size of the picture, which is to look like it

        Returns
        -------
            [H, W, 3] linear"""

    def result(self) -> Reconstruction:
        """A result with the tensors as they are now, without history"""

SIZES: Any
