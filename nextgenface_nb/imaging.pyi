# Made by tools/stubs.py from the module beside it
"""From a photo file to linear light, to a square crop around the face, and back"""

from __future__ import annotations
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
import numpy as np
import torch
from torch import Tensor
from .colour import Colour, Lattice

__all__ = [
    "SUFFIXES",
    "PhotoSource",
    "WHITE",
    "BLACK",
    "to_srgb",
    "from_srgb",
    "to_bytes",
    "save_png",
    "overlay",
    "Photo",
    "Raster",
    "well_exposed",
    "load_photo",
    "read_photo_file",
    "load_values",
    "portrait_path",
    "resampling_matrix",
    "scan_folder",
    "load_folder",
]

def to_srgb(linear: Tensor | np.ndarray) -> Tensor | np.ndarray:
    """Linear light to sRGB.

    Parameters
    ----------
    linear
        Linear light, any shape; values outside [0, 1] are clipped

    Returns
    -------
        sRGB values in [0, 1], of the same kind"""

def from_srgb(srgb: Tensor | np.ndarray) -> Tensor | np.ndarray:
    """sRGB to linear light.

    Parameters
    ----------
    srgb
        sRGB values in [0, 1], any shape

    Returns
    -------
        Linear light in [0, 1], of the same kind"""

def to_bytes(picture: Tensor | np.ndarray, srgb: bool = ...) -> np.ndarray:
    """Round to 8 bits: for files and for the screen.

    Parameters
    ----------
    picture
        [H, W], or [H, W, C] with 1, 3 or 4 channels
    srgb
        Encode as sRGB; False for values that are not light, such as roughness

    Returns
    -------
        uint8, same shape, less a single channel; a fourth channel (alpha) is never encoded"""

def save_png(path: str | Path, picture: Tensor | np.ndarray, srgb: bool = ...):
    """Save linear light as a PNG file.

    Parameters
    ----------
    path
        Where to; the folder is made
    picture
        Linear light [H, W], or [H, W, C] with 1, 3 or 4 channels
    srgb
        Encode as sRGB; False for values that are not light"""

def overlay(background: Tensor, picture: Tensor, coverage: Tensor | None = ...) -> Tensor:
    """A picture over another, mixed as light and not as codes.

    Parameters
    ----------
    background
        Linear light [H, W, 3]
    picture
        Linear light [H, W, 3 or 4]
    coverage
        How much of each pixel the picture covers [H, W]; None: its fourth channel

    Returns
    -------
        [H, W, 3]"""

@dataclass
class Photo:
    """Linear light, and the part of the original that it shows.

    Parameters
    ----------
    pixels
        Linear light [H, W, 3], float32
    path
        File that it was read from
    offset
        Where the upper left corner lies in the original, original pixels (x, y)
    scale
        Pixels per original pixel
    original_size
        Width and height of the original, after rotation
    alpha
        Opacity [H, W], 0..1, where the file has any
    inside
        Where the original has opaque pixels [H, W], bool; None: everywhere
    exposed
        How much of a pixel is neither burnt out nor black [H, W], 0..1; None: all of it
    exif
        What the file says of its lens, see `lens.read_exif`; None: nothing
    sha256
        Of the bytes that were decoded; empty: unknown"""

    pixels: Tensor
    path: str = ...
    offset: tuple = ...
    scale: float = ...
    original_size: tuple = ...
    alpha: Tensor | None = ...
    inside: Tensor | None = ...
    exposed: Tensor | None = ...
    exif: dict | None = ...
    sha256: str = ...

    def __post_init__(self): ...
    @property
    def height(self) -> int: ...
    @property
    def width(self) -> int: ...
    def __repr__(self): ...
    def to_original(self, points: Tensor) -> Tensor:
        """Parameters
        ----------
        points
            [..., 2] in this photo, pixels

        Returns
        -------
            [..., 2] in the original, pixels"""

    def from_original(self, points: Tensor) -> Tensor:
        """Parameters
        ----------
        points
            [..., 2] in the original, pixels

        Returns
        -------
            [..., 2] in this photo, pixels"""

    def principal_point(self) -> Tensor:
        """Where the axis of the lens meets this photo: in the middle of the original.

        Returns
        -------
            [2], pixels; may lie outside of a crop"""

    def composited(self, background: float = ...) -> Tensor:
        """The photo as one sees it: over a plain background where it is transparent.

        Parameters
        ----------
        background
            Linear light behind what is transparent

        Returns
        -------
            [H, W, 3]"""

    def to_bytes(self) -> np.ndarray:
        """Returns
        -------
            sRGB uint8 [H, W, 3]"""

    def image(self) -> Any:
        """The photo as a picture

        Returns
        -------
            A Pillow image, sRGB"""

    def __array__(self, dtype=..., copy=...) -> np.ndarray:
        """Returns
        -------
            [H, W, 3] linear"""

    def to(self, device: torch.device | str) -> Photo:
        """The same with its tensors there

        Parameters
        ----------
        device
            Of PyTorch"""

    def crop(self, left: float, top: float, side: float, size: int) -> Photo:
        """A square part, resized. Where it leaves the photo the edge is repeated, and `inside` is False.

        Parameters
        ----------
        side
            Side of the square, pixels
        size
            Side of the result, pixels

        Returns
        -------
            size x size"""

    def crop_face(self, points: Tensor, max_resolution: int = ..., margin: float = ...) -> Photo:
        """The square around a face that has room for the whole head. It stays within the photo as far as it
        can.

        Parameters
        ----------
        points
            The face's landmarks in this photo [L, 2], pixels
        max_resolution
            Side of the result, pixels
        margin
            Side of the square in units of the landmarks' box

        Returns
        -------
            max_resolution x max_resolution"""

SUFFIXES: Any
PhotoSource: Any

@dataclass
class Raster:
    """Codes of a picture, as they lie in the file, and what they mean.

    Parameters
    ----------
    width
        Before it is turned upright
    channels
        1 grey, 2 grey and alpha, 3 colours, 4 colours and alpha
    most
        The largest code
    colour
        None: they are light
    orientation
        As EXIF numbers them: how to turn it upright
    lens
        What the camera says of its lens, see `lens.read_exif`; None: nothing"""

    rows: Callable
    width: int
    height: int
    channels: int
    most: int = ...
    colour: Colour | Lattice | None = ...
    orientation: int = ...
    lens: dict | None = ...

WHITE: Any
BLACK: Any

def well_exposed(codes: Tensor | np.ndarray) -> Tensor | np.ndarray:
    """How far a pixel says how much light there was: 0 where a channel is burnt out, or where all of them
    are black

    Parameters
    ----------
    codes
        [..., C] of grey or of colours, as shares of the largest code

    Returns
    -------
        [...] 0..1, of the same kind"""

def load_photo(source: PhotoSource, name: str = ...) -> Photo:
    """Read a photo as linear light, upright.
    Files are JPEG, PNG, WebP, TIFF, AVIF, HEIC ...: 8 or 16 bits, grey or colour, with or without
    transparency.
    Arrays of uint8 and uint16 hold sRGB codes, those of floats linear light, 1 for white. The digest is
    of the bytes
    that were decoded; of Pillow images and arrays, of their pixels.

    Parameters
    ----------
    source
        A path; the bytes of a file, or a file opened for reading; a Pillow image; an array or
        tensor [H, W] or [H, W, 1 to 4]
    name
        What to call it, where it is no path"""

def read_photo_file(path: str | os.PathLike) -> bytes:
    """The bytes of a photo's file; `PhotoError` where there are none, or too many."""

def load_values(source: PhotoSource, name: str = ...) -> Tensor:
    """A grey picture of values that are not light: codes as they are, of colours the weighted mean.

    Parameters
    ----------
    source
        As for `load_photo`

    Returns
    -------
        [H, W] float32, 0 to 1"""

def portrait_path() -> Path:
    """The bundled portrait: Eileen Collins, photographed by NASA (public domain)."""

def resampling_matrix(start: float, length: float, count: int, size: int) -> Tensor:
    """Lanczos weights of old pixels in new ones, along one axis.

    Parameters
    ----------
    start
        Where the first new pixel begins, old pixels
    length
        What the new pixels cover together, old pixels
    count
        Number of new pixels
    size
        Number of old pixels; beyond them the last one is repeated

    Returns
    -------
        [count, size], rows sum to 1"""

def scan_folder(path: str | Path, recursive: bool = ..., without=...) -> tuple:
    """The photos of a folder, and what is in it besides.

    Parameters
    ----------
    path
        A folder with photos
    recursive
        Those in its subfolders too
    without
        Folders that are not entered, such as the one for results

    Returns
    -------
        (paths of photos, sorted; list of (path, reason) of what is left out)"""

def load_folder(path: str | Path, recursive: bool = ...) -> list[Path]:
    """The photos of a folder.

    Parameters
    ----------
    path
        A folder with photos
    recursive
        Those in its subfolders too

    Returns
    -------
        Their paths, sorted by name; other files are left out"""
