# Made by tools/stubs.py from the module beside it
"""One stage of a fit in the hand: its weights and rates, its steps, what it carries from one step to
the next"""

from __future__ import annotations
from collections.abc import Iterator, Sequence
from typing import Any
from torch import Tensor
from ..face import Face
from ..optim.stages import Progress
from ..pipeline import Pipeline

__all__ = ["StageFit", "tuned_parts", "steps_of"]

class StageFit:
    """One stage of a fit, taken step by step; the face that it fits is given with the steps."""

    stage: Any
    name: Any
    pipeline: Pipeline

    def __init__(self, pipeline: Pipeline, name: str, terms: Sequence = ...) -> None:
        """Parameters
        ----------
        name
            landmarks, photometric or texture
        terms
            `LossTerm` from outside the package, see `optim.losses`"""

    def __repr__(self): ...
    @property
    def tuned(self) -> list:
        """Whose weights and rates can be changed, also between two steps

        Returns
        -------
            of what has `weights` and `rates`, name -> number"""

    @property
    def count(self) -> int:
        """How many steps it is going to say it has"""

    def forget(self):
        """What a run carried; the next one begins anew"""

    def steps(self, face: Face, carried: dict | None = ..., *, held: Sequence = ...) -> Iterator[Progress]:
        """Run it, or what is left of it; a step may be followed by others or not

        Parameters
        ----------
        face
            Changed in place
        carried
            From `carried`, with the face as it was then: go on there
        held
            In stage 1: rotation, position, focal; they stand still

        Returns
        -------
            One per step"""

    def carried(self) -> dict:
        """What the next step needs besides the face

        Returns
        -------
            name -> tensor; it may change with the next step: keep a copy"""

    def seen(self, face: Face, i: int = ...) -> Tensor | None:
        """The face as the solver of stage 3 sees it

        Parameters
        ----------
        i
            Number of the photo

        Returns
        -------
            [H, W, 4] linear and coverage; None: no step of stage 3 was taken"""

def tuned_parts(stage) -> list:
    """The stage, and the part of it that is tuned by itself

    Parameters
    ----------
    stage
        Of `StageFit.stage`

    Returns
    -------
        of what has `weights` and `rates`"""

def steps_of(stage) -> int:
    """How many steps a stage is going to say it has

    Parameters
    ----------
    stage
        Of `StageFit.stage`"""
