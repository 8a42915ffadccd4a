"A user's type checker sees the public classes whole, methods that are patched in too"
import ast, inspect, os, subprocess, sys
from pathlib import Path
import pytest
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT/'tools'))
import hints, stubs

def test_the_stubs_are_those_of_today():
    there = {p:p.read_text(encoding='utf-8') for p in hints.PACKAGE.rglob('*.pyi')}
    assert there==stubs.stubs(), 'python tools/stubs.py'
    assert stubs.HELP.read_text(encoding='utf-8')==stubs.help_text(), 'python tools/stubs.py'

def test_every_offered_module_is_checked():
    import nextgenface_nb
    assert {*nextgenface_nb._PUBLIC.values()}<={*hints.PUBLIC}

CODE = '''from __future__ import annotations
from dataclasses import dataclass, field
from fastcore.basics import patch
from .ground import Thing, other
class Base:
    def __getattr__(self, name): return 1
    def __setattr__(self, name, value): pass

@dataclass
class A(Base):
    "One"
    x:int = 1
    y:float = field(repr=False)
    z:list = field(default_factory=list)
    kind = 'a'

class B:
    def __init__(self, a:A, *more, b=2):
        self.a,self._hidden = a,3
        self.b:int = b
        self.thing = Thing(a)
        self.made = other(a)

@patch
@undisturbed
def twice(self:A,
    by:int=2, # Times
)->int:
    "Twice"
    return self.x*by

@patch(as_prop=True)
def half(self:A)->float: return self.x/2

@patch
def _own(self:A): pass
'''

def test_a_stub_tells_what_there_is():
    made = {n.name:ast.unparse(n) for n in ast.parse(stubs.stub(CODE)).body if isinstance(n, ast.ClassDef)}
    assert stubs.has_patches(CODE) and not stubs.has_patches(CODE.partition('@patch\n')[0])
    assert '__getattr__' not in made['Base'] and '__setattr__' not in made['Base']
    for line in ('x: int=...', 'y: float\n', 'z: list=...', 'kind: str', 'def twice(self, by: int=...) -> int:', '@property',
        '"""Twice\n', '@dataclass'): assert line.replace('=...', ' = ...') in made['A'] or line in made['A'], line
    for line in ('a: A', 'b: int', 'thing: Thing', 'made: Any'): assert line in made['B'], line
    assert '_own' not in made['A'] and '_hidden' not in made['B'] and 'other' not in stubs.stub(CODE).partition('class')[0]

def test_methods_from_other_modules_are_there():
    other = {'b':'from a import A\nclass Made: pass\n@patch\ndef made(self:A, n:int=1)->Made: pass\n'}
    text = stubs.stub(CODE, other)
    assert 'def made(self, n: int=...) -> Made' in text and 'from nextgenface_nb.b import Made' in text

def test_properties_from_other_modules_are_properties():
    "In the class that they join; in the module that gives them there is no such function"
    guest = 'from a import A\nclass Made:\n    x:int = 1\n@patch(as_prop=True)\ndef made(self:A)->Made: pass\n'
    assert '@property\n    def made(self) -> Made' in stubs.stub(CODE, {'b':guest})
    assert 'made' not in stubs.stub(guest) and 'class Made' in stubs.stub(guest)
    assert '@property' not in hints.in_classes(guest)[0]          # mypy allows it in classes alone

def members(value:type)->set: # of str
    "Public methods and properties of a class that the package itself defines"
    own = [c for c in value.__mro__ if c.__module__.startswith('nextgenface_nb')]
    return {n for c in own for n,v in vars(c).items()
        if not n.startswith('_') and (inspect.isfunction(v) or isinstance(v, (property, classmethod, staticmethod)))}

def told(module:str)->dict: # class -> names
    "What a checker reads: the stub, else the module"
    file = hints.PACKAGE/f'{module.replace(".", "/")}.py'
    tree = ast.parse(next(f for f in (file.with_suffix('.pyi'), file) if f.is_file()).read_text(encoding='utf-8'))
    return {c.name:{n.name for n in c.body if isinstance(n, ast.FunctionDef)} for c in tree.body if isinstance(c, ast.ClassDef)}

def test_nothing_that_runs_is_missing():
    import nextgenface_nb
    for name,module in nextgenface_nb._PUBLIC.items():
        value = getattr(nextgenface_nb, name)
        if not inspect.isclass(value): continue
        above = [c for c in value.__mro__ if c.__module__.startswith('nextgenface_nb')]
        seen = set().union(*(told(c.__module__.partition('.')[2]).get(c.__name__, set()) for c in above))
        assert members(value)<=seen, (name, members(value)-seen)

def test_every_name_of_what_a_result_gives_is_in_a_stub():
    "Of the result itself, and of what its names give"
    import nextgenface_nb as ngf
    from nextgenface_nb.results import arrays, pictures, steps
    kinds = [ngf.Reconstruction, arrays.PhotoCamera, arrays.Maps, arrays.FoundLight, arrays.FoundLandmarks, arrays.Expression,
        arrays.Report, arrays.Frames, arrays.DrawnAgain, pictures.Distance, steps.Step, steps.Fit]
    for kind in kinds:
        seen = told(kind.__module__.partition('.')[2])[kind.__name__]
        assert members(kind)-members(arrays.Named)<=seen, (kind, members(kind)-seen)
    assert len(members(ngf.Reconstruction))>25

def test_either_way_of_a_choice_is_told():
    "A picture, or an array where `as_array` is True"
    code = CODE+'\n@patch\ndef draw(self:A, *, n:int=1, as_array:bool=False)->int|str:\n    "Draw"\n    return 1\n'
    made = stubs.stub(code)
    assert 'def draw(self, *, n: int=..., as_array: Literal[False]=...) -> int' in made and made.count('@overload')==2
    assert 'def draw(self, *, n: int=..., as_array: Literal[True]) -> str' in made and 'import Literal, overload' in made
    assert 'overload' not in stubs.stub(CODE)

USER = '''
from dataclasses import dataclass, replace
import torch
from nextgenface_nb import (Camera, Candidate, Config, Face, FaceModel, Light, LossTerm, OutputOptions, Photo, Pipeline,
    check_light, load_photo, reconstruct, register_format, register_light, setting)

@register_light
@dataclass
class Even(Light):
    colour: torch.Tensor
    kind = 'even'
    def environment(self, height: int = 64) -> torch.Tensor: return self.colour.expand(height, 2*height, 3)
    def turned(self, degrees: float) -> 'Even': return self
    def scaled(self, factor: torch.Tensor | float) -> 'Even': return replace(self, colour=self.colour*factor)

def small(c: Candidate) -> torch.Tensor: return c.face.identity.shape.square().mean()
term = LossTerm('small', 'photometric', small, setting=setting(1., 'how much', low=0.))

@register_format('names', '.txt', 'names')
def write(face: Face, pipeline: Pipeline, folder: str, options: OutputOptions) -> list: return [options.space]

config = Config.preset('fast').set('bands=5')
photo: Photo = load_photo('a.jpg').crop_face(torch.zeros(5, 2), 256)
result = reconstruct(photo, config=config)
pipeline = Pipeline(None, config)
picture = pipeline.render(result.face, samples=8, final=True)
check_light(Even(torch.ones(3)).moved(torch.zeros(3)))
mesh = pipeline.model.jacobian(result.face.identity.shape)
size: int = Camera(torch.tensor(1.), torch.zeros(2), 8, 8).width
smile = result.with_(expression=dict(jawOpen=.6), light='left', yaw=20)
weight: float = smile.expression['jawOpen']
apart: float = result.distance(smile, scale=False).median
parts = result.frames[0].vertices, result.maps.diffuse, result.camera.matrix('opencv', 'm'), result.landmarks.error
result.render('clay', size=64).save('clay.png')
result.render(as_array=True).mean()
'''
WRONG = ("pipeline.render(result.face, sample=8)", "pipeline.rendr(result.face)", "config.max_resolutoin = 3",
    "result.vertice", "result.render(yawn=3)", "result.camera.k", "result.frames[0].vertice", "result.distance('a')",
    "result.expression.strongst()", "Config.preset(3)", "result.face.frames.light", "setting('a')", "register_light(3)", "load_photo('a.jpg').crop(1)")

def test_mypy_takes_a_users_script_and_sees_what_is_wrong(tmp_path):
    pytest.importorskip('mypy')
    (tmp_path/'mypy.ini').write_text('[mypy]\nfollow_imports = silent\nfollow_imports_for_stubs = true\n'
        'ignore_missing_imports = true\n'
        '[mypy-torch.*,scipy.*,numpy.*,PIL.*,mitsuba.*,drjit.*,matplotlib.*,fastcore.*]\nfollow_imports = skip\n'
        'follow_imports_for_stubs = true\n')
    lines = USER.strip().split('\n')
    (tmp_path/'user.py').write_text('\n'.join([*lines, *WRONG])+'\n')
    done = subprocess.run([sys.executable, '-m', 'mypy', 'user.py'], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, 'MYPYPATH':str(ROOT)})
    found = [line for line in done.stdout.splitlines() if ': error:' in line]
    assert {int(line.split(':')[1]) for line in found}==set(range(len(lines)+1, len(lines)+len(WRONG)+1)), done.stdout+done.stderr

def test_a_stub_tells_what_the_parameters_are():
    "Docments are comments, which no editor shows; below the docstring they are what it shows on hovering"
    text = """from fastcore.basics import patch
class A:
    x = 1

@patch
def grow(self:A,
    by:int=2, # Times
    # Where it is written,
    # or nowhere
    to:str='',
    plain:bool=False,
    *rest,    # More
)->int: # Of the result
    "Larger"

@patch
def bare(self:A, x:int, y:int)->int: return x # a remark
"""
    made = {n.name:n for n in ast.walk(ast.parse(stubs.stub(text))) if isinstance(n, ast.FunctionDef)}
    assert ast.get_docstring(made['grow'])=="""Larger

Parameters
----------
by
    Times
to
    Where it is written, or nowhere
rest
    More

Returns
-------
    Of the result"""
    assert ast.get_docstring(made['bare'])=='Returns\n-------\n    a remark'

def test_the_stub_of_a_result_tells_what_render_takes():
    text = (ROOT/'nextgenface_nb'/'reconstruction.pyi').read_text(encoding='utf-8')
    assert 'Degrees from the upright front view; positive turns the nose to the picture' in text
