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
    """Points of one face in one photo.

    Parameters
    ----------
    points
        [L, 2] pixels: x right, y down, the first pixel's centre at 0.5
    ids
        Which points these are [L], int64
    weights
        How much each counts [L]; left out: all 1
    detector
        Whose ids these are
    blendshapes
        Expression scores 0..1 by name, where the detector gives them
    offset
        Of the photo in which the points lie, as in `Photo`
    scale
        Likewise
    faces
        All faces that were found in the photo, the largest first: rows of `face_row`"""

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
        """The same points in another crop.

        Parameters
        ----------
        photo
            Another crop of the same original"""

    def only(self, ids: Tensor | list) -> Landmarks:
        """Some of the points.

        Parameters
        ----------
        ids
            Those wanted, in the order wanted; ones that are missing are left out"""

    def group(self, name: str) -> Landmarks:
        """The points of one part of the face, in the order of its outline.

        Parameters
        ----------
        name
            One of `GROUPS`"""

class Detector:
    """Finds the landmarks of the faces in a photo."""

    name: str
    refine: bool
    model_file: Path | None = ...

    def faces(self, picture: np.ndarray) -> list:
        """Parameters
        ----------
        picture
            sRGB uint8 [H, W, 3]

        Returns
        -------
            of (points [L, 2] in pixels, blendshape scores or None), one per face"""

    def hands(self, picture: np.ndarray) -> list | None:
        """The hands in a picture.

        Parameters
        ----------
        picture
            sRGB uint8 [H, W, 3]

        Returns
        -------
            of [21, 2] in pixels, as MediaPipe numbers them: 0 the wrist, then thumb to little finger;
            None: cannot tell"""

    def detect(self, photo: Photo, face: int | None = ...) -> Landmarks:
        """The landmarks of one face.

        Parameters
        ----------
        face
            Number of the face, 1 is the largest; None: the largest, and a note if there are others"""

    def detect_all(self, photo: Photo, every: bool = ...) -> list:
        """The landmarks of all faces.

        Parameters
        ----------
        every
            Look for small faces even where the first look finds one; it does in any case where that
            finds none or several

        Returns
        -------
            of `Landmarks`, the largest face first"""

    def again(self, photo: Photo, known: Landmarks) -> Landmarks:
        """The landmarks of a face that was found before, and of no other.

        Parameters
        ----------
        photo
            Another crop of the same original
        known
            Of a face in it"""

    def uncertainty(self, photo: Photo, landmarks: Landmarks) -> float:
        """How far the points of the photo and of its mirror image are apart, each the mean of some crops

        Parameters
        ----------
        landmarks
            All that `detect` found in it

        Returns
        -------
            Fraction of the distance of the outer eye corners; 0 where it is not known which point
            becomes which in a mirror"""

SAME: float
UNSURE: float
FALSE: float
MOST_TURNED: int
LEANING: float
UPSIDE_DOWN: float

def face_row(photo: Photo, points: Tensor, number: int) -> dict:
    """What is said of a face that was found

    Parameters
    ----------
    points
        [L, 2] of a face, pixels of the photo
    number
        1: the largest

    Returns
    -------
        number, box (left, top, right, bottom) and size (the longer side) in pixels of the original"""

def several_faces(photo, rows) -> str:
    """What is said where nobody has chosen"""

def no_such_face(photo, face, rows) -> NoFaceError:
    """What is said of a number that no face has"""

@dataclass
class View:
    """A picture that is looked at, and where its pixels lie in the photo.

    Parameters
    ----------
    picture
        sRGB uint8 [h, w, 3]
    step
        Pixels of the photo per pixel of the picture, x and y
    corner
        Of the picture, in the photo
    turned
        By 180 degrees"""

    picture: np.ndarray
    step: tuple = ...
    corner: tuple = ...
    turned: bool = ...

    def upside_down(self) -> View: ...
    def place(self, points: np.ndarray) -> Tensor:
        """Parameters
        ----------
        points
            [L, 2] in the picture

        Returns
        -------
            [L, 2] in the photo"""

def coarser(photo: Photo, factor: float) -> Photo:
    """The same with fewer pixels, each the mean of the light that it covers.

    Parameters
    ----------
    factor
        Pixels of the new photo per pixel of this one; from 1 on nothing is done

    Returns
    -------
        Without transparency"""

WHOLE: int

def whole_views(photo: Photo, small: Photo) -> list:
    """The whole photo, and the same with a border of its edge repeated.

    Parameters
    ----------
    small
        The same with fewer pixels, see `search_scale`

    Returns
    -------
        of `View`"""

SMALLEST_TILE: Any
MOST_TILES: Any
TILE_PIXELS: int
TILE_STRIDE: float
FINDABLE: float

def tile_sides(photo: Photo) -> list:
    """Sides of the tiles of each level, large ones first; the last has as many as may be looked at.

    Returns
    -------
        %% ../../nbs/18_landmarks.detection.ipynb #335c53bb of pixels of the photo"""

def smallest_face(photo: Photo) -> float:
    """From which size on faces are looked for

    Returns
    -------
        Side, pixels of the original"""

def search_scale(photo: Photo) -> float:
    """How fine the finest look is, of those at the photo as a whole and at its tiles

    Returns
    -------
        Pixels per pixel of the photo"""

def tile_views(photo: Photo, side: float, small: Photo):
    """Overlapping tiles; in one direction they are cut short where the photo is narrower.

    Parameters
    ----------
    side
        Of the tiles, pixels of the photo
    small
        The same with fewer pixels, see `search_scale`"""

LOOKS: Any

def mirror_partners(detector: str) -> Tensor | None:
    """The mirror images of a detector's points

    Parameters
    ----------
    detector
        Name

    Returns
    -------
        [L] int64: which point each becomes in a mirror, -1 where that is not known; None: of none"""

MODEL_URL: str
MODEL_SHA256: str
MODEL_VARIABLE: str

def find_model(path: str | Path = ...) -> Path | None:
    """The face landmark model of MediaPipe Tasks.

    Parameters
    ----------
    path
        Given by the user; '': the environment variable, then data/models of a checkout, then the
        cache

    Returns
    -------
        None where there is none; an error where one was named that does not exist"""

def download_model(path: str | Path = ..., url: str = ..., sha256: str = ..., timeout: float = ...) -> Path:
    """Fetch the model file; it is there in the end only if its checksum is right.

    Parameters
    ----------
    path
        Where to; '': the user's cache
    sha256
        What the file must hash to
    timeout
        Seconds without an answer"""

MOST_FACES: int
MOST_HANDS: int

class MediaPipe(Detector):
    """What both interfaces have in common."""

    name: str

    def hands(self, picture: np.ndarray) -> list | None:
        """Points of the hands in a picture

        Parameters
        ----------
        picture
            [H, W, 3] sRGB uint8

        Returns
        -------
            of [21, 2] pixels; None: this MediaPipe knows no hands"""

class MediaPipeTasks(MediaPipe):
    """MediaPipe's FaceLandmarker: 478 points and 51 expression scores; needs its model file."""

    model_file: Any

    def __init__(self, path: str | Path = ...) -> None:
        """Parameters
        ----------
        path
            Model file; '': found by `find_model`"""

    def faces(self, picture: np.ndarray) -> list:
        """See `Detector.faces`

        Parameters
        ----------
        picture
            [H, W, 3] sRGB uint8

        Returns
        -------
            of points [478, 2] in pixels and scores by name"""

class MediaPipeSolutions(MediaPipe):
    """MediaPipe's older face mesh: 478 points; up to version 0.10.2x, with its models in the package."""

    def __init__(self) -> None: ...
    def faces(self, picture: np.ndarray) -> list:
        """See `Detector.faces`

        Parameters
        ----------
        picture
            [H, W, 3] sRGB uint8

        Returns
        -------
            of points [478, 2] in pixels and None"""

def mediapipe_detector(path: str | Path = ...) -> Detector:
    """Whichever MediaPipe works here.

    Parameters
    ----------
    path
        Model file; '': found by `find_model`"""

def draw_landmarks(photo: Photo, landmarks: Landmarks, enlarge: int = ...) -> np.ndarray:
    """The photo with its landmarks: dots, and the outlines of eyes, brows, lips and face.

    Parameters
    ----------
    landmarks
        In the same photo, or any other crop of it
    enlarge
        Pixels of the picture per pixel of the photo

    Returns
    -------
        sRGB uint8 [H*enlarge, W*enlarge, 3]"""

class FAN(Detector):
    """The 68 points of face-alignment (pip install 'nextgenface_nb[fan]'); it downloads its weights
    itself."""

    name: str
    refine: bool

    def __init__(self, device: str = ..., network=...) -> None:
        """Parameters
        ----------
        network
            An object with `get_landmarks_from_image`; None: made by face-alignment"""

    def faces(self, picture: np.ndarray) -> list:
        """See `Detector.faces`

        Parameters
        ----------
        picture
            [H, W, 3] sRGB uint8

        Returns
        -------
            of points [68, 2] in pixels and None"""

def load_landmarks(path: str | Path, detector: str = ...) -> Landmarks:
    """Read landmarks.

    Parameters
    ----------
    path
        .pts, .npy or .txt
    detector
        Whose ids these are; '': told by the number of points

    Returns
    -------
        In pixels of the original photo"""

def save_landmarks(path: str | Path, landmarks: Landmarks, photo: Photo):
    """Write landmarks as text: id, x, y in pixels of the original photo.

    Parameters
    ----------
    path
        .txt
    photo
        The photo they lie in"""

class FileDetector(Detector):
    """Landmarks that somebody else has found."""

    name: str
    path: Path

    def __init__(self, path: str | Path, detector: str = ...) -> None:
        """Parameters
        ----------
        path
            A file; or a folder, with one file per photo under the photo's name
        detector
            Whose ids these are; '': told by the number of points"""

    def uncertainty(self, photo: Photo, landmarks: Landmarks) -> float:
        """Returns
        -------
            nobody to ask"""

    def detect_all(self, photo: Photo, every: bool = ...) -> list: ...
    def again(self, photo: Photo, known: Landmarks) -> Landmarks: ...
    def detect(self, photo: Photo, face: int | None = ...) -> Landmarks:
        """The points in the file

        Parameters
        ----------
        face
            A file holds one face: 1 or None

        Returns
        -------
            In pixels of the photo"""

def make_detector(name: str | Path = ..., model: str | Path = ..., device: str = ...) -> Detector:
    """A detector by its name, or by a file.

    Parameters
    ----------
    name
        'mediapipe', 'fan', a model file (.task), or landmarks (.pts, .npy, .txt or a folder of
        them)
    model
        For 'mediapipe': its model file; '': found by `find_model`
    device
        For 'fan'"""

FINGER: float
FACE_ITSELF: float

def hand_mask(joints: np.ndarray, size: tuple) -> np.ndarray:
    """What a hand covers.

    Parameters
    ----------
    joints
        [21, 2] of a hand, pixels
    size
        Width and height of the mask

    Returns
    -------
        [H, W] bool"""

def hands_before(hands: list | None, landmarks: Landmarks, size: tuple) -> tuple:
    """What hands cover of a face.

    Parameters
    ----------
    hands
        of [21, 2], see `Detector.hands`
    landmarks
        Of the face, in the same photo
    size
        Width and height of the photo

    Returns
    -------
        share of the face, None where nobody can tell; [H, W] bool, what hands cover of the photo"""

def normalised_mean_error(found: Landmarks, reference: Landmarks) -> float:
    """Mean distance of the points that both have, over that of the outer eye corners.

    Parameters
    ----------
    reference
        Gives the distance of the eyes; in the same photo

    Returns
    -------
        Fraction: 0.01 is 1 %"""

def load_correspondences(path: str | Path) -> tuple[Tensor, Tensor]:
    """Read a landmark association of the references.

    Parameters
    ----------
    path
        Text: detector id and vertex, two columns

    Returns
    -------
        ids [L], vertices [L], int64"""
