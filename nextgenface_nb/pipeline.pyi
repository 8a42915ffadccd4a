# Made by tools/stubs.py from the module beside it
"""The forward way: from the numbers that describe a face to landmarks, maps and pictures"""

from __future__ import annotations
from collections.abc import Callable
from torch import Tensor
from .config import Config
from .facemodel.interface import FaceModel
from .facemodel.displacement import Displacement
from .facemodel.texture import TextureMap
from .face import Face, Frame, Identity
from .landmarks.detection import Detector
from .light.interface import Emitter
from .rendering.interface import FaceRenderer

__all__ = ["STANDING", "PLACES", "config_detector", "Pipeline"]

def config_detector(config: Config):
    """The landmark detector that a config names, made anew"""

class Pipeline:
    """From a `Face` to everything that can be seen of it. Nothing in it changes; what takes long is made
    once, then kept"""

    model_place: str | None
    model: FaceModel
    config: Config

    def __init__(self, model: FaceModel | None = ..., config: Config | None = ...) -> None: ...
    @property
    def texture_map(self) -> TextureMap:
        """Where the texels of the maps lie on the mesh"""

    @property
    def displacement(self) -> Displacement:
        """Bumps that lift the surface off the model; made once, then kept"""

    def displacement_of(self, face: Face) -> Displacement | None:
        """The bumps, if the face has any"""

    @property
    def detector(self) -> Detector:
        """The one that the config names; made once, then kept: MediaPipe holds on to 30 MB of each that was
        ever made"""

    def layout(self, resolution: int | None = ...) -> TextureMap:
        """The same for maps of another size; made once, then kept"""

    def renderer(self, frame: Frame, i: int = ...) -> FaceRenderer:
        """The renderer for pictures of this frame's size; made once, then kept"""

    def person(self, face: Face, expression: Tensor | None = ...) -> Tensor:
        """The person's mesh: shape, expression, and the displacement where the face has one"""

    def vertices(self, face: Face, i: int = ...) -> Tensor:
        """The person's mesh with the expression of frame `i`"""

    def world_vertices(self, face: Face, i: int = ...) -> Tensor:
        """The mesh where the camera of frame `i` sees it"""

    def landmark_places(self, face: Face, i: int = ...) -> tuple:
        """Where the landmarks of photo `i` lie on the mesh; those of the outline slide over it with pose and
        shape"""

    def landmarks(self, face: Face, i: int = ...) -> Tensor:
        """Where the model's landmarks fall in photo `i`"""

    def landmark_offsets(self, face: Face, i: int = ...) -> Tensor:
        """How far the model's landmarks lie from those of photo `i`; of points that slide only what is known
        of them"""

    def model_maps(self, identity: Identity, resolution: int | None = ...) -> tuple:
        """The maps that the coefficients alone describe"""

    def maps(self, face: Face) -> tuple:
        """The face's own maps where it has them, else those of the model"""

    def render(
        self,
        face: Face,
        i: int = ...,
        samples: int | None = ...,
        seed: int = ...,
        final: bool = ...,
        maps: tuple | None = ...,
        light: Emitter | None = ...,
        silhouettes: bool = ...,
        progress: Callable | None = ...,
    ) -> Tensor:
        """Ray-trace the face as photo `i` shows it"""

    def flat(self, face: Face, i: int, values: Tensor, subpixels: int = ...) -> Tensor:
        """What the camera sees of a map, without light"""

    def face_mask(self, face: Face, i: int = ...) -> Tensor:
        """The region in which results are scored: hairline to chin, ear to ear, no mouth interior; pixels
        wholly inside"""

STANDING: int
PLACES: int
