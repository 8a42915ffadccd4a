"The tutorials stand on the names of a result: all of them on the cheat sheet, few imports, no long helpers"
import ast, json, re
from pathlib import Path
import pytest
import nextgenface_nb as ngf
from nextgenface_nb.results.arrays import DrawnAgain, Expression, FoundLandmarks, FoundLight, Maps, PhotoCamera
from nextgenface_nb.results.pictures import Distance
from nextgenface_nb.results.steps import Fit, Step
ROOT = Path(__file__).resolve().parent.parent
TUTORIALS = ROOT/'nbs'/'tutorials'
#: Tutorials in the names of a result; the others are about what lies below it
REWRITTEN = ['05_cheat_sheet', '10_first_face', '30_relighting', '35_recipes', '40_own_loop', '50_several_photos',
    '60_report_card', '70_bad_light', '85_camera']

def cells(name:str, kind:str='code')->list: # of str
    "Of a tutorial; without the lines that only a notebook knows"
    book = json.loads((TUTORIALS/f'{name}.ipynb').read_text(encoding='utf-8'))
    texts = [''.join(c['source']) for c in book['cells'] if c['cell_type']==kind]
    return [re.sub('^[%!].*$', '', t, flags=re.M) for t in texts if not t.startswith('%%')]

def places(code:str)->set: # of names of modules of ours
    "From where something of the library is imported"
    nodes = list(ast.walk(ast.parse(code)))
    found = [n.module for n in nodes if isinstance(n, ast.ImportFrom)]
    found += [a.name for n in nodes if isinstance(n, ast.Import) for a in n.names if '.' in a.name]
    return {name for name in found if name.startswith('nextgenface_nb')}

def picture_helpers(code:str)->dict: # name -> lines of its body
    "Functions that draw"
    draws = lambda f: re.search(r'imshow|subplots|hstack|Image\.', ast.unparse(f))
    length = lambda f: f.end_lineno-f.body[bool(ast.get_docstring(f))].lineno+1
    return {f.name:length(f) for f in ast.walk(ast.parse(code)) if isinstance(f, ast.FunctionDef) and draws(f)}

@pytest.mark.parametrize('name', REWRITTEN)
def test_no_more_than_two_places(name):
    "Beside the library itself, `import nextgenface_nb as ngf`"
    found = set().union(*map(places, cells(name)))
    assert len(found)<=2, found

@pytest.mark.parametrize('name', REWRITTEN)
def test_no_long_helpers_for_pictures(name):
    helpers = {k:v for code in cells(name) for k,v in picture_helpers(code).items()}
    assert all(lines<=5 for lines in helpers.values()), helpers

def test_many_places_and_long_helpers_are_found():
    assert len(places('import nextgenface_nb as n\nfrom nextgenface_nb.a import b\nimport nextgenface_nb.c, numpy.d'))==2
    long = 'def show(x):\n    "Words"\n'+'    x\n'*5+'    plt.imshow(x)'
    assert picture_helpers(long)==dict(show=6) and not picture_helpers('def add(x):\n    return x')

#: Kinds of objects, and names of them that are for those who build on them
KINDS = {ngf.Reconstruction:'', PhotoCamera:'whole', Maps:'what names keys values items get',
    FoundLight:'bands', FoundLandmarks:'', Expression:'what names keys values items get',
    DrawnAgain:'face', Step:'progress', Fit:'close steps', Distance:''}

@pytest.mark.parametrize('kind', KINDS, ids=lambda k: k.__name__)
def test_the_cheat_sheet_has_every_name(kind):
    sheet = '\n'.join(cells('05_cheat_sheet')+cells('05_cheat_sheet', 'markdown'))
    names = {n for n in dir(kind) if not n.startswith('_')}|set(getattr(kind, '__dataclass_fields__', ()))
    missing = [n for n in sorted(names-set(KINDS[kind].split())) if not re.search(rf'\b{n}\b', sheet)]
    assert not missing

def test_the_cheat_sheet_is_run():
    "Nothing in it is skipped but the line for Colab"
    assert sum('eval: false' in c for c in cells('05_cheat_sheet'))==1
