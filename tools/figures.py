"""Writes the figures of texts and tables into the notebooks, as the files of figures have them, and says which of the files are older than the code that makes them.

`python tools/figures.py` is a part of `make agree`. `--release` fails if anything is old; `--without NAME` lets these be."""
import argparse, ast, json, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from nextgenface_nb.errors import ConfigError, FaceError
from nextgenface_nb.evaluation.figures import (FOLDER, figure_files, fill_figures, notebook_stamp, old_figures,
    outputs_path, same_code)

def notebooks():
    "All notebooks, by their path from the repository"
    return {str(path.relative_to(ROOT).as_posix()):path
        for path in sorted((ROOT/'nbs').rglob('*.ipynb')) if '.ipynb_checkpoints' not in path.parts}

FLAG = '#| figures'

def shown(source):
    "What a cell of figures shows: the Markdown of its last expression"
    *body,last = ast.parse(source).body
    if not isinstance(last, ast.Expr):
        raise ConfigError(f'The cell ends without an expression: {source[-60:]!r}', 'End it with Markdown(...).')
    own = {}
    exec(compile(ast.Module(body, []), 'figures', 'exec'), own)
    return eval(compile(ast.Expression(last.value), 'figures', 'eval'), own).data

def fill_cell(cell):
    "Figures of a cell, changed in place, as the files have them now"
    source = ''.join(cell['source'])
    if cell['cell_type']=='markdown': cell['source'] = fill_figures(source).splitlines(keepends=True)
    elif source.startswith(FLAG):
        data = {'text/markdown':shown(source).splitlines(keepends=True),
            'text/plain':['<IPython.core.display.Markdown object>']}
        cell['outputs'] = [dict(data=data, execution_count=None, metadata={}, output_type='execute_result')]

def fill(path):
    "One notebook with its figures; True if that changed anything"
    before = path.read_text(encoding='utf-8')
    notebook = json.loads(before)
    for cell in notebook['cells']:
        try: fill_cell(cell)
        except FaceError as error: raise SystemExit(f'{path.name}: {error}') from None
    after = json.dumps(notebook, indent=1, ensure_ascii=False)+'\n'
    if after!=before: path.write_text(after, encoding='utf-8')
    return after!=before

def old_outputs():
    "Notebooks whose stored outputs were made by other cells or by other code, or nobody knows by which"
    path = outputs_path()
    known = json.loads(path.read_text(encoding='utf-8')) if path.is_file() else {}
    found = []
    for name,file in notebooks().items():
        notebook = json.loads(file.read_text(encoding='utf-8'))
        shows = any(c.get('outputs') and not ''.join(c['source']).startswith(FLAG) for c in notebook['cells'])
        if shows and not same_code(notebook_stamp(notebook), known.get(name)): found.append(name)
    return found

def main(argv=None):
    "Fill in, then tell"
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('--release', action='store_true', help='fail if figures or outputs are older than the code')
    p.add_argument('--without', metavar='NAME', nargs='*', default=[], help='files of figures that may be old')
    args = p.parse_args(argv)
    for path in notebooks().values(): fill(path)
    old,outputs = old_figures(figure_files()),old_outputs()
    if old:
        print('Figures that are older than the code that makes them (make release measures them anew):',
            *(f'  {FOLDER}/{name}.json: {why}' for name,why in old.items()), sep='\n')
    if outputs:
        print(f'Notebooks whose outputs are older than the code, or of unknown age: {len(outputs)} (tools/run.py --old '
            'runs them)')
    unknown = set(args.without)-set(old)
    if args.release and (outputs or set(old)-set(args.without)):
        sys.exit('Too old for a release: '+', '.join([*sorted(set(old)-set(args.without)), *outputs]))
    if args.release and unknown: print('Not old after all: '+', '.join(sorted(unknown)))

if __name__=='__main__': main()
