"The documentation tools find what is wrong; the bundled scripts carry their notices"
import json, re, subprocess, sys
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

def text_of(notebook:Path)->str:
    "All cells of text"
    cells = json.loads(notebook.read_text(encoding='utf-8'))['cells']
    return '\n'.join(''.join(c['source']) for c in cells if c['cell_type']=='markdown')

def slug(heading:str)->str:
    "The name that the site gives a heading"
    return re.sub(r'[^\w\- ]', '', heading.strip().lower()).replace(' ', '-')

def dead_anchors(texts:dict)->list: # of (notebook, link)
    "Links to headings (notebook -> text) that are not there"
    heads = {f:{slug(h) for h in re.findall(r'^#+ +(.+)$', text, re.M)} for f,text in texts.items()}
    links = [(f, path, anchor) for f,text in texts.items() for path,anchor in re.findall(r'\]\((?!http)([^)#\s]*)#([^)]+)\)', text)]
    goal = lambda f,path: (f.parent/path).resolve() if path else f
    return [(f.name, f'{path}#{anchor}') for f,path,anchor in links if anchor not in heads.get(goal(f, path), ())]

def test_links_to_headings_arrive():
    texts = {f:text_of(f) for f in (ROOT/'nbs').rglob('*.ipynb') if 'checkpoints' not in str(f)}
    assert not dead_anchors(texts) and sum('.ipynb#' in t for t in texts.values())>3

def test_a_link_to_no_heading_is_found():
    "Wrong words, another case, another page"
    a,b = ROOT/'a.ipynb',ROOT/'b.ipynb'
    texts = {a:'# A\n## Light, near `x`\n[here](#light-near-x) [no](#Light-near-x)', b:'# B\n[there](a.ipynb#light-near-x) [no](a.ipynb#b)'}
    assert dead_anchors(texts)==[('a.ipynb', '#Light-near-x'), ('b.ipynb', 'a.ipynb#b')]

def test_a_title_with_a_list_is_no_list_of_settings():
    "nbdev takes lines such as `- word: words` under a title for settings of the page, and says what it does not understand"
    first = {f.name:json.loads(f.read_text(encoding='utf-8'))['cells'][0] for f in (ROOT/'nbs').rglob('*.ipynb') if 'checkpoints' not in str(f)}
    assert not [n for n,c in first.items() if re.search(r'^- .*:', ''.join(c['source']), re.M)]

def test_a_page_shows_what_came_of_a_cell_and_not_the_cell():
    "Where the notebook asks for that; or the code behind a button"
    t = tool()
    cell = lambda words: dict(cell_type='code', source=f'#| {words}\n1+1', metadata={},
        outputs=[dict(output_type='execute_result', data={'text/plain':'2'}, metadata={}, execution_count=1)])
    page = t.convert(dict(cells=[cell(w) for w in ('hide_input', 'echo: false', 'code-fold: true', 'slow')], metadata={}), 'a', {})
    assert [c['metadata']['tags'] for c in page['cells']]==[['remove-input'], ['remove-input'], ['hide-input'], []]
    assert all(c['source']=='1+1' and c['outputs'] for c in page['cells'])

def test_the_page_on_the_architecture_knows_the_modules_of_today():
    "Its table as it is kept; the site draws picture and table anew"
    sys.path.insert(0, str(ROOT/'tools'))
    import layers
    page = (ROOT/'nbs'/'88_architecture.ipynb').read_text(encoding='utf-8')
    told = [''.join(o['data']['text/markdown']) for c in json.loads(page)['cells'] for o in c.get('outputs', []) if 'text/markdown' in o['data']]
    assert set(re.findall(r'^\| `([\w.]+)` \|', told[0], re.M))==set(layers.modules()), 'python tools/run.py nbs/88_architecture.ipynb'
    assert tool().LIVE.search(page)

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
