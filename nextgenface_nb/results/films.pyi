# Made by tools/stubs.py from the module beside it
"""A result in motion: turned round, through its expressions, under moving light; picture by picture,
or as a file"""

from __future__ import annotations
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
import numpy as np
from ..output.replay import Path3D
from ..reconstruction import Reconstruction

__all__ = ["Film", "check_place", "save_pictures"]

@dataclass(repr=False)
class Film:
    """The pictures of a film, drawn while one goes through them.

    Parameters
    ----------
    result
        Who moves
    what
        Of `FILMS`: turntable, expressions, relight
    frame
        Number of the photo whose pose, expression and light are shown
    size
        Pixels of each side
    count
        Pictures, as asked for; `len` says how many there are
    path
        Where the camera goes
    names
        Of expressions
    samples
        Rays per pixel
    lashes
        With lashes, where the model has lids
    kinds
        What there is
    endings
        What it can be written as"""

    result: Reconstruction
    what: str
    frame: int
    size: int
    count: int
    path: Path3D
    names: list | None
    samples: int
    lashes: bool = ...
    kinds: ClassVar[tuple] = ...
    endings: ClassVar[tuple] = ...

    def __post_init__(self): ...
    def __iter__(self) -> Iterator[np.ndarray]:
        """Returns
        -------
            Of [H, W, 3] uint8"""

    def __len__(self) -> int: ...
    def __repr__(self): ...
    def check(self, path: str | Path, rate: float = ...) -> Path:
        """Refuse at once what could not be written after all pictures were drawn

        Parameters
        ----------
        path
            `.gif`, `.webp` or `.mp4` file
        rate
            Pictures per second, 1 .. 120

        Returns
        -------
            The same"""

    def save(self, path: str | Path, rate: float = ...) -> Path:
        """Draw it and write it, whole or not at all

        Parameters
        ----------
        path
            `.gif`, `.webp` or `.mp4` file
        rate
            Pictures per second, 1 .. 120"""

def check_place(path: str | Path, rate: float = ...) -> Path:
    """Refuse at once what could not be written after all pictures were drawn

    Parameters
    ----------
    path
        `.gif`, `.webp` or `.mp4` file
    rate
        Pictures per second, 1 .. 120

    Returns
    -------
        The same"""

def save_pictures(path: str | Path, pictures: Iterable[np.ndarray], rate: float = ...) -> Path:
    """Pictures of whatever moves as a film, whole or not at all

    Parameters
    ----------
    path
        `.gif`, `.webp` or `.mp4` file
    pictures
        Of [H, W, 3] uint8, all of one size; drawn one by one
    rate
        Pictures per second, 1 .. 120"""
