__version__ = "0.0.1"

# The public names, and where each lives. They load when first used, so that importing the package costs nothing.
_OFFERED = {
    'config': 'Config setting',
    'errors': '''BusyError CheckpointError ConfigError DeviceError FaceError GeometryError LandmarkError LightError
        ModelError NoFaceError OutputError PhotoError RenderError''',
    'face': 'Face Frame Identity',
    'facemodel.interface': 'Coefficients Embedding FaceModel check_model',
    'facemodel.model': 'load_model',
    'geometry.camera': 'Camera',
    'imaging': 'Photo load_photo portrait_path',
    'landmarks.detection': 'Landmarks load_landmarks save_landmarks',
    'light.interface': 'Light check_light register_light',
    'optim.losses': 'Candidate LossTerm',
    'output.checkpoint': 'load_face save_face',
    'output.export': 'export_face',
    'output.formats': 'OutputOptions register_format',
    'output.replay': 'Path3D replay_steps write_film',
    'pipeline': 'Pipeline',
    'reconstruction': 'Optimizer Reconstruction reconstruct_steps',
    'results.files': 'load',
    'results.folder': 'reconstruct_folder',
    'results.steps': 'fit reconstruct',
    'rendering.renderer': 'Renderer'}

# Modules that give further names to the classes of a module, and load with it
_WITH = {
    'face': ['results.shown'],
    'facemodel.model': ['results.shown'],
    'reconstruction': ['results.arrays', 'results.pictures', 'results.films', 'results.files', 'results.shown']}

_PUBLIC = {name:module for module,names in _OFFERED.items() for name in names.split()}

__all__ = ['__version__', *sorted(_PUBLIC)]

# For type checkers and editors, which run nothing
TYPE_CHECKING = False
if TYPE_CHECKING:
    from .config import Config as Config, setting as setting
    from .errors import (BusyError as BusyError, CheckpointError as CheckpointError, ConfigError as ConfigError,
        DeviceError as DeviceError, FaceError as FaceError, GeometryError as GeometryError,
        LandmarkError as LandmarkError, LightError as LightError, ModelError as ModelError, NoFaceError as NoFaceError,
        OutputError as OutputError, PhotoError as PhotoError, RenderError as RenderError)
    from .face import Face as Face, Frame as Frame, Identity as Identity
    from .facemodel.interface import (Coefficients as Coefficients, Embedding as Embedding, FaceModel as FaceModel,
        check_model as check_model)
    from .facemodel.model import load_model as load_model
    from .geometry.camera import Camera as Camera
    from .imaging import Photo as Photo, load_photo as load_photo, portrait_path as portrait_path
    from .landmarks.detection import (Landmarks as Landmarks, load_landmarks as load_landmarks,
        save_landmarks as save_landmarks)
    from .light.interface import Light as Light, check_light as check_light, register_light as register_light
    from .optim.losses import Candidate as Candidate, LossTerm as LossTerm
    from .output.checkpoint import load_face as load_face, save_face as save_face
    from .output.export import export_face as export_face
    from .output.formats import OutputOptions as OutputOptions, register_format as register_format
    from .output.replay import Path3D as Path3D, replay_steps as replay_steps, write_film as write_film
    from .pipeline import Pipeline as Pipeline
    from .reconstruction import (Optimizer as Optimizer, Reconstruction as Reconstruction,
        reconstruct_steps as reconstruct_steps)
    from .rendering.renderer import Renderer as Renderer
    from .results.files import load as load
    from .results.folder import reconstruct_folder as reconstruct_folder
    from .results.steps import fit as fit, reconstruct as reconstruct

def __getattr__(name):
    if name not in _PUBLIC: raise AttributeError(_absent(name), name=name)
    from importlib import import_module
    home = _PUBLIC[name]
    for module in (home, *_WITH.get(home, ())): import_module(f'{__name__}.{module}')
    from .helptext import put_texts
    put_texts()
    value = globals()[name] = getattr(import_module(f'{__name__}.{home}'), name)
    return value

def _absent(name):
    "What Python says of an attribute that is none, and the nearest public name"
    said = f'module {__name__!r} has no attribute {name!r}'
    if name.startswith('_'): return said
    from .names import similar
    near = similar(name, _PUBLIC, 1)
    return f'{said}. Did you mean {near[0]!r}?' if near else said

def __dir__(): return sorted({*globals(), *_PUBLIC})
