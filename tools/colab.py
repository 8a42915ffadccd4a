"""Writes the Colab link and the install cell into the notebooks that a user opens. The address stands in settings.ini, once (`git_url`, `branch`).

`python tools/colab.py` writes; with `--check` it fails if something would change."""
import sys
from configparser import ConfigParser
from pathlib import Path
import nbformat

ROOT = Path(__file__).resolve().parent.parent
LINK,INSTALL = '[Open in Colab](','# on Colab: install'

def settings():
    "What settings.ini says"
    parser = ConfigParser(delimiters=['='])
    parser.read(ROOT/'settings.ini', encoding='utf-8')
    return parser['DEFAULT']

def notebooks():
    "Those for users: the tutorials, the dashboards and the studio"
    found = [f for name in ('dashboards', 'studio') for f in (ROOT/'nbs').glob(f'*_widgets.{name}.ipynb')]
    return sorted([*(ROOT/'nbs'/'tutorials').glob('*.ipynb'), *found])

def link(path):
    "The address under which Colab opens a notebook"
    s = settings()
    owner = s['git_url'].removeprefix('https://github.com/')
    return f"{LINK}https://colab.research.google.com/github/{owner}/blob/{s['branch']}/{path.relative_to(ROOT).as_posix()})"

def install():
    "The cell that installs the library on Colab and does nothing elsewhere"
    s = settings()
    return f'#| hide\n#| eval: false\n{INSTALL}\n! [ -e /content ] && pip install -q "{s["lib_name"]}[notebook] @ git+{s["git_url"]}"'

def dress(path):
    "The notebook with link and cell; True if that changed anything"
    notebook = nbformat.read(path, 4)
    before = nbformat.writes(notebook)
    title = notebook.cells[0]
    lines = title.source.splitlines()
    if old := [i for i,l in enumerate(lines) if l.startswith(LINK)]:
        del lines[old[0]-1:old[0]+1]   # with the empty line before it
    place = next(i for i,l in enumerate(lines) if l.startswith('>'))+1
    title.source = '\n'.join([*lines[:place], '', link(path), *lines[place:]])
    notebook.cells = [c for c in notebook.cells if INSTALL not in c.source]
    cell = nbformat.v4.new_code_cell(install(), id='c01ab000')
    cell.metadata = {}
    notebook.cells.insert(1, cell)
    changed = nbformat.writes(notebook)!=before
    if changed and '--check' not in sys.argv: nbformat.write(notebook, path)
    return changed

if __name__=='__main__':
    changed = [p.name for p in notebooks() if dress(p)]
    if '--check' in sys.argv and changed: sys.exit('make colab would change '+', '.join(changed))
