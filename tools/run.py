"Run notebooks in a Jupyter kernel and keep their outputs. Cells with a flag of `tst_flags` or `eval: false` keep the outputs that they have."
import re, subprocess, sys, time
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
    NotebookClient(notebook, timeout=1800, kernel_name='python3', resources=dict(metadata=dict(path=str(path.parent)))).execute()
    for cell in notebook.cells:
        for key in ('tags', 'execution'): cell.metadata.pop(key, None)
    nbformat.write(without_widgets(notebook), path)

if __name__=='__main__':
    config = get_config()
    for path in [Path(name) for name in sys.argv[1:]] or sorted(config.nbs_path.rglob('*.ipynb')):
        start = time.time(); run_notebook(path, config.tst_flags.split())
        print(f'{path.name}: {time.time()-start:.0f} s', flush=True)
    subprocess.run([Path(sys.executable).parent/'nbdev-clean'], check=True, cwd=config.config_path)
