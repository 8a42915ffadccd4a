# Made by tools/stubs.py from the module beside it
"""Points on a face, from several detectors or a file, behind one small interface"""

from __future__ import annotations
from typing import Any
from dataclasses import dataclass
from pathlib import Path
import numpy as np
from torch import Tensor
from ..errors import NoFaceError
from ..imaging import Photo

__all__ = [
    "GROUPS",
    "MODEL_URL",
    "MODEL_SHA256",
    "MODEL_VARIABLE",
    "MOST_FACES",
    "MOST_HANDS",
    "FINGER",
    "FACE_ITSELF",
    "Landmarks",
    "Detector",
    "find_model",
    "download_model",
    "MediaPipe",
    "MediaPipeTasks",
    "MediaPipeSolutions",
    "mediapipe_detector",
    "draw_landmarks",
    "FAN",
    "load_landmarks",
    "save_landmarks",
    "FileDetector",
    "make_detector",
    "hand_mask",
    "hands_before",
    "normalised_mean_error",
    "load_correspondences",
]
GROUPS: dict[str, dict]

@dataclass
class Landmarks:
    """Points of one face in one photo."""

    points: Tensor
    ids: Tensor
    weights: Tensor = ...
    detector: str = ...
    blendshapes: dict | None = ...
    offset: tuple = ...
    scale: float = ...
    uncertainty: float = ...
    faces: tuple = ...

    def __post_init__(self): ...
    def __len__(self): ...
    def __repr__(self): ...
    def moved(self, photo: Photo) -> Landmarks:
        """The same points in another crop."""

    def only(self, ids: Tensor | list) -> Landmarks:
        """Some of the points."""

    def group(self, name: str) -> Landmarks:
        """The points of one part of the face, in the order of its outline."""

class Detector:
    """Finds the landmarks of the faces in a photo."""

    name: str
    refine: bool
    model_file: Path | None = ...

    def faces(self, picture: np.ndarray) -> list: ...
    def hands(self, picture: np.ndarray) -> list | None:
        """The hands in a picture."""

    def detect(self, photo: Photo, face: int | None = ...) -> Landmarks:
        """The landmarks of one face."""

    def detect_all(self, photo: Photo, every: bool = ...) -> list:
        """The landmarks of all faces."""

    def again(self, photo: Photo, known: Landmarks) -> Landmarks:
        """The landmarks of a face that was found before, and of no other."""

    def uncertainty(self, photo: Photo, landmarks: Landmarks) -> float:
        """How far the points of the photo and of its mirror image are apart, each the mean of some crops"""

SAME: float
UNSURE: float
FALSE: float
MOST_TURNED: int
LEANING: float
UPSIDE_DOWN: float

def face_row(photo: Photo, points: Tensor, number: int) -> dict:
    """What is said of a face that was found"""

def several_faces(photo, rows) -> str:
    """What is said where nobody has chosen"""

def no_such_face(photo, face, rows) -> NoFaceError:
    """What is said of a number that no face has"""

@dataclass
class View:
    """A picture that is looked at, and where its pixels lie in the photo."""

    picture: np.ndarray
    step: tuple = ...
    corner: tuple = ...
    turned: bool = ...

    def upside_down(self) -> View: ...
    def place(self, points: np.ndarray) -> Tensor: ...

def coarser(photo: Photo, factor: float) -> Photo:
    """The same with fewer pixels, each the mean of the light that it covers."""

WHOLE: int

def whole_views(photo: Photo, small: Photo) -> list:
    """The whole photo, and the same with a border of its edge repeated."""

SMALLEST_TILE: Any
MOST_TILES: Any
TILE_PIXELS: int
TILE_STRIDE: float
FINDABLE: float

def tile_sides(photo: Photo) -> list:
    """Sides of the tiles of each level, large ones first; the last has as many as may be looked at."""

def smallest_face(photo: Photo) -> float:
    """From which size on faces are looked for"""

def search_scale(photo: Photo) -> float:
    """How fine the finest look is, of those at the photo as a whole and at its tiles"""

def tile_views(photo: Photo, side: float, small: Photo):
    """Overlapping tiles; in one direction they are cut short where the photo is narrower."""

LOOKS: Any

def mirror_partners(detector: str) -> Tensor | None:
    """The mirror images of a detector's points"""

MODEL_URL: str
MODEL_SHA256: str
MODEL_VARIABLE: str

def find_model(path: str | Path = ...) -> Path | None:
    """The face landmark model of MediaPipe Tasks."""

def download_model(path: str | Path = ..., url: str = ..., sha256: str = ..., timeout: float = ...) -> Path:
    """Fetch the model file; it is there in the end only if its checksum is right."""

MOST_FACES: int
MOST_HANDS: int

class MediaPipe(Detector):
    """What both interfaces have in common."""

    name: str

    def hands(self, picture: np.ndarray) -> list | None:
        """Points of the hands in a picture"""

class MediaPipeTasks(MediaPipe):
    """MediaPipe's FaceLandmarker: 478 points and 51 expression scores; needs its model file."""

    model_file: Any

    def __init__(self, path: str | Path = ...) -> None: ...
    def faces(self, picture: np.ndarray) -> list:
        """See `Detector.faces`"""

class MediaPipeSolutions(MediaPipe):
    """MediaPipe's older face mesh: 478 points; up to version 0.10.2x, with its models in the package."""

    def __init__(self) -> None: ...
    def faces(self, picture: np.ndarray) -> list:
        """See `Detector.faces`"""

def mediapipe_detector(path: str | Path = ...) -> Detector:
    """Whichever MediaPipe works here."""

def draw_landmarks(photo: Photo, landmarks: Landmarks, enlarge: int = ...) -> np.ndarray:
    """The photo with its landmarks: dots, and the outlines of eyes, brows, lips and face."""

class FAN(Detector):
    """The 68 points of face-alignment (pip install 'nextgenface_nb[fan]'); it downloads its weights
    itself."""

    name: str
    refine: bool

    def __init__(self, device: str = ..., network=...) -> None: ...
    def faces(self, picture: np.ndarray) -> list:
        """See `Detector.faces`"""

def load_landmarks(path: str | Path, detector: str = ...) -> Landmarks:
    """Read landmarks."""

def save_landmarks(path: str | Path, landmarks: Landmarks, photo: Photo):
    """Write landmarks as text: id, x, y in pixels of the original photo."""

class FileDetector(Detector):
    """Landmarks that somebody else has found."""

    name: str
    path: Path

    def __init__(self, path: str | Path, detector: str = ...) -> None: ...
    def uncertainty(self, photo: Photo, landmarks: Landmarks) -> float: ...
    def detect_all(self, photo: Photo, every: bool = ...) -> list: ...
    def again(self, photo: Photo, known: Landmarks) -> Landmarks: ...
    def detect(self, photo: Photo, face: int | None = ...) -> Landmarks:
        """The points in the file"""

def make_detector(name: str | Path = ..., model: str | Path = ..., device: str = ...) -> Detector:
    """A detector by its name, or by a file."""

FINGER: float
FACE_ITSELF: float

def hand_mask(joints: np.ndarray, size: tuple) -> np.ndarray:
    """What a hand covers."""

def hands_before(hands: list | None, landmarks: Landmarks, size: tuple) -> tuple:
    """What hands cover of a face."""

def normalised_mean_error(found: Landmarks, reference: Landmarks) -> float:
    """Mean distance of the points that both have, over that of the outer eye corners."""

def load_correspondences(path: str | Path) -> tuple[Tensor, Tensor]:
    """Read a landmark association of the references."""
