# Made by tools/stubs.py from the module beside it
"""From a photo, or several, to a `Reconstruction`: the way through all stages"""

from __future__ import annotations
from typing import Any
from typing import Literal, overload
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
import numpy as np
import PIL.Image
from torch import Tensor
from .config import Config
from .facemodel.model import FaceModel
from .imaging import Photo, PhotoSource
from .landmarks.detection import Landmarks
from .lens import Lens
from .face import Face, Frame, Identity
from .pipeline import Pipeline
from .optim.stages import Progress
from .optim.state import StageState
from .output.card import Card

__all__ = [
    "BLOCKY",
    "BELIEVED_DISTANCE",
    "STRANGER",
    "LEAST_SHAPE",
    "BLURRED",
    "LEAST_SHARE",
    "make_frame",
    "put_hands",
    "block_edges",
    "seen_again",
    "in_known_light",
    "detector_place",
    "on_mesh",
    "mean_identity",
    "find_lens",
    "put_lens",
    "in_known_camera",
    "Reconstruction",
    "shape_distances",
    "stranger",
    "fine_contrast",
    "leave_out_photos",
    "weigh_photos",
    "reconstruct_steps",
    "chosen_stages",
    "outside_terms",
    "begin",
    "joined",
    "exhaust",
    "reconstruct",
    "Optimizer",
]

def make_frame(
    photo,
    model: FaceModel,
    config: Config,
    landmarks: Landmarks | None = ...,
    detector=...,
    crop: bool = ...,
    face: int | None = ...,
) -> Frame:
    """Crop the face, find its landmarks, put the mean face there"""

def put_hands(frame: Frame, hands: list | None, config: Config):
    """Let a frame know of hands before the face; with `leave_out` they are kept out of the fit and of the
    maps"""

BLOCKY: float

def block_edges(photo: Photo, points: Tensor) -> float:
    """Steps between the blocks of 8 x 8 pixels that JPEG makes, over those within, in the square around a
    face"""

def seen_again(detector, cropped: Photo, points: Landmarks) -> Landmarks:
    """The landmarks of a face in the crop that was made around it"""

def in_known_light(face: Face, config: Config) -> Face:
    """The face in the light that the config names, if it names any; one that is of that kind already stays"""

def detector_place(detector) -> str | None:
    """Where the model of a landmark detector was found, in words for the report"""

def on_mesh(points: Landmarks, model: FaceModel) -> Landmarks:
    """The landmarks that the model has on its mesh"""

def mean_identity(model: FaceModel) -> Identity:
    """The average person"""

BELIEVED_DISTANCE: Any

def find_lens(frame: Frame, config: Config, eyes: float | None = ...) -> Lens:
    """What settings or file know of the camera of a photo"""

def put_lens(frame: Frame, lens: Lens):
    """Let a frame know its lens; where it has been fitted with another, the face moves so that it stays
    where it is seen"""

def in_known_camera(face: Face, config: Config) -> Face:
    """The face before the cameras that the config knows, if it knows any; what EXIF says was taken when
    the photo was read"""

@dataclass(repr=False)
class Reconstruction:
    """A fitted face with all that belongs to it; shows itself in a notebook."""

    face: Face
    pipeline: Pipeline
    history: list = ...
    timings: dict = ...
    warnings: list = ...
    after_landmarks: list = ...
    snapshots: dict = ...
    landmark_model: str | None = ...
    terms: list = ...
    left_out: list = ...

    def measures(self, samples: int | None = ...) -> list:
        """How well each photo is reproduced"""

    def __repr__(self): ...
    def save(self, folder: str | Path, **options) -> Path:
        """Write pictures, maps, meshes, light, report and checkpoint, whole or not at all; `BusyError` while
        another run is at work there"""

    def panels(self, i: int = ..., samples: int | None = ..., progress: Callable | None = ...) -> dict:
        """name -> [H, W, 3] linear; `progress` is called with (rays done, all rays)"""

    def card(self, samples: int = ...) -> Card:
        """How far it can be trusted: a `Card` with figures, and warnings in words"""

    def strip(self, i: int = ..., samples: int = ...) -> PIL.Image.Image:
        """All panels of frame `i` side by side, as a Pillow picture, with the main figures and the first
        warning above"""

    @property
    def frames(self) -> Frames:
        """The photos: `face.frames[i].vertices` and all other names, for photo `i`"""

    @property
    def vertices(self) -> np.ndarray:
        """The mesh with the photo's expression"""

    @property
    def neutral(self) -> np.ndarray:
        """The mesh without expression"""

    @property
    def triangles(self) -> np.ndarray:
        """Which three vertices make a triangle, counter-clockwise from outside"""

    @property
    def uvs(self) -> np.ndarray:
        """Where each vertex lies on the maps: u to the right, v up"""

    @property
    def expression(self) -> Expression:
        """The photo's expression: name -> weight"""

    @property
    def pose(self) -> np.ndarray:
        """From the upright head to the camera: x right, y up, it looks along -z (`camera.matrix('opengl')`)"""

    @property
    def camera(self) -> PhotoCamera:
        """The camera of the photo"""

    @property
    def maps(self) -> Maps:
        """Diffuse, specular, roughness and what was seen"""

    @property
    def light(self) -> FoundLight:
        """The light of the photo"""

    @property
    def landmarks(self) -> FoundLandmarks:
        """The landmarks: detected, and fitted"""

    @property
    def photo(self) -> Photo:
        """The photo"""

    @property
    def report(self) -> Report:
        """Everything that one wants to know of the fit, as in `report.json`"""

    def differentiable(self, *names: str) -> tuple[dict, DrawnAgain]:
        """Parameters of the photo, and a function that renders them"""

    def mesh(self, *, neutral: bool = ..., space: str = ..., frame: int = ...) -> Any:
        """The head as a textured mesh of trimesh"""

    def to_glb(
        self,
        path: str | Path,
        *,
        posed: int | None = ...,
        quality: int | None = ...,
        merged: bool = ...,
        morphs: bool = ...,
        dense: bool = ...,
    ) -> Path:
        """Mesh, maps, expressions and cameras in one file of glTF"""

    def to_usd(self, path: str | Path) -> Path:
        """The neutral face for Apple's and Pixar's programs; needs the package usd-core"""

    def to_obj(self, path: str | Path, *, neutral: bool = ..., space: str = ..., frame: int = ...) -> Path:
        """The mesh in mm with its maps as Wavefront OBJ"""

    def __reduce__(self) -> tuple:
        """Function and arguments that make it again"""

    def __deepcopy__(self, memo: dict) -> Reconstruction:
        """Everything anew but the pipeline; nothing is rounded"""

    def __copy__(self) -> Reconstruction:
        """The same parts in another object"""

    @overload
    def render(
        self,
        kind: str = ...,
        *,
        yaw: float | None = ...,
        pitch: float | None = ...,
        size: int = ...,
        light: Any = ...,
        as_array: Literal[False] = ...,
        samples: int = ...,
        background: float | None = ...,
        frame: int = ...,
    ) -> PIL.Image.Image:
        """The face as it looks from here, in this light"""

    @overload
    def render(
        self,
        kind: str = ...,
        *,
        yaw: float | None = ...,
        pitch: float | None = ...,
        size: int = ...,
        light: Any = ...,
        as_array: Literal[True],
        samples: int = ...,
        background: float | None = ...,
        frame: int = ...,
    ) -> np.ndarray: ...
    def with_(
        self,
        *,
        expression: Any = ...,
        light: Any = ...,
        yaw: float | None = ...,
        pitch: float | None = ...,
        pose: Any = ...,
        maps: Any = ...,
        frame: int = ...,
    ) -> Reconstruction:
        """Another face, that differs in what is named; this one stays as it is"""

    def view(self, *, size: int = ..., frame: int = ..., live: bool | None = ..., **traits) -> Any:
        """The face in 3D, to be turned by hand; a picture where there is nobody to turn it"""

    def distance(self, other: Reconstruction, *, neutral: bool = ..., scale: bool = ...) -> Distance:
        """How far the other face lies from this one, once it is moved and turned onto it by the vertices of
        the face"""

    def compare(
        self, other: Reconstruction, *, size: int = ..., yaw: float = ..., samples: int = ..., neutral: bool = ...
    ) -> PIL.Image.Image:
        """Both from the front, as they look and as clay, and how far apart they are"""

STRANGER: Any
LEAST_SHAPE: int
BLURRED: float

def shape_distances(model: FaceModel, frames: list) -> np.ndarray:
    """How far apart the shapes are that the landmarks of each photo alone tell: 1 minus the cosine of
    their angle"""

def stranger(distances: np.ndarray) -> int | None:
    """The photo that is farthest from the others, if it is too far"""

def fine_contrast(frame: Frame, eyes: float = ..., ruler: float | None = ...) -> float:
    """Fine contrasts over coarse ones, in the square around the landmarks"""

def leave_out_photos(result: Reconstruction) -> Reconstruction:
    """Leave out photos of somebody else, and blurred ones, and say so"""

def weigh_photos(result: Reconstruction) -> Reconstruction:
    """Let each of several photos count by the pixels that its face has, and by its sharpness; 1 for the
    best"""

LEAST_SHARE: float

def reconstruct_steps(
    photos: PhotoSource | Iterable[PhotoSource],
    config: Config | None = ...,
    model: FaceModel | None = ...,
    landmarks: Landmarks | list | None = ...,
    stages: list | None = ...,
    start: Face | None = ...,
    pipeline: Pipeline | None = ...,
    state: StageState | None = ...,
    result: Reconstruction | None = ...,
    face: int | list | None = ...,
    detector: object | None = ...,
    watch: Callable | None = ...,
    terms: Sequence = ...,
) -> Generator[Progress, None, Reconstruction]:
    """Fit one person to one or more photos, step by step"""

def chosen_stages(config: Config, stages: list | None = ..., terms=...) -> list:
    """The stages of the config, or those asked for by name or given as they are"""

def outside_terms(stages: list) -> list:
    """The `LossTerm` from outside the package in them; what they compute is nowhere kept"""

def begin(
    photos, pipeline: Pipeline, config: Config | None = ..., landmarks=..., face=..., detector=...
) -> Reconstruction:
    """Frames of all photos with the mean face"""

def joined(parts: list) -> Reconstruction:
    """The same of all photos"""

def exhaust(steps: Iterator, progress: Callable | None = ...) -> Reconstruction:
    """Run an iterator to its end and give its return value"""

def reconstruct(
    photo: PhotoSource | Iterable[PhotoSource],
    config: Config | None = ...,
    model: FaceModel | None = ...,
    landmarks: Landmarks | list | None = ...,
    output: str | Path | None = ...,
    progress: Callable | None = ...,
    face: int | list | None = ...,
    terms: Sequence = ...,
) -> Reconstruction:
    """A face from a photo: the short way"""

class Optimizer:
    """The interface of the original: `Optimizer('./output', config).run('photo.jpg')`."""

    pipeline: Pipeline
    config: Any
    output: Any

    def __init__(self, outputDir: str | Path, config: Config | None = ...) -> None: ...
    def run(
        self,
        path: str | Path,
        sharedIdentity: bool = ...,
        checkpoint: str | Path = ...,
        doStep1: bool = ...,
        doStep2: bool = ...,
        doStep3: bool = ...,
        progress: Callable | None = ...,
    ) -> Reconstruction | list:
        """Fit, write everything into the output folder, and return the result"""

from nextgenface_nb.results.arrays import Frames
from nextgenface_nb.results.arrays import Expression
from nextgenface_nb.results.arrays import PhotoCamera
from nextgenface_nb.results.arrays import Maps
from nextgenface_nb.results.arrays import FoundLight
from nextgenface_nb.results.arrays import FoundLandmarks
from nextgenface_nb.results.arrays import Report
from nextgenface_nb.results.arrays import DrawnAgain
from nextgenface_nb.results.pictures import Distance
