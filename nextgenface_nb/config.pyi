# Made by tools/stubs.py from the module beside it
"""Every setting of a reconstruction: typed, with unit and range, from presets, files, or one by one"""

from __future__ import annotations
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from .errors import ConfigError

__all__ = [
    "STAGE_NAMES",
    "LANDMARKS",
    "PHOTOMETRIC",
    "TEXTURE",
    "WORDS",
    "KINDS",
    "FIELDS",
    "RENAMED",
    "RENAMED_VALUES",
    "PHOTO_WEIGHT",
    "LEGACY",
    "IGNORED",
    "PRESETS",
    "parse_value",
    "of_kind",
    "setting",
    "allowed",
    "CheckedSettings",
    "Config",
    "unknown_setting",
    "of_one_line",
    "check_value",
    "renamed_value",
    "renamed_name",
    "renamed_settings",
    "renamed",
    "Legacy",
    "as_config",
    "split_line",
    "read_lines",
    "read_json",
    "explain",
]
STAGE_NAMES: Any
WORDS: Any
KINDS: Any

def parse_value(text: str, kind: type) -> bool | int | float | str:
    """Turn text into a value of a type; `ValueError` if it is none

    Parameters
    ----------
    text
        As it stands in a file, quotes removed
    kind
        bool, int, float or str"""

def of_kind(value, kind: type):
    """`value` as an instance of `kind`; `ValueError` if it is not one

    Parameters
    ----------
    value
        What somebody assigned: text is parsed, numbers may be NumPy's
    kind
        bool, int, float or str"""

def setting(
    default: Any,
    text: str,
    unit: str = ...,
    low: float = ...,
    high: float = ...,
    choices: tuple = ...,
    files: tuple = ...,
) -> Any:
    """A documented field of `Config`

    Parameters
    ----------
    default
        Also says the type
    text
        What it does
    unit
        'px', 'rad' ...; '' if it has none
    low
        Smallest value allowed
    high
        Largest value allowed
    choices
        The values allowed; () leaves it to the range
    files
        Endings of files that are allowed beside the choices

    Returns
    -------
        a field of a dataclass"""

def allowed(f) -> str:
    """What a field accepts, in words

    Returns
    -------
        'from 1 to 12', 'one of cpu, cuda' or what type"""

class CheckedSettings:
    """The door to `Config`: names and values are checked when they are set, and old names understood."""

    @property
    def notes(self) -> list:
        """What the user of an old file should know: units that changed, keys without effect

        Returns
        -------
            of sentences"""

    def note(self, text: str):
        """Add to the notes, once

        Parameters
        ----------
        text
            A sentence"""

@dataclass
class Config(CheckedSettings):
    """The settings of a reconstruction."""

    device: str = ...
    renderer: str = ...
    model: str = ...
    detector: str = ...
    detector_uncertainty: float = ...
    landmark_model: str = ...
    light: str = ...
    max_resolution: int = ...
    texture_resolution: int = ...
    displacement: float = ...
    components: int = ...
    bands: int = ...
    environment_height: int = ...
    focal: str = ...
    exif_focal: bool = ...
    focal_length: float = ...
    optimize_focal_length: bool = ...
    steps_landmarks: int = ...
    steps_shading: int = ...
    steps_photometric: int = ...
    steps_texture: int = ...
    leave_out: str = ...
    leave_out_photos: bool = ...
    steps_detail: int = ...
    samples_train: int = ...
    samples_final: int = ...
    noise_final: float = ...
    seed: int = ...
    deterministic: bool = ...
    weight_landmarks: float = ...
    weight_shape: float = ...
    weight_expression: float = ...
    weight_albedo: float = ...
    weight_eye_white: float = ...
    weight_light: float = ...
    weight_light_colour: float = ...
    weight_light_smooth: float = ...
    weight_diffuse_symmetry: float = ...
    weight_diffuse_consistency: float = ...
    weight_diffuse_smoothness: float = ...
    weight_specular_symmetry: float = ...
    weight_specular_consistency: float = ...
    weight_specular_smoothness: float = ...
    weight_roughness_symmetry: float = ...
    weight_roughness_consistency: float = ...
    weight_roughness_smoothness: float = ...
    rate_shape: float = ...
    rate_expression: float = ...
    rate_albedo: float = ...
    rate_pose: float = ...
    rate_focal: float = ...
    rate_light: float = ...
    rate_diffuse: float = ...
    rate_specular: float = ...
    rate_roughness: float = ...
    save_exr: bool = ...
    save_intermediate: bool = ...

    @classmethod
    def preset(cls, name: str = ...) -> Config:
        """The settings of a preset

        Parameters
        ----------
        name
            fast, default, quality or shadows"""

    def set(self, *assignments: str) -> Config:
        """Set settings from text

        Parameters
        ----------
        assignments
            'key=value', old or new names

        Returns
        -------
            itself"""

    def fillFromDicFile(self, path: str | Path) -> Config:
        """Take over all settings of a file

        Parameters
        ----------
        path
            Today's format or that of NextFace and NextGenFace

        Returns
        -------
            itself"""

    @classmethod
    def load(cls, path: str | Path) -> Config:
        """The defaults with the settings of a file

        Parameters
        ----------
        path
            Today's format or that of NextFace and NextGenFace"""

    def to_dict(self) -> dict:
        """All settings

        Returns
        -------
            name -> value"""

    def to_text(self) -> str:
        """All settings as the text of a file"""

    def save(self, path: str | Path):
        """Write all settings, whole or not at all: with their meaning, or as JSON where the name ends in .json

        Parameters
        ----------
        path
            Written anew"""

    def describe(self, changed: bool = ...) -> str:
        """All settings with value, range and meaning

        Parameters
        ----------
        changed
            Only what differs from the default

        Returns
        -------
            A Markdown table"""

FIELDS: Any

def unknown_setting(name: str, where: str = ...) -> ConfigError:
    """The error for a name that is no setting, with the most similar ones

    Parameters
    ----------
    name
        What somebody wrote
    where
        'my.ini, line 3: ', or nothing"""

def of_one_line(text: str) -> bool:
    """Can a line of a file of settings hold this text?"""

def check_value(name: str, value, f=...):
    """`value` as the setting's type; `ConfigError` if the setting cannot have it

    Parameters
    ----------
    name
        Of a setting
    value
        Of any type
    f
        What it accepts, from `setting`; None: the setting of this name"""

RENAMED: Any
RENAMED_VALUES: Any

def renamed_value(name: str, value):
    """A value under the name that it has today

    Parameters
    ----------
    name
        Of a setting
    value
        Of any type"""

def renamed_name(name: str) -> str:
    """A name in a file, as it is called today

    Parameters
    ----------
    name
        With dots between its parts"""

def renamed_settings(kept):
    """The same under the names of today

    Parameters
    ----------
    kept
        Settings in a file: a dict; anything else stays as it is"""

def renamed(kept):
    """The same with today's names in every part

    Parameters
    ----------
    kept
        What JSON can hold"""

class Legacy(NamedTuple):
    """What an old name means today."""

    name: str
    to_own: Callable = ...
    to_old: Callable = ...
    note: str = ...

    def write(self, config: Config, value):
        """Set today's setting from an old value

        Parameters
        ----------
        config
            Changed in place
        value
            Of the old name; text is parsed"""

    def read(self, config: Config):
        """The old value of today's setting"""

PHOTO_WEIGHT: Any
LEGACY: Any
IGNORED: Any
PRESETS: dict[str, dict]

def as_config(config) -> Config:
    """The settings that are meant; `ConfigError` for what is none

    Parameters
    ----------
    config
        What somebody has given; None: nothing"""

def split_line(text: str) -> tuple:
    """The two sides of an equals sign; `ValueError` if there is none

    Parameters
    ----------
    text
        'key = value # comment'

    Returns
    -------
        key, value without quotes; '' '' for an empty line"""

def read_lines(path: str | Path) -> list:
    """All settings in a text file

    Parameters
    ----------
    path
        Text file

    Returns
    -------
        of (place, key, value)"""

def read_json(path: str | Path) -> list:
    """All settings in a JSON file

    Parameters
    ----------
    path
        An object of settings, or the report of a run

    Returns
    -------
        of (place, key, value)"""

def explain(name: str) -> str:
    """What a setting does, what it accepts, which presets change it and what it used to be called

    Parameters
    ----------
    name
        Of a setting, today's or an old one

    Returns
    -------
        Some lines of text"""
