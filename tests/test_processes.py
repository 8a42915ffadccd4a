("A fork after the first use is an error at once, everywhere; a fork before it works. Names of all bytes in what is "
 "printed and kept")
import os, subprocess, sys
from pathlib import Path
import pytest

needs_fork = pytest.mark.skipif(not hasattr(os, 'fork'), reason='there is no fork here')
ROOT = Path(__file__).resolve().parent.parent

def python(program, *arguments, timeout=300):
    "What a program in a process of its own prints, line by line"
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', program, *arguments], capture_output=True, text=True,
        timeout=timeout,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join([str(ROOT), os.environ.get('PYTHONPATH', '')])))
    assert done.returncode==0, done.stderr[-2000:]
    return done.stdout.splitlines()

AFTER_USE = """
import multiprocessing, os, sys, torch
from nextgenface_nb.config import Config
from nextgenface_nb.errors import DeviceError
from nextgenface_nb.facemodel.model import load_model, toy_model
from nextgenface_nb.geometry.camera import Camera
from nextgenface_nb.imaging import Photo, load_photo, portrait_path
from nextgenface_nb.landmarks.detection import make_detector
from nextgenface_nb.optim import stages
from nextgenface_nb import reconstruction as optimizer
from nextgenface_nb.output.panels import result_panels
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.rendering.renderer import Renderer
from nextgenface_nb.rendering.variant import use_variant
from nextgenface_nb.rendering.vertex import VertexRenderer
from nextgenface_nb.evaluation import truth
from nextgenface_nb.output.checkpoint import load_face
from nextgenface_nb.evaluation.synthetic import synthetic_face
from nextgenface_nb import processes
processes._threads_work = lambda *_: sys.exit('tried, which takes seconds')   # what is known needs no trial
config = Config(renderer='vertex', max_resolution=64, texture_resolution=64, bands=3, environment_height=8)
pipeline = Pipeline(toy_model(), config)
made = synthetic_face(pipeline, size=32, samples=1)
face,frame = made.face,made.face.frames[0]
renderer = pipeline.renderer(frame)
result = optimizer.Reconstruction(face, pipeline)
photo = Photo(torch.zeros(32, 32, 3))
size = renderer.triangles,renderer.uvs,32,32,32,(8,16)
entries = {
    'Pipeline': lambda: Pipeline(pipeline.model, config),
    'Pipeline.render': lambda: pipeline.render(face),
    'Pipeline.vertices': lambda: pipeline.vertices(face),
    'result_panels': lambda: result_panels(pipeline, face),
    'Renderer': lambda: Renderer(*size),
    'VertexRenderer': lambda: VertexRenderer(*size),
    'VertexRenderer.coverage': lambda: renderer.coverage(pipeline.world_vertices(face), frame.camera),
    'make_detector': lambda: make_detector('mediapipe'),
    'load_photo': lambda: load_photo(portrait_path()),
    'load_model': lambda: load_model(),
    'load_face': lambda: load_face('face.npz', pipeline.model),
    'reconstruct': lambda: optimizer.reconstruct(portrait_path()),
    'Optimizer': lambda: optimizer.Optimizer('.', config),
    'run': lambda: list(stages.run(stages.make_stages(config)[0], pipeline, face)),
    'measures': lambda: result.measures(1),
    'save': lambda: result.save('nowhere'),
    'use_variant': lambda: use_variant(),
    'true_face': lambda: truth.true_face(truth.Settings(), 'A', 0),
}
def attempt(name):
    try: entries[name]()
    except DeviceError as e: return f"{name}: {'spawn' in str(e)}"
    except BaseException as e: return f'{name}: {type(e).__name__} {e}'
    return f'{name}: works'
def copied():
    child = os.fork()
    if not child:
        for name in entries: print(attempt(name), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
copied()
print('pool', flush=True)
with multiprocessing.get_context('fork').Pool(2) as pool:
    for line in pool.map(attempt, entries): print(line, flush=True)
print('parent', attempt('Pipeline.render'), flush=True)
"""

@needs_fork
def test_every_entry_says_spawn_in_a_process_that_was_forked_after_use():
    lines = python(AFTER_USE)
    forked,pool = lines[:lines.index('pool')],lines[lines.index('pool')+1:-1]
    assert len(forked)>=17 and len(pool)==len(forked)
    assert [line for line in forked+pool if not line.endswith(': True')]==[]
    assert lines[-1]=='parent Pipeline.render: works'

BEFORE_USE = """
import multiprocessing, os, torch
from nextgenface_nb import Config, Optimizer, Renderer, load_photo, reconstruct       # imported, not used
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.evaluation.synthetic import synthetic_face
def work(renderer):
    pipeline = Pipeline(toy_model(), Config(renderer=renderer, max_resolution=64, texture_resolution=64, bands=3, environment_height=8))
    return renderer, float(synthetic_face(pipeline, size=32, samples=1).face.frames[0].photo.pixels.mean())
with multiprocessing.get_context('fork').Pool(2) as pool: there = pool.map(work, ['vertex', 'mitsuba'])
here = [work('vertex'), work('mitsuba')]
for (name,a),(_,b) in zip(there, here): print(name, abs(a-b)<1e-3, a>0)
"""

@needs_fork
def test_a_fork_before_the_first_use_works_in_both_processes():
    assert python(BEFORE_USE)==['vertex True True', 'mitsuba True True']

def test_nothing_sleeps_but_by_the_function_that_forgives(monkeypatch):
    "A clock that is set meanwhile may end a sleep with EINVAL, which is no fault of a disk, a lock or a batch"
    import errno, re, time
    from nextgenface_nb import processes
    def fail(seconds): raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    monkeypatch.setattr(time, 'sleep', fail)
    processes.rest(.01)
    texts = {f.name:f.read_text(encoding='utf-8') for f in (ROOT/'nextgenface_nb').rglob('*.py')}
    assert [n for n,text in texts.items() for _ in re.findall(r'(?<!asyncio\.)\bsleep\(', text)]==['processes.py']
