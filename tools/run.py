"""Run notebooks in a Jupyter kernel and keep their outputs. Cells with a flag of `tst_flags` or `eval: false` keep the outputs that they have.

With which code each was run is kept in nbs/outputs.json."""
import argparse, json, re, subprocess, sys, time
from pathlib import Path
import nbformat
from nbclient import NotebookClient
from nbdev.config import get_config

def skipped(flags):
    "A pattern that finds the cells that only nbdev knows not to run"
    return re.compile(r'^#\|\s*(eval:\s*false\b|(' + '|'.join(flags) + r')\s*$)', re.M)

VIEW = 'application/vnd.jupyter.widget-view+json'

def without_widgets(notebook):
    "Widgets are gone with their kernel: keep the picture and the text that they leave, not their megabytes of state"
    notebook.metadata.pop('widgets', None)
    for cell in notebook.cells:
        for output in cell.get('outputs', []): output.get('data', {}).pop(VIEW, None)
    return notebook

def run_notebook(path, flags):
    "Execute one notebook where it lies"
    notebook,skip = nbformat.read(path, 4),skipped(flags)
    for cell in notebook.cells:
        if cell.cell_type=='code' and skip.search(cell.source): cell.metadata.tags = ['skip-execution']
    NotebookClient(notebook, timeout=1800, kernel_name='python3',
        resources=dict(metadata=dict(path=str(path.parent)))).execute()
    for cell in notebook.cells:
        for key in ('tags', 'execution'): cell.metadata.pop(key, None)
    nbformat.write(without_widgets(notebook), path)

def remember(path, root):
    "Keep with which code a notebook was run"
    from nextgenface_nb.evaluation.figures import notebook_stamp, outputs_path
    kept = outputs_path()
    known = json.loads(kept.read_text(encoding='utf-8')) if kept.is_file() else {}
    known[path.resolve().relative_to(root).as_posix()] = notebook_stamp(json.loads(path.read_text(encoding='utf-8')))
    kept.write_text(json.dumps(known, indent=1, sort_keys=True)+'\n', encoding='utf-8')

def make_parser():
    "The command line"
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('notebooks', nargs='*', type=Path, metavar='NOTEBOOK', help='.ipynb files (default: all)')
    p.add_argument('--old', action='store_true', help='those whose outputs were made by other code than that of today')
    return p

def wanted(asked, config):
    "Paths of the notebooks that are asked for; `SystemExit` in words where one is none"
    parser = make_parser()
    given = parser.parse_args(asked)
    if given.old and given.notebooks: parser.error('name notebooks, or ask for --old')
    for path in given.notebooks:
        if path.suffix!='.ipynb' or not path.is_file(): parser.error(f'{path} is no notebook')
    if not given.old: return given.notebooks or sorted(config.nbs_path.rglob('*.ipynb'))
    from figures import old_outputs
    return [config.config_path/name for name in old_outputs()]

if __name__=='__main__':
    config = get_config()
    root = Path(config.config_path).resolve()
    for path in wanted(sys.argv[1:], config):
        start = time.time()
        run_notebook(path, config.tst_flags.split())
        subprocess.run([Path(sys.executable).parent/'nbdev-clean', '--fname', path], check=True, cwd=root)
        remember(path, root)
        print(f'{path.name}: {time.time()-start:.0f} s', flush=True)
