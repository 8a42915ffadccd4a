# Made by tools/stubs.py from the module beside it
"""From a photo file to linear light, to a square crop around the face, and back"""

from __future__ import annotations
from typing import Any
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
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
    """Linear light to sRGB."""

def from_srgb(srgb: Tensor | np.ndarray) -> Tensor | np.ndarray:
    """sRGB to linear light."""

def to_bytes(picture: Tensor | np.ndarray, srgb: bool = ...) -> np.ndarray:
    """Round to 8 bits: for files and for the screen."""

def save_png(path: str | Path, picture: Tensor | np.ndarray, srgb: bool = ...):
    """Save linear light as a PNG file."""

def overlay(background: Tensor, picture: Tensor, coverage: Tensor | None = ...) -> Tensor:
    """A picture over another, mixed as light and not as codes."""

@dataclass
class Photo:
    """Linear light, and the part of the original that it shows."""

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
    def to_original(self, points: Tensor) -> Tensor: ...
    def from_original(self, points: Tensor) -> Tensor: ...
    def principal_point(self) -> Tensor:
        """Where the axis of the lens meets this photo: in the middle of the original."""

    def composited(self, background: float = ...) -> Tensor:
        """The photo as one sees it: over a plain background where it is transparent."""

    def to_bytes(self) -> np.ndarray: ...
    def to(self, device: torch.device | str) -> Photo:
        """The same with its tensors there"""

    def crop(self, left: float, top: float, side: float, size: int) -> Photo:
        """A square part, resized. Where it leaves the photo the edge is repeated, and `inside` is False."""

    def crop_face(self, points: Tensor, max_resolution: int = ..., margin: float = ...) -> Photo:
        """The square around a face that has room for the whole head. It stays within the photo as far as it
        can."""

SUFFIXES: Any
PhotoSource: Any

@dataclass
class Raster:
    """Codes of a picture, as they lie in the file, and what they mean."""

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
    are black"""

def load_photo(source: PhotoSource, name: str = ...) -> Photo:
    """Read a photo as linear light, upright.
    Files are JPEG, PNG, WebP, TIFF, AVIF, HEIC ...: 8 or 16 bits, grey or colour, with or without
    transparency.
    Arrays of uint8 and uint16 hold sRGB codes, those of floats linear light, 1 for white. The digest is
    of the bytes
    that were decoded; of Pillow images and arrays, of their pixels."""

def read_photo_file(path: str | os.PathLike) -> bytes:
    """The bytes of a photo's file; `PhotoError` where there are none, or too many."""

def load_values(source: PhotoSource, name: str = ...) -> Tensor:
    """A grey picture of values that are not light: codes as they are, of colours the weighted mean."""

def portrait_path() -> Path:
    """The bundled portrait: Eileen Collins, photographed by NASA (public domain)."""

def resampling_matrix(start: float, length: float, count: int, size: int) -> Tensor:
    """Lanczos weights of old pixels in new ones, along one axis."""

def scan_folder(path: str | Path, recursive: bool = ..., without=...) -> tuple:
    """The photos of a folder, and what is in it besides."""

def load_folder(path: str | Path, recursive: bool = ...) -> list[Path]:
    """The photos of a folder."""
