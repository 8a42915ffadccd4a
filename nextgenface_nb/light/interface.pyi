# Made by tools/stubs.py from the module beside it
"""What a light must be able to do so that every part of the library can use it: shine, be fitted, be
saved"""

from __future__ import annotations
from abc import ABC, abstractmethod
from typing import Any, ClassVar, TypeVar
from torch import Tensor
from typing_extensions import Self

__all__ = [
    "FINE",
    "PORTION",
    "WEIGHED",
    "LIGHTS",
    "GROUP",
    "AnyLight",
    "Emitter",
    "Movable",
    "bounded",
    "Light",
    "register_light",
    "light_kind",
    "is_kind",
    "light_class",
    "check_light",
]

class Emitter(ABC):
    """What shines: a dataclass whose fields are float32 tensors."""

    kind: ClassVar[str] = ...
    near: ClassVar[bool] = ...
    __dataclass_fields__: ClassVar[dict[str, Any]]

    @abstractmethod
    def environment(self, height: int = ...) -> Tensor:
        """The light as an environment map; the middle column is what comes from the viewer

        Parameters
        ----------
        height
            Rows of the map; it has twice as many columns

        Returns
        -------
            [height, 2 height, 3] linear radiance, not negative; differentiable by the unknowns"""

    @abstractmethod
    def turned(self, degrees: float) -> Self:
        """The same light from elsewhere

        Parameters
        ----------
        degrees
            About the vertical axis: what came from the front comes from image right at 90"""

    @abstractmethod
    def scaled(self, factor: Tensor | float) -> Self:
        """The same light, each colour times a factor

        Parameters
        ----------
        factor
            [] or [3], at least 0; its history is kept"""

    def tensors(self) -> dict:
        """All that it consists of

        Returns
        -------
            name -> tensor"""

    def arrays(self) -> dict:
        """What a checkpoint stores

        Returns
        -------
            name -> NumPy array"""

    @classmethod
    def from_arrays(cls, arrays: dict) -> Self:
        """The light that was stored"""

    def shapes(self) -> dict:
        """What the arrays of a file must look like to be this light

        Returns
        -------
            name -> sizes, None for any"""

    def __repr__(self):
        """What it consists of, without the numbers"""

    def radiance(self, points: Tensor, directions: Tensor) -> Tensor:
        """What arrives at points; of a light from far away the environment's, wherever the point

        Parameters
        ----------
        points
            [..., 3] mm from the middle of the head, axes of the viewer
        directions
            [..., 3] unit, toward where the light comes from; to be broadcast with points

        Returns
        -------
            [..., 3] linear, not negative; of a light that is near differentiable by the unknowns"""

FINE: int

class Movable(Emitter):
    """Light with unknowns."""

    harmonic: ClassVar[str] = ...

    def unknowns(self) -> dict:
        """What a fit may change; empty: the light is known but for its brightness

        Returns
        -------
            name of a field -> tensor"""

    def units(self) -> dict:
        """What is usual for an unknown; 1 for those that are not named

        Returns
        -------
            name of an unknown -> number or tensor, more than 0"""

    def bounds(self) -> dict:
        """Between which values an unknown stays, anywhere if it is not named; what `scaled` enlarges has no
        upper bound

        Returns
        -------
            name of an unknown -> (low, high), each a number, a tensor or None"""

    def flat(self) -> Tensor:
        """The unknowns one after the other

        Returns
        -------
            [n]"""

    def replaced(self, flat: Tensor) -> Self:
        """The light with other unknowns

        Parameters
        ----------
        flat
            [n] as of `flat`"""

    def moved(self, change: Tensor) -> Self:
        """The light a step further, within its bounds

        Parameters
        ----------
        change
            [n]"""

    def held(self, slope: Tensor) -> Tensor:
        """Which unknowns stand at a bound with less energy beyond it

        Parameters
        ----------
        slope
            [n] of an energy

        Returns
        -------
            [n] bool"""

    def harmonics(self, bands: int) -> Tensor:
        """What of the light is seen on a face

        Parameters
        ----------
        bands
            1 .. 12

        Returns
        -------
            [bands^2, 3]"""

    def linear(self, bands: int) -> tuple:
        """The harmonics, and how they follow the unknowns

        Parameters
        ----------
        bands
            1 .. 12

        Returns
        -------
            harmonics [bands^2, 3]; of each colour (numbers [m] of unknowns, Jacobian [bands^2, m])"""

    def harmonics_at(self, points: Tensor, bands: int) -> Tensor:
        """What of the light is seen at points of a face

        Parameters
        ----------
        points
            [N, 3] mm, see `radiance`
        bands
            1 .. 12

        Returns
        -------
            [N, bands^2, 3]"""

    def linear_at(self, points: Tensor, bands: int) -> tuple:
        """The harmonics at points, and how they follow the unknowns

        Parameters
        ----------
        points
            [N, 3] mm, see `radiance`
        bands
            1 .. 12

        Returns
        -------
            harmonics [N, bands^2, 3]; of each colour (numbers [m] of unknowns, Jacobian [N, bands^2,
            m])"""

PORTION: int

def bounded(value: Tensor, low=..., high=...) -> Tensor:
    """Not below and not above

    Parameters
    ----------
    low
        Number or tensor; None: no bound
    high
        Likewise"""

WEIGHED: Any

class Light(Movable):
    """A light that a fit can look for, and what it expects of it."""

    @classmethod
    def start(cls, bands: int) -> Self:
        """What a fit begins with that looks for such a light

        Parameters
        ----------
        bands
            Of the harmonics that the config asks for"""

    def residuals(self, arriving: Tensor | None = ...) -> dict:
        """What is expected of the unknowns

        Parameters
        ----------
        arriving
            [bands^2], times the harmonics: what falls on the skin on average

        Returns
        -------
            name -> [m], differentiable by the unknowns"""

    def priors(self, arriving: Tensor | None = ...) -> dict:
        """The same with Jacobian

        Parameters
        ----------
        arriving
            [bands^2]

        Returns
        -------
            name -> (residuals [m], Jacobian [m, n])"""

    def penalties(self) -> dict:
        """The same as single numbers with history

        Returns
        -------
            name -> []"""

    def started(self, gain: Tensor, bands: int) -> Self:
        """The light with which stage 2 begins

        Parameters
        ----------
        gain
            [] radiance of the mean skin in the photo over its albedo"""

    def facing(self) -> Tensor:
        """What a white surface that faces the camera shows; light from behind still lights something

        Returns
        -------
            []"""

LIGHTS: dict[str, type[Emitter]]
GROUP: str
AnyLight = TypeVar("AnyLight", bound=Light)

def register_light(light: type[AnyLight]) -> type[AnyLight]:
    """From now on a checkpoint may hold such lights

    Parameters
    ----------
    light
        A dataclass, child of `Light`, with all that `Emitter` asks for

    Returns
    -------
        the same one; a decorator"""

def light_kind(light) -> str:
    """The name under which a checkpoint stores this kind of light"""

def is_kind(name: str) -> bool:
    """Is there such a kind of light, here or in an installed package?"""

def light_class(kind: str) -> type[Emitter]:
    """The class of a kind

    Returns
    -------
        `LightError` if there is none"""

def check_light(light: Light, bands: int = ..., seed: int = ...):
    """`LightError` where a light does not do what others rely on

    Parameters
    ----------
    bands
        Of the harmonics that are compared
    seed
        Of the direction in which derivatives are compared"""
