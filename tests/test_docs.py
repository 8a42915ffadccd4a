"The documentation tools find what is wrong; the bundled scripts carry their notices"
import re, subprocess, sys
from pathlib import Path
import pytest
ROOT = Path(__file__).resolve().parent.parent

def test_links_for_colab_are_current():
    done = subprocess.run([sys.executable, ROOT/'tools'/'colab.py', '--check'], capture_output=True, text=True)
    assert done.returncode==0, done.stderr

def tool():
    "tools/site.py, under a name that is not Python's own"
    from importlib.util import module_from_spec, spec_from_file_location
    spec = spec_from_file_location('documentation_site', ROOT/'tools'/'site.py')
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

@pytest.mark.parametrize('body,words',
    [('<a href="b.html">b</a>', 'no such file'), ('<a href="#x">x</a>', 'no such place'),
    ('<a href="other.html#y">y</a>', 'no such place'),
    ('<img src="https://example.org/a.png">', 'from outside'),
    ('<script src="//example.org/a.js"></script>', 'from outside'), ('<img src="a.png">', 'no such file')])
def test_a_dead_link_is_found(tmp_path, body, words):
    (tmp_path/'a.html').write_text(body)
    (tmp_path/'other.html').write_text('<p id="here">')
    found = list(tool().problems(tmp_path))
    assert len(found)==1 and words in found[0]

def test_good_links_are_left_alone(tmp_path):
    (tmp_path/'a.html').write_text(
        '<p id="x"><a href="#x">x</a><a href="sub/">s</a><a href="other.html#here">o</a><a '
        'href="https://example.org">e</a><img src="data:,">')
    (tmp_path/'other.html').write_text('<p id="here">')
    (tmp_path/'sub').mkdir()
    (tmp_path/'sub'/'index.html').write_text('')
    assert not list(tool().problems(tmp_path))

def test_names_and_links_of_pages():
    t = tool()
    assert t.page_name(Path('tutorials/10_first_face.ipynb'))=='tutorials/first_face' and t.page_name(
        Path('59_optim.stages.ipynb'))=='optim.stages'
    assert t.links(
        '[r](../38_rendering.renderer.ipynb) [f](/face.html#face)')=='[r](../rendering.renderer.ipynb) [f](#face.face)'

def test_the_bundled_view_carries_its_licence():
    text = (ROOT/'nextgenface_nb'/'widgets'/'viewer.js').read_text(encoding='utf-8')
    assert 'The MIT License' in text[:2000] and 'three.js authors' in text[:2000] and len(text)<1_000_000
    assert 'three.js authors' in (ROOT/'NOTICE').read_text(encoding='utf-8')

def test_a_program_of_another_language_is_no_python():
    "A cell that writes it to a file is shown in its own language"
    t = tool()
    found = t.in_another_language('%%writefile {folder}/three.mjs\n// a comment\nimport x\n')
    assert found=='`three.mjs`:\n\n```javascript\n// a comment\nimport x\n```'
    assert t.in_another_language('x = 1')==''

def test_every_page_stands_in_a_room_of_the_sidebar():
    "None is left for the last group, which has no name of its own"
    t = tool()
    pages = [t.page_name(p.relative_to(ROOT/'nbs')) for p in (ROOT/'nbs').rglob('*.ipynb') if 'checkpoints' not in str(p)]
    lost = [p for p in pages if p!='index' and not any(re.search(pattern, p) for _,pattern,_ in t.GROUPS[:-1])]
    assert not lost and all(line for _,_,line in t.GROUPS)

def test_the_first_page_opens_with_the_live_view():
    "Below the pictures, before any command; the cell that made it keeps its picture"
    t = tool()
    output = dict(output_type='execute_result', data={t.VIEW:dict(model_id='a'), 'image/png':'x', 'text/plain':'y'})
    page = dict(cells=[t.markdown('# name'), t.markdown('<img src="images/front_turning.webp">'), t.markdown('make demo'),
        dict(cell_type='code', source='result', metadata={}, outputs=[output])])
    t.view_first(page)
    kinds = [list(c['outputs'][0]['data']) if c.get('outputs') else c['source'][:9] for c in page['cells']]
    assert kinds==['# name', '<img src=', t.TURN_IT[:9], [t.VIEW, 'text/plain'], 'make demo', ['image/png', 'text/plain']]
    bare = dict(cells=[t.markdown('# name')])
    t.view_first(bare)
    assert len(bare['cells'])==1

def test_readme_shows_the_pictures_of_the_first_page():
    readme = (ROOT/'README.md').read_text(encoding='utf-8')
    shown = re.findall(r'<img src="([^"]+)"', readme)
    assert [Path(p).stem for p in shown]==['front_photo', 'front_overlay', 'front_clay', 'front_turning']
    assert all((ROOT/p).is_file() for p in shown) and readme.index('<img')<readme.index('```')
    assert sum((ROOT/p).stat().st_size for p in shown)<1.5e6
