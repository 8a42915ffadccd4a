"""A small head for tests of the commands that fit a real photo and do not care how well: half the time of a run goes into
reading, fitting and writing the 30,266 vertices and 52 expressions of the model that comes with the library."""
import atexit, shutil, tempfile
from functools import lru_cache
from pathlib import Path

@lru_cache(None)
def model_file()->str:
    "Of this process, gone with it"
    from nextgenface_nb.facemodel.model import toy_model
    folder = tempfile.mkdtemp(prefix='small_head')
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    toy_model().save(Path(folder)/'toy.h5')
    return f'{folder}/toy.h5'

def small_head()->list: # of flags
    "For a command"
    return ['--set', f'model={model_file()}']
