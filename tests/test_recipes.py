"""The recipes of nbs/tutorials/35_recipes.ipynb: ten lines at most, and those that need a package of others are run as they
stand there, where it is installed (make recipes)"""
import ast, importlib.util, json, os, re, shutil, subprocess, sys
from pathlib import Path
import numpy as np, pytest
from PIL import Image
import nextgenface_nb as ngf
from nextgenface_nb.imaging import portrait_path
ROOT = Path(__file__).resolve().parent.parent
PAGE = json.loads((ROOT/'nbs'/'tutorials'/'35_recipes.ipynb').read_text(encoding='utf-8'))
#: Small enough for a test
TINY = "ngf.Config.preset('fast').set('max_resolution=96').set('steps_texture=5').set('texture_resolution=128')"

def recipes()->list: # of str
    "Code that is shown to be copied"
    text = '\n'.join(''.join(c['source']) for c in PAGE['cells'] if c['cell_type']=='markdown')
    return re.findall(r'```python\n(.*?)```', text, re.S)

def cells()->list: # of str
    "Code that is run on the page; the first two install and make the toys"
    shown = [''.join(c['source']) for c in PAGE['cells'] if c['cell_type']=='code']
    return [text for text in shown[2:] if not text.startswith('#| hide')]

def recipe(words:str, **changes)->str:
    "The one with these words, some of it in another way"
    found = [text for text in recipes() if words in text]
    assert len(found)==1, words
    for old,new in changes.values():
        assert old in found[0], old
        found = [found[0].replace(old, new)]
    return found[0]

def needs(*packages):
    "A test of a recipe for packages of others"
    missing = [p for p in packages if not importlib.util.find_spec(p)]
    why = f'needs {" and ".join(missing)}, which no command of the library installs: make recipes'
    return pytest.mark.skipif(bool(missing), reason=why)

@pytest.fixture
def here(tmp_path, monkeypatch):
    "A folder of its own; a saved result, and the portrait under the names that the recipes use"
    monkeypatch.chdir(tmp_path)
    (tmp_path/'photos').mkdir()
    for name in ('a.jpg', 'b.jpg', 'c.jpg', 'photos/me.jpg'): shutil.copy(portrait_path(), tmp_path/name)
    return tmp_path

@pytest.fixture(scope='module')
def face(): return ngf.load(ROOT/'tests'/'old_results'/'portrait.jpg')

def run_script(text:str, folder:Path)->str: # what it prints
    (folder/'recipe.py').write_text(text, encoding='utf-8')
    done = subprocess.run([sys.executable, 'recipe.py'], cwd=folder, capture_output=True, text=True, timeout=600,
        env={**os.environ, 'PYTHONPATH':str(ROOT)})
    assert not done.returncode, done.stderr
    return done.stdout

def lines(text:str)->int: return sum(bool(line.strip()) for line in text.splitlines())

def test_each_has_ten_lines_at_most():
    for text in recipes()+cells(): assert lines(text)<=10, text

def test_whatever_was_asked_for_is_there():
    for words in ('trimesh', 'csv', 'pandas', 'ProcessPoolExecutor', 'dask', 'pyvista', 'bpy', 'torch.optim', 'FastAPI',
        'gradio'): assert sum(words in text for text in recipes()+cells())>=1, words
    for text in recipes()+cells(): ast.parse(text)

@pytest.mark.slow
@needs('pandas')
def test_a_folder_in_pandas(here):
    quick = "reconstruct_folder('photos/', "
    said = run_script(recipe('reconstruct_folder', quick=(quick, f'{quick}{TINY}, ')), here)
    assert 'me.jpg' in said and (here/'results').is_dir()

@pytest.mark.slow
@needs('dask')
def test_dask(here):
    said = run_script(recipe('dask.bag', quick=('reconstruct(path)', f'reconstruct(path, {TINY})')), here)
    found = ast.literal_eval(said.strip().splitlines()[-1].replace('nan', 'None'))
    assert [row['photo'] for row in found]==['a.jpg', 'b.jpg', 'c.jpg'] and all(row['psnr']>15 for row in found)

@needs('pyvista')
def test_pyvista(here, face):
    "A head before a white wall, upright: hair above, its colours on it"
    exec(recipe('pyvista'), dict(face=face))
    seen = np.asarray(Image.open('me.png').convert('RGB'), float)
    head = seen.min(-1)<250
    rows,columns = np.nonzero(head)
    assert seen.shape==(512, 512, 3) and .1<head.mean()<.7
    assert abs(columns.mean()-256)<30 and abs(rows.mean()-256)<60
    assert seen[head].std(0).min()>15

@needs('bpy')
def test_blender(here, face):
    ngf.export_face(face.pipeline, face.face, here/'blender', ['posed', 'env'], merged=True, env_for='blender')
    more = """
width,height = sky.image.size
print(width==2*height>0, len(tree.links), head.data.shape_keys.key_blocks['jawOpen'].value>.5, flush=True)
import os; os._exit(0)   # as a Python module Blender ends with a crash now and then
"""
    assert run_script(recipe('import bpy')+more, here).splitlines()[-1]=='True 2 True'

@pytest.mark.slow
@needs('fastapi', 'httpx', 'multipart')
def test_fastapi(here):
    from fastapi.testclient import TestClient
    names = dict()
    exec(recipe('FastAPI', quick=("ngf.Config.preset('fast')", TINY)), names)
    client = TestClient(names['app'])
    answer = client.post('/face', files=dict(photo=(here/'a.jpg').read_bytes()))
    assert answer.status_code==200 and answer.content[:4]==b'glTF'
    answer = client.post('/face', files=dict(photo=b'no picture'))
    assert answer.status_code==422 and 'not a picture' in answer.json()['detail']

@pytest.mark.slow
@needs('gradio')
def test_gradio(here):
    "The page is made, and its function gives two pictures"
    names = dict()
    exec(recipe('gradio', quick=("ngf.Config.preset('fast')", TINY), shown=('.launch()', '.close()')), names)
    seen,clay = names['work'](Image.open('a.jpg'), 30, 'left')
    assert seen.size==clay.size and np.asarray(seen).std()>10
