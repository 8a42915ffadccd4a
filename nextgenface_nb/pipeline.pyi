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

    def __init__(self, model: FaceModel | None = ..., config: Config | None = ...) -> None:
        """Parameters
        ----------
        model
            None: the model that the config names
        config
            None: the default preset"""

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
        """The renderer for pictures of this frame's size; made once, then kept

        Parameters
        ----------
        i
            Its number in the face"""

    def person(self, face: Face, expression: Tensor | None = ...) -> Tensor:
        """The person's mesh: shape, expression, and the displacement where the face has one

        Parameters
        ----------
        face
            Its identity is used
        expression
            [E]; None: the neutral face

        Returns
        -------
            [V, 3] mm, in the model's own frame"""

    def vertices(self, face: Face, i: int = ...) -> Tensor:
        """The person's mesh with the expression of frame `i`

        Parameters
        ----------
        face
            Identity and frames
        i
            Frame

        Returns
        -------
            [V, 3] mm, in the model's own frame"""

    def world_vertices(self, face: Face, i: int = ...) -> Tensor:
        """The mesh where the camera of frame `i` sees it

        Parameters
        ----------
        face
            Identity and frames
        i
            Frame

        Returns
        -------
            [V, 3] mm, camera at the origin, y up"""

    def landmark_places(self, face: Face, i: int = ...) -> tuple:
        """Where the landmarks of photo `i` lie on the mesh; those of the outline slide over it with pose and
        shape

        Parameters
        ----------
        face
            Identity and frames
        i
            Frame

        Returns
        -------
            `Embedding` of `frame.landmarks.ids`; what is known of each [L, 2, 2], None: all of all"""

    def landmarks(self, face: Face, i: int = ...) -> Tensor:
        """Where the model's landmarks fall in photo `i`

        Parameters
        ----------
        face
            Identity and frames
        i
            Frame

        Returns
        -------
            [L, 2] pixels, for `frame.landmarks.ids`"""

    def landmark_offsets(self, face: Face, i: int = ...) -> Tensor:
        """How far the model's landmarks lie from those of photo `i`; of points that slide only what is known
        of them

        Parameters
        ----------
        face
            Identity and frames
        i
            Frame

        Returns
        -------
            [L, 2] pixels"""

    def model_maps(self, identity: Identity, resolution: int | None = ...) -> tuple:
        """The maps that the coefficients alone describe

        Parameters
        ----------
        identity
            Its coefficients and base roughness are used, not its maps
        resolution
            Texels along each side; None: as the config says

        Returns
        -------
            diffuse [T,T,3], specular [T,T,3], roughness [T,T,1]"""

    def maps(self, face: Face) -> tuple:
        """The face's own maps where it has them, else those of the model

        Parameters
        ----------
        face
            Its identity is used

        Returns
        -------
            diffuse [T,T,3], specular [T,T,3], roughness [T,T,1]"""

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
        """Ray-trace the face as photo `i` shows it

        Parameters
        ----------
        face
            Identity and frames
        i
            Frame
        samples
            Per pixel; None: the config's, for training or for the final picture
        seed
            Of the random numbers
        final
            Many samples in passes, without gradients; where `samples` does not say how many, no more
            than `noise_final` asks for
        maps
            Other maps than the face's
        light
            Another light than the frame's
        silhouettes
            Gradients of the outline as well
        progress
            Of a final picture: called with (rays done, all rays) after each pass

        Returns
        -------
            [H, W, 4] linear RGB and coverage"""

    def flat(self, face: Face, i: int, values: Tensor, subpixels: int = ...) -> Tensor:
        """What the camera sees of a map, without light

        Parameters
        ----------
        face
            Identity and frames
        i
            Frame
        values
            [T, T, C] texture, or [V, C] one value per vertex
        subpixels
            Rays per pixel along each axis

        Returns
        -------
            [H, W, C + 1] values times coverage, and coverage"""

    def face_mask(self, face: Face, i: int = ...) -> Tensor:
        """The region in which results are scored: hairline to chin, ear to ear, no mouth interior; pixels
        wholly inside

        Parameters
        ----------
        face
            Identity and frames
        i
            Frame

        Returns
        -------
            [H, W] bool"""

STANDING: int
PLACES: int
