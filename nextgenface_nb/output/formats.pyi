# Made by tools/stubs.py from the module beside it
"""The one table of what can be written: by `result.save`, by `nextgenface-export`, and by formats of
your own"""

from __future__ import annotations
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = [
    "ENV_FOR",
    "ENV_AROUND",
    "FORMATS",
    "SYNONYMS",
    "OutputOptions",
    "Format",
    "register_format",
    "format_names",
    "format_help",
    "chosen_formats",
    "write_formats",
]
ENV_FOR: Any
ENV_AROUND: Any

@dataclass
class OutputOptions:
    """How files are to be written

    Parameters
    ----------
    space
        Of OBJ and PLY: 'model', 'viewer' or 'camera'
    neutral
        The same as the pose 'neutral'
    quality
        JPEG instead of PNG in the GLB, 1 .. 95
    merged
        GLB with one scene and one object
    bake
        GLB without morph targets: the expression is in the vertices
    dense
        GLB without sparse accessors, for readers that do not know them
    env_for
        The program that reads the environment map, of `ENV_FOR`
    env_around
        What the light stands around, of `ENV_AROUND`
    samples
        Rays per pixel of pictures; None: as the config says
    rays
        Called with (rays done, all rays) while pictures are drawn
    fit
        The `Reconstruction`; None: there is only its face
    measures
        Figures of the fit, a dict for each photo: found as it is drawn
    kept
        Names of files of an earlier run that stay beside these
    own
        For formats from outside
    parts
        Names of parts and regions of the head, see `surface_of`; None: all
    detail
        Of `output.surface.DETAILS`: 'coarse', 'model' or 'fine'
    lashes
        GLB and OBJ with lashes; None: OBJ without, GLB where no parts are named
    cornea
        GLB with corneas"""

    space: str = ...
    neutral: bool = ...
    quality: int | None = ...
    merged: bool = ...
    bake: bool = ...
    dense: bool = ...
    env_for: str = ...
    env_around: str = ...
    samples: int | None = ...
    rays: Callable | None = ...
    fit: Any = ...
    measures: list = ...
    kept: list = ...
    own: dict = ...
    pose: str | None = ...
    parts: str | tuple | list | None = ...
    detail: str = ...
    lashes: bool | None = ...
    cornea: bool = ...

    def __post_init__(self): ...
    def mesh(self) -> dict:
        """What meshes and cameras take"""

    def surface(self) -> dict:
        """Which surface meshes have"""

    def obj(self) -> dict:
        """What OBJ takes"""

    def glb(self) -> dict:
        """What GLB takes"""

    def posed(self) -> int | None:
        """The photo that the GLB of the person shows first; None: the neutral face

        Returns
        -------
            Number of a photo"""

@dataclass(frozen=True)
class Format:
    """One kind of output

    Parameters
    ----------
    name
        For `formats=` and `--format`
    suffix
        What its files end in; of several the first
    text
        For the help
    write
        Function of face, pipeline, folder and `OutputOptions`; returns the paths of its files, a
        list
    brings
        Names of formats without which it would be half a thing
    of_fit
        It needs `options.fit`, which is not in a checkpoint
    standard
        `save` writes it unless others are named"""

    name: str
    suffix: str
    text: str
    write: Callable
    brings: tuple = ...
    of_fit: bool = ...
    standard: bool = ...

FORMATS: dict[str, Format]
SYNONYMS: Any

def register_format(name: str, suffix: str, text: str, **more) -> Callable:
    """Put a format into the table; `ConfigError` where the name is another's

    Parameters
    ----------
    name
        Small letters, digits, - and _
    suffix
        '.csv'
    text
        A line for the help
    more
        brings, of_fit, standard: see `Format`

    Returns
    -------
        Decorator of the function that writes"""

def format_names(of_fit: bool = ...) -> list:
    """What can be asked for

    Parameters
    ----------
    of_fit
        Those too that need the fit

    Returns
    -------
        of names"""

def format_help(of_fit: bool = ...) -> str:
    """Names and what they are, for the help of a command

    Parameters
    ----------
    of_fit
        Those too that need the fit"""

def chosen_formats(names, of_fit: bool = ..., kind: type = ...) -> list:
    """What was asked for; an error of this kind where there is no such format

    Parameters
    ----------
    names
        Iterable of names
    of_fit
        Is there a fit?
    kind
        Of the error

    Returns
    -------
        of `Format`, each once, with those that they bring behind"""

def write_formats(formats: list, face, pipeline, folder: Path, options: OutputOptions, progress=...) -> list:
    """Write them all, one after the other

    Parameters
    ----------
    formats
        of `Format`
    face
        A `Face`
    pipeline
        A `Pipeline`
    folder
        That is being made
    progress
        Called with the name of what is being written

    Returns
    -------
        of paths"""
