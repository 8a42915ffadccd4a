__version__ = "0.0.1"

# The public names, and where each lives. They load when first used, so that importing the package costs nothing.
_PUBLIC = {
    'Config': 'config', 'Face': 'face', 'FaceError': 'errors', 'FaceModel': 'facemodel.interface', 'Frame': 'face',
    'Identity': 'face', 'Optimizer': 'reconstruction', 'Pipeline': 'pipeline', 'Reconstruction': 'reconstruction',
    'Renderer': 'rendering.renderer', 'load_model': 'facemodel.model', 'load_photo': 'imaging', 'reconstruct': 'reconstruction'}

__all__ = ['__version__', *_PUBLIC]

def __getattr__(name):
    if name not in _PUBLIC: raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from importlib import import_module
    value = globals()[name] = getattr(import_module(f'{__name__}.{_PUBLIC[name]}'), name)
    return value

def __dir__(): return sorted({*globals(), *_PUBLIC})
