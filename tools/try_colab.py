"""Runs the notebooks for users the way Colab does: all of their cells, unchanged, in an environment with Colab's versions, outside the repository, with the library installed from git.

`python tools/try_colab.py FOLDER [NOTEBOOK ...]`: the environment is made in FOLDER the first time (with PYTHON, or python3.13), the library is installed anew from the last commit each time.
MediaPipe's model file, which Colab downloads, is taken from the variable that the library knows (landmarks.MODEL_VARIABLE) or from its cache."""
import os, subprocess, sys, tempfile, time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHOWN = 'ipywidgets', 'anywidget', 'numpy', 'torch', 'mediapipe', 'mitsuba', 'drjit', 'nextgenface_nb'

def environment(folder):
    "Its Python; made where there is none"
    python = folder/'bin'/'python'
    if not python.exists(): subprocess.run([os.environ.get('PYTHON', 'python3.13'), '-m', 'venv', folder], check=True)
    pip = [python, '-m', 'pip', 'install', '-q', '--disable-pip-version-check', '-c', ROOT/'constraints-colab.txt']
    subprocess.run([*pip, f'nextgenface_nb[notebook] @ git+file://{ROOT}', 'nbclient', 'ipykernel'], check=True)
    # the library itself, whatever was there
    subprocess.run([*pip, '--force-reinstall', '--no-deps', f'nextgenface_nb @ git+file://{ROOT}'], check=True)
    return python

def run(path):
    "One notebook, all of its cells, in this Python; seconds, or what went wrong"
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError
    begun = time.time()
    try:
        NotebookClient(nbformat.read(path, 4), timeout=1800, kernel_name='python3',
            resources=dict(metadata=dict(path=os.getcwd()))).execute()
    except (CellExecutionError, DeadKernelError) as e: return f'FAILED after {time.time()-begun:.0f} s\n{e}'
    return f'{time.time()-begun:.0f} s'

def inside(paths):
    "What the environment's own Python does"
    from importlib.metadata import version
    print('Python', sys.version.split()[0], *(f'{n} {version(n)}' for n in SHOWN), sep=', ', flush=True)
    failed = 0
    for path in map(Path, paths):
        said = run(path)
        failed += said.startswith('FAILED')
        print(f'{path.name}: {said}', flush=True)
    sys.exit(failed>0)

if __name__=='__main__':
    if sys.argv[1:2]==['--inside']: inside(sys.argv[2:])
    sys.path.insert(0, str(ROOT/'tools'))
    from colab import notebooks
    folder = Path(sys.argv[1]).resolve()
    chosen = [Path(p).resolve() for p in sys.argv[2:]] or [*notebooks(), ROOT/'nbs'/'index.ipynb']
    python = environment(folder)
    clean = {k:v for k,v in os.environ.items() if k not in ('PYTHONPATH', 'VIRTUAL_ENV')}
    with tempfile.TemporaryDirectory() as elsewhere:
        sys.exit(subprocess.call([python, Path(__file__).resolve(), '--inside', *chosen], cwd=elsewhere,
            env=clean|dict(PATH=f'{folder/"bin"}{os.pathsep}{os.environ["PATH"]}')))
