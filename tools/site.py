"""The documentation site: notebooks -> nbdev's own processors -> MyST notebooks -> Sphinx -> a folder of static files, `_docs`. Needs no Quarto and no network.

Pages with widgets are run once more, for the state that their widgets need; `--still` leaves that out and keeps the pictures. `--check` only looks for dead links."""
import gc, json, os, re, shutil, subprocess, sys, time
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parent.parent
SOURCE,SITE = ROOT/'_site',ROOT/'_docs'
DIRECTIVES = re.compile(r'^#\|.*\n?', re.M)
#: The sidebar: a title, which pages stand below it, and what they have in common
GROUPS = [('Start here', r'^tutorials/', 'Tutorials: from a first face to a model, a light or a loop of your own'),
    ('Ground', r'^(errors|names|helptext|processes|surroundings|reading|terminal|files|config|places|interrupts|command)$',
        'Errors, settings, files, processes: what all else stands on'),
    ('Pictures and numbers', r'^(colour|lens|imaging|radiance|geometry\..*|metrics)$',
        'Photos as linear light, cameras, meshes, and how likeness is measured'),
    ('Face model', r'^facemodel\.', 'What a face model is, the linear one, and how it is made'),
    ('Rendering', r'^rendering\.', 'The ray tracer with its derivatives, light transport without noise, a rasteriser'),
    ('What is looked for', r'^(landmarks\..*|light\..*|face|pipeline)$',
        'Landmarks, light and face: the unknowns, and what joins them'),
    ('Stages', r'^optim\.', 'How they are found: landmarks, shading, light, texture'),
    ('Output', r'^output\.', 'Meshes, maps, reports, films, the 3D view'),
    ('From photo to files', r'^(reconstruction|resume|batch|cli|cli_export|cli_replay)$', 'All stages in a row, gone on with, for many photos'),
    ('Results', r'^results\.', 'What is read off a result, and what is done with it: pictures, other faces, files'),
    ('Evaluation', r'^evaluation\.', 'How far from the truth, how fast, and the figures that say so'),
    ('In notebooks', r'^widgets\.', 'Dashboards that step through a fit'),
    ('For those who carry on', r'^(architecture|glossary|public|bad_inputs|soak|promises|sweep)$',
        'What is built how, what is public, and what keeps it sound'),
    ('Use and provenance', r'^(intended_use|model_card|data_card)$', 'What it is for, and what it carries'),
    ('More', r'.', 'Pages without a room')]
# pages that show a widget of ours; the first page does by what a result looks like
# and those that draw the code as it is
LIVE = re.compile(r'import FaceViewer|default_exp widgets|^ *"# nextgenface_nb\\n"|^ *"from layers import', re.M)
VIEW = 'application/vnd.jupyter.widget-view+json'
WIDGETS = 'application/vnd.jupyter.widget-state+json'

# ---- pages
def page_name(path):
    "tutorials/10_first_face.ipynb -> tutorials/first_face, 59_optim.stages.ipynb -> optim.stages"
    return str(path.parent/re.sub(r'^\d+[a-z]?_', '', path.name)).removesuffix('.ipynb')

def markdown(text): return dict(cell_type='markdown', metadata={}, source=text)

def documentation(cell, page, known):
    "The text of a `show_doc` cell under a label that others can link to"
    text = ''.join(cell['outputs'][0]['data']['text/markdown'])
    text = re.sub(r'\A---\n+', '', text)
    text = re.sub(r'^\[source\]\((\S+?)\)\{[^}]*\}\n+(###.*)\n', r'\2\n', text)
    name = re.search(r'^###\s+(\S+)', text, re.M)
    place = label(page, name[1]) if name else None
    if not place or place in known: return markdown(links(text))                # Surface and surface are one label
    known.add(place)
    return markdown(links(f'({place})=\n{text}'))

def label(page, name): return f'{page}.{name}'.lower().replace('/', '.')

def links(text):
    "nbdev's links into other pages -> labels; links to notebooks -> pages"
    text = re.sub(r'\]\(/([\w./]+)\.html#([\w.]+)\)', lambda m: f'](#{label(m[1], m[2])})', text)
    return re.sub(r'\]\((?!http)([\w./]*?)(\d+[a-z]?_)?([\w.]+)\.ipynb(#[\w-]+)?\)',
        lambda m: f']({m[1]}{m[3]}.ipynb{m[4] or ""})', text)

def introduction(text):
    "What stands below title and description in the first cell; nbdev makes front matter of it and drops the rest"
    for cell in json.loads(text)['cells']:
        if cell['cell_type']!='markdown': continue
        lines = ''.join(cell['source']).splitlines()
        if lines and lines[0].startswith('# '): return '\n'.join(l for l in lines[1:] if not l.startswith('> ')).strip()
    return ''

#: What MyST-NB calls what a directive asks for: the code behind a button, or only what comes of it
SHOWN_LESS = {'hide-input':r'^#\|\s*code-fold', 'remove-input':r'^#\|\s*(hide_input\b|echo:\s*false)'}
LANGUAGES = dict(mjs='javascript', js='javascript', py='python', sh='sh')

def in_another_language(code):
    "A cell that writes a program to a file, as a block in that program's language; nothing for other cells"
    magic,_,program = code.partition('\n')
    if not magic.startswith('%%writefile '): return ''
    name = magic.split()[-1].rpartition('/')[2]
    return f"`{name}`:\n\n```{LANGUAGES.get(name.rpartition('.')[2], 'text')}\n{program.rstrip()}\n```"

def convert(notebook, page, live, intro=''):
    "One processed notebook as plain MyST-NB"
    cells,known = [],set()
    for cell in notebook['cells']:
        source = ''.join(cell.get('source') or '')
        if cell['cell_type']=='raw' and source.startswith('---'):
            import yaml
            front = yaml.safe_load(source.strip().strip('-'))
            cells.append(markdown(f"# {front['title']}\n\n*{front.get('description','')}*" if front.get('description')
                else f"# {front['title']}"))
            if intro: cells.append(markdown(links(intro)))
        elif cell['cell_type']=='markdown':
            if not source.startswith('<!-- WARNING'): cells.append(markdown(links(source)))
        elif re.match(r'(#\|.*\n)*show_doc\(', source):
            if cell['outputs']: cells.append(documentation(cell, page, known))
        elif source.strip():
            plain = DIRECTIVES.sub('', source)
            if other := in_another_language(plain): cells.append(markdown(other)); continue
            outputs = live.get(plain.strip(), cell['outputs'])
            tags = [tag for tag,words in SHOWN_LESS.items() if re.search(words, source, re.M)]
            cells.append({**cell, 'source':plain, 'outputs':[tidy(o) for o in outputs if o.get('data')!={}],
                'metadata':dict(tags=tags), 'execution_count':None})
    notebook['cells'] = [{**c, 'id':f'c{i:03d}'} for i,c in enumerate(cells)]
    notebook['metadata'] = dict(kernelspec=notebook['metadata'].get('kernelspec', {}),
        language_info=dict(name='python', pygments_lexer='ipython3'))
    return notebook

def tidy(output):
    "Without what a page cannot show"
    output = {k:v for k,v in output.items()}
    if text := output.get('data', {}).get('text/markdown'):
        output['data'] = output['data']|{'text/markdown':links(''.join(text))}
    if 'execution_count' in output: output['execution_count'] = None
    return output

def drop_unknown_links():
    "nbdev guesses links from names in backticks; what leads to no label of ours becomes text again"
    files = list(SOURCE.rglob('*.ipynb'))
    texts = {f:f.read_text() for f in files}
    known = {m for t in texts.values() for m in re.findall(r'\(([\w.]+)\)=\\n', t)}
    for f,t in texts.items():
        f.write_text(re.sub(r'\[([^\[\]]+)\]\(#([\w]+(?:\.[\w]+)+)\)', lambda m: m[0] if m[2] in known else m[1], t))

# ---- widgets
def run_live(path):
    "Outputs of every cell, by its code, and the state of the widgets, of a notebook that is run now"
    import nbformat
    from nbclient import NotebookClient
    sys.path.insert(0, str(ROOT/'tools'))
    from run import skipped
    notebook,skip = nbformat.read(path, 4),skipped('slow anny gpu'.split())
    for cell in notebook.cells:
        if cell.cell_type=='code' and skip.search(cell.source): cell.metadata.tags = ['skip-execution']
    NotebookClient(notebook, timeout=1800, kernel_name='python3',
        resources=dict(metadata=dict(path=str(path.parent)))).execute()
    outputs = {DIRECTIVES.sub('', c.source).strip():json.loads(json.dumps(c.outputs))
        for c in notebook.cells if c.cell_type=='code'}
    return outputs,json.loads(json.dumps(notebook.metadata.get('widgets', {})))

def static_files(folder):
    "Scripts that the pages ask for, from npm packages and from anywidget, so that nobody else is asked"
    import importlib.util
    folder.mkdir(parents=True)
    modules = ROOT/'tools'/'site'/'node_modules'
    if not modules.exists():
        subprocess.run(['npm', 'ci', '--no-audit', '--no-fund', '--silent', '--ignore-scripts'], check=True,
            cwd=ROOT/'tools'/'site')
    shutil.copy(modules/'requirejs'/'require.js', folder)
    shutil.copy(modules/'@jupyter-widgets'/'html-manager'/'dist'/'embed-amd.js', folder)
    shutil.copy(Path(importlib.util.find_spec('anywidget').origin).parent/'nbextension'/'index.js',
        folder/'anywidget.js')
    shutil.copy(ROOT/'tools'/'site'/'pages.css', folder)
    # its icons are asked for in both
    for place in ('@jupyter-widgets', '@jupyter-widgets/html-manager/dist'):
        (folder/place).mkdir(parents=True, exist_ok=True)
        for font in (modules/'@jupyter-widgets'/'html-manager'/'dist').glob('*.[wt][ot]f*'):
            shutil.copy(font, folder/place)
    (folder/'widgets-here.js').write_text(
        "// widget modules lie beside the pages\nrequirejs.config({ baseUrl: new URL('.', "
        "document.currentScript.src).href });\n")
    (folder/'licences.txt').write_text(licence_texts(modules), encoding='utf-8')

#: Packages of Python whose scripts, styles and fonts the site carries
CARRIED = ('furo', 'sphinx', 'sphinx-basic-ng', 'pygments', 'sphinx-copybutton', 'myst-nb', 'myst-parser',
    'sphinx-mathjax-offline', 'anywidget', 'ipywidgets')

def licence_texts(modules, carried=CARRIED):
    ("NOTICE, our licence, and the full texts of the licences of what the site carries: packages of npm (their folder "
     "node_modules) and of Python")
    import importlib.metadata as metadata
    parts = [(ROOT/'NOTICE').read_text(encoding='utf-8'), (ROOT/'LICENSE').read_text(encoding='utf-8')]
    lock = json.loads((modules.parent/'package-lock.json').read_text(encoding='utf-8'))['packages']
    for place,about in lock.items():
        if not place or about.get('dev'): continue
        texts = [f.read_text(encoding='utf-8', errors='replace')
            for f in sorted((modules.parent/place).glob('*')) if re.match('licen[cs]e|copying', f.name, re.I)
            and f.is_file()]
        parts.append(
            '\n\n'.join(
            [f'{place.rpartition("node_modules/")[2]} {about.get("version")}, {about.get("license") or "MIT"}',
            *texts]))
    for name in carried:
        found = metadata.distribution(name)
        files = [f for f in found.files or () if re.match('licen[cs]e|copying|authors', f.name, re.I)]
        parts.append('\n\n'.join([f'{name} {found.version}',
            *(f.locate().read_text(encoding='utf-8', errors='replace') for f in files if f.locate().is_file())]))
    return f'\n\n{"="*80}\n\n'.join(parts)

# ---- build
def lean_execution():
    ("nbdev runs every cell that has an import anywhere; we want those only that are exported, are imports and nothing "
     "else, or show documentation")
    import ast, warnings
    from nbdev import processors
    before,exported = processors._do_eval,{'export','exports','exporti','exec_doc'}
    def needed(cell):
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')
            if not before(cell): return False
        trees = cell.parsed_()
        return (bool(cell.directives_.keys()&exported) or bool(processors._show_docs(trees))
            or all(isinstance(t, (ast.Import, ast.ImportFrom)) for t in trees))
    processors._do_eval = needed

def processed():
    "nbdev's processed notebooks: (path inside nbs, notebook)"
    import nbdev.doclinks
    from nbdev.serve import proc_nbs
    lean_execution()
    nbdev.doclinks._build_modidx()
    cache = proc_nbs(n_workers=0, force=True)
    for path in sorted(cache.rglob('*.ipynb')): yield path.relative_to(cache),json.loads(path.read_text())

TURN_IT = 'The same head, live: the mouse turns it, the sliders move it, and the buttons show what it is made of.'

COLOPHON = """---

These pages are the notebooks of the repository, made by `make docs` with Sphinx, MyST-NB and furo, on a machine without Quarto and without asking anybody outside.
`_quarto.yml` is kept for those who have Quarto; it was not tried. The widgets here work without a kernel: the 3D view does all that it can, buttons that need Python do nothing."""

def view_first(notebook):
    "The live view of the portrait, before any command; its cell keeps the strip of pictures"
    outputs = [o for c in notebook['cells'] for o in c.get('outputs', []) if VIEW in o.get('data', {})]
    if not outputs: return
    data = outputs[0]['data']
    live = {VIEW:data.pop(VIEW), 'text/plain':data['text/plain']}
    view = dict(cell_type='code', id='view', source='result', execution_count=None,
        metadata=dict(tags=['remove-input']), outputs=[dict(output_type='display_data', metadata={}, data=live)])
    place = 1+next(i for i,c in enumerate(notebook['cells']) if 'front_turning' in ''.join(c['source']))
    notebook['cells'][place:place] = [{**markdown(TURN_IT), 'id':'turn-it'}, view]

def index_page(notebook, names):
    "The first page, with the 3D view at its top and the table of contents"
    view_first(notebook)
    notebook['cells'].append({**markdown(COLOPHON), 'id':'colophon'})
    for title,pattern,_ in GROUPS:
        chosen = [n for n in names if re.search(pattern, n)]
        names = [n for n in names if n not in chosen]
        if chosen:
            notebook['cells'].append({**markdown('```{toctree}\n:hidden:\n:caption: '+title+'\n\n'+'\n'.join(chosen)
                +'\n```'), 'id':f'toc{len(notebook["cells"])}'})
    return notebook

def build(live=True):
    "All pages"
    shutil.rmtree(SOURCE, ignore_errors=True)
    SOURCE.mkdir()
    names,index = [],None
    for path,notebook in processed():
        name,text = page_name(path),(ROOT/'nbs'/path).read_text(encoding='utf-8')
        begun = time.time()
        outputs,widgets = run_live(ROOT/'nbs'/path) if live and LIVE.search(text) else ({}, {})
        if outputs: print(f'{path}: run in {time.time()-begun:.0f} s', flush=True)
        page = convert(notebook, name, outputs, introduction(text))
        if widgets.get(WIDGETS, {}).get('state'): page['metadata']['widgets'] = widgets
        else: strip_views(page)
        if name=='index':
            index = page
            continue
        names.append(name)
        (SOURCE/f'{name}.ipynb').parent.mkdir(exist_ok=True, parents=True)
        (SOURCE/f'{name}.ipynb').write_text(json.dumps(page))
    (SOURCE/'index.ipynb').write_text(json.dumps(index_page(index, names)))
    drop_unknown_links()
    shutil.copy(ROOT/'tools'/'site_conf.py', SOURCE/'conf.py')
    (SOURCE/'rooms.json').write_text(json.dumps({title:line for title,_,line in GROUPS}))
    static_files(SOURCE/'_static')
    shutil.copytree(ROOT/'nbs'/'images', SOURCE/'images')
    (SOURCE/'icon.svg').write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><ellipse cx="8" cy="8" rx="5" ry="7" '
        'fill="#c68a6a" stroke="#30435a"/></svg>')
    shutil.rmtree(SITE, ignore_errors=True)
    code = subprocess.call([sys.executable, '-m', 'sphinx', '-b', 'html', '-W', '--keep-going', '-q', SOURCE, SITE],
        env=dict(os.environ, PYTHONWARNINGS='ignore::DeprecationWarning'))
    for rest in (ROOT/'jupyter_execute', SITE/'.doctrees', SITE/'jupyter_execute'):
        shutil.rmtree(rest, ignore_errors=True)
    if code: sys.exit(code)

def strip_views(page):
    "A widget without its state is an empty box: keep its picture"
    for cell in page['cells']:
        for output in cell.get('outputs', []): output.get('data', {}).pop(VIEW, None)

# ---- links
class Page(HTMLParser):
    "What a page links to, what it loads, and what can be linked to in it"
    def __init__(self, text):
        super().__init__()
        self.links,self.loads,self.anchors = [],[],set()
        self.feed(text)
    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        self.anchors |= {v for k in ('id','name') if (v:=a.get(k))}
        if tag=='a' and a.get('href'): self.links.append(a['href'])
        if tag in ('script','img','iframe') and a.get('src'): self.loads.append(a['src'])
        if tag=='link' and a.get('href') and a.get('rel') in ('stylesheet','preload','icon'):
            self.loads.append(a['href'])

def problems(site):
    "Dead links and loads from outside, as text"
    pages = {f:Page(f.read_text(encoding='utf-8')) for f in site.rglob('*.html')}
    for f,page in pages.items():
        for kind,targets in (('link', page.links), ('load', page.loads)):
            for target in targets:
                parts = urlsplit(target)
                if parts.scheme in ('http','https') or target.startswith('//'):
                    if kind=='load': yield f'{f.relative_to(site)}: loads {target[:80]} from outside'
                    continue
                if parts.scheme: continue                                       # data:, mailto:
                goal = (f.parent/unquote(parts.path)).resolve() if parts.path else f
                if goal.is_dir(): goal = goal/'index.html'
                if not goal.exists(): yield f'{f.relative_to(site)}: {kind} to {target}: there is no such file'
                elif parts.fragment and goal in pages and unquote(parts.fragment) not in pages[goal].anchors:
                    yield f'{f.relative_to(site)}: {kind} to {target}: there is no such place'

def check():
    "Fail if anything is dead"
    found = sorted(set(problems(SITE)))
    if found: sys.exit('\n'.join(found))
    pages = list(SITE.rglob('*.html'))
    print(f'{len(pages)} pages, {sum(f.stat().st_size for f in SITE.rglob("*") if f.is_file())/1e6:.0f} MB in '
        f'{SITE.name}: no dead link inside, nothing loaded from outside.')

if __name__=='__main__':
    try:
        if '--check' not in sys.argv: build('--still' not in sys.argv)
        check()
    # Each page's shell looks for garbage when Python ends, a hundred times in all that the pages have left: minutes
    finally: gc.freeze()
