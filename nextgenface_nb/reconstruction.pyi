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
    "ELSEWHERE",
    "MEANT",
    "STRANGER",
    "ROUGH",
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
    """Crop the face, find its landmarks, put the mean face there

    Parameters
    ----------
    photo
        A `Photo`, or what `load_photo` takes: a path, bytes, a Pillow image, an array ...
    landmarks
        In pixels of the photo; None: detect
    detector
        Whatever can `detect`; a `Detector` is asked for its uncertainty too. None: the one that the
        config names
    crop
        Crop to the face; else take the photo as it is
    face
        Which of several faces, numbered by size; 1 is the largest. None: the largest

    Returns
    -------
        Mean face at the pose that the landmarks show"""

def put_hands(frame: Frame, hands: list | None, config: Config):
    """Let a frame know of hands before the face; with `leave_out` they are kept out of the fit and of the
    maps

    Parameters
    ----------
    frame
        Changed in place
    hands
        In pixels of its photo, see `Detector.hands`"""

BLOCKY: float

def block_edges(photo: Photo, points: Tensor) -> float:
    """Steps between the blocks of 8 x 8 pixels that JPEG makes, over those within, in the square around a
    face

    Parameters
    ----------
    photo
        As it was read
    points
        [L, 2] of the face in it

    Returns
    -------
        about 1 without blocks; 0: the photo has other pixels than its file"""

def seen_again(detector, cropped: Photo, points: Landmarks) -> Landmarks:
    """The landmarks of a face in the crop that was made around it

    Parameters
    ----------
    detector
        Whatever can `detect`; a `Detector` looks for this face alone
    points
        Found in the whole photo"""

def in_known_light(face: Face, config: Config) -> Face:
    """The face in the light that the config names, if it names any; one that is of that kind already stays

    Parameters
    ----------
    face
        Of a checkpoint, say; changed in place"""

def detector_place(detector) -> str | None:
    """Where the model of a landmark detector was found, in words for the report

    Parameters
    ----------
    detector
        Whatever can `detect`

    Returns
    -------
        None: it has no file, or keeps it to itself"""

def on_mesh(points: Landmarks, model: FaceModel) -> Landmarks:
    """The landmarks that the model has on its mesh"""

def mean_identity(model: FaceModel) -> Identity:
    """The average person"""

BELIEVED_DISTANCE: Any

def find_lens(frame: Frame, config: Config, eyes: float | None = ...) -> Lens:
    """What settings or file know of the camera of a photo

    Parameters
    ----------
    frame
        Its photo and landmarks are used
    eyes
        Pixels of `unturned_eye_distance`; None: as the picture shows the eyes

    Returns
    -------
        In pixels of the original; focal length 0 where nothing is known, and `source` says why"""

def put_lens(frame: Frame, lens: Lens):
    """Let a frame know its lens; where it has been fitted with another, the face moves so that it stays
    where it is seen

    Parameters
    ----------
    frame
        Changed in place
    lens
        In pixels of the original"""

def in_known_camera(face: Face, config: Config) -> Face:
    """The face before the cameras that the config knows, if it knows any; what EXIF says was taken when
    the photo was read

    Parameters
    ----------
    face
        Of a checkpoint, say; changed in place"""

ELSEWHERE: str
MEANT: Any

@dataclass(repr=False)
class Reconstruction:
    """A fitted face with all that belongs to it; shows itself in a notebook.

    Parameters
    ----------
    history
        of `Progress`
    timings
        stage -> seconds
    warnings
        of str, in words
    after_landmarks
        NME of each frame after stage 1
    snapshots
        stage -> `Face` as it was after it, with `save_intermediate`
    landmark_model
        Where the detector's model was found, in words
    terms
        Of `outside_terms`: what it was fitted with beside the table's
    left_out
        of dict: photo, sha256, why; what `leave_out_photos` has left out
    origin
        Where it comes from, in words, if not from a fit"""

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
    origin: str = ...

    def measures(self, samples: int | None = ...) -> list:
        """How well each photo is reproduced

        Parameters
        ----------
        samples
            Rays per pixel; None: as the config says

        Returns
        -------
            one dict per frame, from `frame_measures`"""

    def __repr__(self): ...
    def save(self, folder: str | Path, **options) -> Path:
        """Write pictures, maps, meshes, light, report and checkpoint, whole or not at all; `BusyError` while
        another run is at work there

        Parameters
        ----------
        options
            Of `output.report.save_reconstruction`"""

    def panels(self, i: int = ..., samples: int | None = ..., progress: Callable | None = ...) -> dict:
        """Photo, picture, difference and maps of a frame, for the strip

        Parameters
        ----------
        i
            Frame
        samples
            Rays per pixel; None: as the config says
        progress
            Called with (rays done, all rays)

        Returns
        -------
            name -> [H, W, 3] linear"""

    def card(self, samples: int = ...) -> Card:
        """How far it can be trusted: a `Card` with figures, and warnings in words

        Parameters
        ----------
        samples
            Rays per pixel"""

    def strip(self, i: int = ..., samples: int = ...) -> PIL.Image.Image:
        """All panels of frame `i` side by side, as a Pillow picture, with the main figures and the first
        warning above

        Parameters
        ----------
        i
            Frame
        samples
            Rays per pixel"""

    @property
    def frames(self) -> Frames:
        """The photos: `face.frames[i].vertices` and all other names, for photo `i`

        Returns
        -------
            Each a `Reconstruction`; counted from 0"""

    @property
    def vertices(self) -> np.ndarray:
        """The mesh with the photo's expression

        Returns
        -------
            [V, 3] float32, mm, head upright"""

    @property
    def neutral(self) -> np.ndarray:
        """The mesh without expression

        Returns
        -------
            [V, 3] float32, mm, head upright"""

    @property
    def triangles(self) -> np.ndarray:
        """Which three vertices make a triangle, counter-clockwise from outside

        Returns
        -------
            [F, 3] int32, counted from 0"""

    @property
    def uvs(self) -> np.ndarray:
        """Where each vertex lies on the maps: u to the right, v up

        Returns
        -------
            [V, 2] float32, 0..1"""

    @property
    def expression(self) -> Expression:
        """The photo's expression: name -> weight"""

    @property
    def pose(self) -> np.ndarray:
        """From the upright head to the camera: x right, y up, it looks along -z (`camera.matrix('opengl')`)

        Returns
        -------
            [4, 4] float64, mm, for columns (x, y, z, 1)"""

    @property
    def camera(self) -> PhotoCamera:
        """The camera of the photo

        Returns
        -------
            Of the crop; `camera.original` of the whole photo"""

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
        """The photo

        Returns
        -------
            Linear; the crop that was fitted"""

    @property
    def report(self) -> Report:
        """Everything that one wants to know of the fit, as in `report.json`"""

    def differentiable(self, *names: str, size: int | None = ...) -> tuple[dict, DrawnAgain]:
        """Parameters of the photo, and a function that renders them

        Parameters
        ----------
        size
            Pixels of the longer side of the pictures; None: those of the photo
        names
            Which, 'light' for all of the light; none: all

        Returns
        -------
            Name -> tensor that asks for gradients; what renders them"""

    def mesh(self, *, neutral: bool = ..., space: str = ..., frame: int = ...) -> Any:
        """The head as a textured mesh of trimesh

        Parameters
        ----------
        neutral
            Without the photo's expression
        space
            'model': upright, at the origin; 'viewer' or 'camera': where the photo's camera sees it
        frame
            Number of the photo

        Returns
        -------
            A `trimesh.Trimesh`, vertices in mm; `.parts`: name of a part or region -> Trimesh"""

    def to_glb(
        self,
        path: str | Path,
        *,
        posed: int | None = ...,
        quality: int | None = ...,
        merged: bool = ...,
        morphs: bool = ...,
        dense: bool = ...,
        pose: str | None = ...,
        parts: str | Sequence[str] | None = ...,
        detail: str = ...,
        lashes: bool | None = ...,
        cornea: bool = ...,
    ) -> Path:
        """Head, maps, expressions and cameras in one file of glTF

        Parameters
        ----------
        path
            `.glb` file
        posed
            Show photo i first; None: the neutral face
        quality
            JPEG instead of PNG, 1 .. 95
        merged
            One scene and one object
        morphs
            With the model's expressions; False: what is shown is in the vertices
        dense
            Plain lists of what moves, for readers that need them
        pose
            'photo': the same as posed=0; 'neutral'
        parts
            Names of parts and regions, 'face' for instance; None: the whole head
        detail
            'coarse': a quarter of the quads; 'model'; 'fine': four times as many
        lashes
            With lashes; None: where no parts are named
        cornea
            With a cornea over each iris, which programs show as blended glass"""

    def to_usd(self, path: str | Path, *, parts: str | Sequence[str] | None = ..., detail: str = ...) -> Path:
        """The neutral face for Apple's and Pixar's programs; needs the package usd-core

        Parameters
        ----------
        path
            `.usdz` file
        parts
            Names of parts and regions; None: the whole head
        detail
            'coarse', 'model' or 'fine', see `to_glb`"""

    def to_obj(
        self,
        path: str | Path,
        *,
        neutral: bool = ...,
        space: str = ...,
        frame: int = ...,
        pose: str | None = ...,
        parts: str | Sequence[str] | None = ...,
        detail: str = ...,
        lashes: bool = ...,
    ) -> Path:
        """The mesh in mm with its maps as Wavefront OBJ, in quads where the model has them

        Parameters
        ----------
        path
            `.obj` file; material and maps stand beside it, under its name
        neutral
            Without the photo's expression
        space
            'model': upright, at the origin; 'viewer' or 'camera': where the photo's camera sees it
        frame
            Number of the photo
        pose
            'photo', or 'neutral': the same as neutral=True
        parts
            Names of parts and regions, 'face' for instance; None: the whole head
        detail
            'coarse', 'model' or 'fine', see `to_glb`
        lashes
            With lashes, as a group of triangles with a picture that says where they are clear"""

    def export(self, path: str | Path, formats: Sequence[str] | None = ..., **options) -> Any:
        """A file for another program, or a folder of them

        Parameters
        ----------
        path
            Its ending says the format: .glb, .obj, .usdz; .ply and others of `formats()`. With
            `formats`: a folder
        formats
            Names of `formats()`: all their files, whole or not at all
        options
            Of `to_glb`, `to_obj`, `to_usd`; with `formats` and of other endings those of `export_face`

        Returns
        -------
            The path of the file; with `formats` the list of all"""

    def __reduce__(self) -> tuple:
        """Function and arguments that make it again

        Returns
        -------
            For `pickle`"""

    def __deepcopy__(self, memo: dict) -> Reconstruction:
        """Everything anew but the pipeline; nothing is rounded

        Parameters
        ----------
        memo
            Of `copy.deepcopy`"""

    def __copy__(self) -> Reconstruction:
        """The same parts in another object"""

    def film(
        self,
        what: str = ...,
        *,
        size: int = ...,
        count: int = ...,
        yaw: float = ...,
        pitch: float = ...,
        zoom: float = ...,
        names: Sequence[str] | None = ...,
        samples: int = ...,
        frame: int = ...,
        lashes: bool = ...,
    ) -> Film:
        """The face in motion

        Parameters
        ----------
        what
            turntable, expressions or relight
        size
            Pixels of each side, 16 .. 4096, even
        count
            Pictures, 2 .. 10000; each expression has at least two
        yaw
            Degrees that the turntable turns; less than 360 swings there and back
        pitch
            Degrees from above
        zoom
            1: the head fills most of the picture; 0.1 .. 10
        names
            Expressions to show, alone or together: 'a', 'b+c'; None: the best known
        samples
            Rays per pixel
        frame
            Number of the photo whose pose, expression and light are shown
        lashes
            With lashes, where the model has lids

        Returns
        -------
            Its pictures are drawn when one goes through them, or by `save`"""

    def over_photo(self, *, size: int = ..., frame: int = ..., most: int = ...) -> PIL.Image.Image:
        """The photo with the mesh and the landmarks drawn over it: triangles of the face that look at the
        camera

        Parameters
        ----------
        size
            Pixels of the longer side, 16 .. 4096
        frame
            Number of the photo
        most
            Triangles drawn at most"""

    @overload
    def render(
        self,
        kind: str = ...,
        *,
        yaw: float | None = ...,
        pitch: float | None = ...,
        size: int = ...,
        light: Any = ...,
        expression: Any = ...,
        as_array: Literal[False] = ...,
        samples: int = ...,
        background: float | None = ...,
        frame: int = ...,
        lashes: bool | None = ...,
    ) -> PIL.Image.Image:
        """The face as it looks from here, in this light

        Parameters
        ----------
        kind
            face, clay, normal, depth, uv, albedo (or diffuse), specular, roughness or wireframe
        yaw
            Degrees from the upright front view; positive turns the nose to the picture's right
        pitch
            Degrees; positive looks from above. Without yaw and pitch: as in the photo
        size
            Pixels of the longer side, 16 .. 4096
        light
            What `as_light` takes; None: that of the photo
        expression
            As of `with_`, for this picture alone; None: that of the photo
        as_array
            Numbers instead of a picture
        samples
            Rays per pixel
        background
            Linear grey behind the head; None: transparent. Without meaning for arrays
        frame
            Number of the photo
        lashes
            Drawn over a picture of the kind face; None: where its maps lack the photo's

        Returns
        -------
            With `as_array` float32 [H, W, C + 1]: linear colours times coverage, and coverage"""

    @overload
    def render(
        self,
        kind: str = ...,
        *,
        yaw: float | None = ...,
        pitch: float | None = ...,
        size: int = ...,
        light: Any = ...,
        expression: Any = ...,
        as_array: Literal[True],
        samples: int = ...,
        background: float | None = ...,
        frame: int = ...,
        lashes: bool | None = ...,
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
        """Another face, that differs in what is named; this one stays as it is

        Parameters
        ----------
        expression
            Name -> weight, the others stay; all weights [E]; or 'neutral'
        light
            What `as_light` takes
        yaw
            Degrees from the upright front view: the head turns where it stands
        pose
            A rotation [3, 3] or a pose [4, 4] (mm) of the head in the axes of the viewer
        maps
            diffuse, specular, roughness -> [T, T, C] in linear light; those that are not named stay
        frame
            Number of the photo whose expression, light and pose are meant"""

    def view(self, *, size: int = ..., frame: int = ..., live: bool | None = ..., still: bool = ..., **traits) -> Any:
        """The face in 3D, to be turned by hand; a picture where there is nobody to turn it

        Parameters
        ----------
        size
            Pixels of each side
        frame
            Number of the photo whose pose, expression and light it begins with
        live
            False: the picture in any case; None: live where there is a kernel
        still
            Of the live view: with a picture for pages without WebGL
        traits
            Of the live view: mode='clay', expressions=10 ..., see `output.viewer.FaceViewer`

        Returns
        -------
            A `FaceViewer`, or a Pillow image"""

    def distance(self, other: Reconstruction, *, neutral: bool = ..., scale: bool = ...) -> Distance:
        """How far the other face lies from this one, once it is moved and turned onto it by the vertices of
        the face

        Parameters
        ----------
        other
            Of the same model
        neutral
            Both without expression: how different two people are. False: as the photos show them
        scale
            The other one is brought to the same size as well: a photo does not tell it

        Returns
        -------
            mm at each vertex, `.median` over the face"""

    def compare(
        self, other: Reconstruction, *, size: int = ..., yaw: float = ..., samples: int = ..., neutral: bool = ...
    ) -> PIL.Image.Image:
        """Both from the front, as they look and as clay, and how far apart they are

        Parameters
        ----------
        size
            Pixels of each side of a picture
        yaw
            Degrees from the upright front view
        samples
            Rays per pixel
        neutral
            The distance without expressions; False: with those of the photos"""

STRANGER: Any
ROUGH: int
LEAST_SHAPE: int
BLURRED: float

def shape_distances(model: FaceModel, frames: list) -> np.ndarray:
    """How far apart the shapes are that the landmarks of each photo alone tell: 1 minus the cosine of
    their angle

    Parameters
    ----------
    frames
        of `Frame`

    Returns
    -------
        [n, n], 0 .. 2"""

def stranger(distances: np.ndarray) -> int | None:
    """The photo that is farthest from the others, if it is too far

    Parameters
    ----------
    distances
        [n, n] from `shape_distances`

    Returns
    -------
        None: nobody is"""

def fine_contrast(frame: Frame, eyes: float = ..., ruler: float | None = ...) -> float:
    """Fine contrasts over coarse ones, in the square around the landmarks

    Parameters
    ----------
    frame
        With landmarks
    eyes
        Pixels between the outer corners of the eyes at which all photos are compared
    ruler
        Pixels of `unturned_eye_distance`; None: as the picture shows the eyes

    Returns
    -------
        about .4 to .5; less: blurred"""

def leave_out_photos(result: Reconstruction) -> Reconstruction:
    """Leave out photos of somebody else, and blurred ones, and say so

    Parameters
    ----------
    result
        From `begin`, of one photo or several; changed in place"""

def weigh_photos(result: Reconstruction) -> Reconstruction:
    """Let each of several photos count by the pixels that its face has, and by its sharpness; 1 for the
    best

    Parameters
    ----------
    result
        From `begin`, of one photo or several; changed in place"""

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
    """Fit one person to one or more photos, step by step

    Parameters
    ----------
    photos
        One photo (a `Photo`, or what `load_photo` takes), a list or a generator: frames of one
        person
    model
        None: the one that the config names
    landmarks
        `Landmarks` for each photo, or None: detect
    stages
        What to run, stages of `make_stages` or names; None: what the config describes
    start
        Go on from this face instead of the mean one
    pipeline
        Reuse one
    state
        Of the first stage: to go on in its middle, and to look into
    result
        Of the stages before these, to go on with, or from `begin`
    face
        Which of several faces, numbered by size (1 is the largest), or a list with one number for
        each photo; None: the largest
    detector
        Finds the landmarks; None: the one that the config names
    watch
        Called with each `Progress` and the face as it is then, as `output.debug.DebugFiles` is;
        None: nobody looks
    terms
        `LossTerm` from outside the package, see `optim.losses`

    Returns
    -------
        its return value is the Reconstruction"""

def chosen_stages(config: Config, stages: list | None = ..., terms=...) -> list:
    """The stages of the config, or those asked for by name or given as they are

    Parameters
    ----------
    stages
        Names, or stages as they are; None: all
    terms
        `LossTerm` from outside the package, for those that are not given as they are

    Returns
    -------
        see `make_stages`"""

def outside_terms(stages: list) -> list:
    """The `LossTerm` from outside the package in them; what they compute is nowhere kept

    Parameters
    ----------
    stages
        As of `chosen_stages`

    Returns
    -------
        of dict: name, stage, weight"""

def begin(
    photos, pipeline: Pipeline, config: Config | None = ..., landmarks=..., face=..., detector=...
) -> Reconstruction:
    """Frames of all photos with the mean face

    Parameters
    ----------
    photos
        As of `reconstruct_steps`
    config
        None: the pipeline's
    landmarks
        `Landmarks` for each photo, or None: detect
    face
        Which of several faces, as of `reconstruct_steps`
    detector
        Finds the landmarks; None: the one that the config names

    Returns
    -------
        Not fitted yet; with what was said of the photos, and how long it took"""

def joined(parts: list) -> Reconstruction:
    """The same of all photos

    Parameters
    ----------
    parts
        of `Reconstruction` from `begin`, each of one photo of the same person"""

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
    stages: list | None = ...,
) -> Reconstruction:
    """A face from a photo: the short way

    Parameters
    ----------
    photo
        A path, bytes, an open file, a Pillow image, an array (uint8: sRGB, float: light) or a
        `Photo`; or a list or generator of them: photos of one person
    config
        None: the default preset
    landmarks
        `Landmarks`, or a list of them; None: detect
    output
        Folder for the results; None: write nothing
    progress
        Called with each `Progress`
    face
        Which of several faces, numbered by size; 1 is the largest. A list: one number for each
        photo. None: the largest
    terms
        `LossTerm` from outside the package, see `optim.losses`
    stages
        Names of stages, such as ['landmarks', 'photometric']; None: all"""

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
        """Fit, write everything into the output folder, and return the result

        Parameters
        ----------
        path
            A photo, or a folder of photos
        sharedIdentity
            The folder shows one person
        checkpoint
            Go on from this file
        progress
            Called with each `Progress`

        Returns
        -------
            of them for a folder of strangers"""

from nextgenface_nb.results.arrays import Frames
from nextgenface_nb.results.arrays import Expression
from nextgenface_nb.results.arrays import PhotoCamera
from nextgenface_nb.results.arrays import Maps
from nextgenface_nb.results.arrays import FoundLight
from nextgenface_nb.results.arrays import FoundLandmarks
from nextgenface_nb.results.arrays import Report
from nextgenface_nb.results.arrays import DrawnAgain
from nextgenface_nb.results.films import Film
from nextgenface_nb.results.pictures import Distance
