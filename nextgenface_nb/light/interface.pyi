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
        """The light as an environment map; the middle column is what comes from the viewer"""

    @abstractmethod
    def turned(self, degrees: float) -> Self:
        """The same light from elsewhere"""

    @abstractmethod
    def scaled(self, factor: Tensor | float) -> Self:
        """The same light, each colour times a factor"""

    def tensors(self) -> dict:
        """All that it consists of"""

    def arrays(self) -> dict:
        """What a checkpoint stores"""

    @classmethod
    def from_arrays(cls, arrays: dict) -> Self:
        """The light that was stored"""

    def shapes(self) -> dict:
        """What the arrays of a file must look like to be this light"""

    def __repr__(self):
        """What it consists of, without the numbers"""

    def radiance(self, points: Tensor, directions: Tensor) -> Tensor:
        """What arrives at points; of a light from far away the environment's, wherever the point"""

FINE: int

class Movable(Emitter):
    """Light with unknowns."""

    harmonic: ClassVar[str] = ...

    def unknowns(self) -> dict:
        """What a fit may change; empty: the light is known but for its brightness"""

    def units(self) -> dict:
        """What is usual for an unknown; 1 for those that are not named"""

    def bounds(self) -> dict:
        """Between which values an unknown stays, anywhere if it is not named; what `scaled` enlarges has no
        upper bound"""

    def flat(self) -> Tensor:
        """The unknowns one after the other"""

    def replaced(self, flat: Tensor) -> Self:
        """The light with other unknowns"""

    def moved(self, change: Tensor) -> Self:
        """The light a step further, within its bounds"""

    def held(self, slope: Tensor) -> Tensor:
        """Which unknowns stand at a bound with less energy beyond it"""

    def harmonics(self, bands: int) -> Tensor:
        """What of the light is seen on a face"""

    def linear(self, bands: int) -> tuple:
        """The harmonics, and how they follow the unknowns"""

    def harmonics_at(self, points: Tensor, bands: int) -> Tensor:
        """What of the light is seen at points of a face"""

    def linear_at(self, points: Tensor, bands: int) -> tuple:
        """The harmonics at points, and how they follow the unknowns"""

PORTION: int

def bounded(value: Tensor, low=..., high=...) -> Tensor:
    """Not below and not above"""

WEIGHED: Any

class Light(Movable):
    """A light that a fit can look for, and what it expects of it."""

    @classmethod
    def start(cls, bands: int) -> Self:
        """What a fit begins with that looks for such a light"""

    def residuals(self, arriving: Tensor | None = ...) -> dict:
        """What is expected of the unknowns"""

    def priors(self, arriving: Tensor | None = ...) -> dict:
        """The same with Jacobian"""

    def penalties(self) -> dict:
        """The same as single numbers with history"""

    def started(self, gain: Tensor, bands: int) -> Self:
        """The light with which stage 2 begins"""

    def facing(self) -> Tensor:
        """What a white surface that faces the camera shows; light from behind still lights something"""

LIGHTS: dict[str, type[Emitter]]
GROUP: str
AnyLight = TypeVar("AnyLight", bound=Light)

def register_light(light: type[AnyLight]) -> type[AnyLight]:
    """From now on a checkpoint may hold such lights"""

def light_kind(light) -> str:
    """The name under which a checkpoint stores this kind of light"""

def is_kind(name: str) -> bool:
    """Is there such a kind of light, here or in an installed package?"""

def light_class(kind: str) -> type[Emitter]:
    """The class of a kind"""

def check_light(light: Light, bands: int = ..., seed: int = ...):
    """`LightError` where a light does not do what others rely on"""
