("Resolve settings.ini into constraints.txt (Python 3.10 - 3.12, starting from the versions installed here) and "
 "constraints-colab.txt (3.13). Needs uv.")
import re, subprocess, sys
from importlib.metadata import distributions
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = 'requirements', 'build_requirements', 'notebook_requirements', 'studio_requirements', 'dev_requirements', 'docs_requirements'
# name: first Python, last Python + 1, what to start from, what the file says at its top
SETS = {
    'constraints.txt': ('3.10', '3.13', ['torch==2.13.0', 'mediapipe==0.10.21', 'mitsuba==3.9.1', 'nbdev==3.3.26', 'anny==0.6.2'], '''\
# Tested versions for Python 3.10 - 3.12:  pip install -c constraints.txt -e '.[dev,build]'
# Made by tools/constraints.py (make constraints). For Python 3.13 and Colab see constraints-colab.txt.
# numpy stays below 2 because mediapipe 0.10.21 asks for it, the last one that carries its own models.
'''),
    'constraints-colab.txt': ('3.13', '3.14', ['torch==2.13.0', 'mediapipe==1.2.2', 'mitsuba==3.9.1', 'nbdev==3.3.26', 'anny==0.6.2', 'numpy==2.1.3', 'ipywidgets==7.7.1'], '''\
# Colab's set: Python 3.13, numpy 2.1, ipywidgets 7.7.1, mediapipe 1.x (whose face_landmarker.task comes from a path or a download).
# Made by tools/constraints.py (make constraints). Colab brings its own torch: leave that line out there.
''')}
# torch names its CUDA packages itself, exactly; the CPU build has none
SKIP = re.compile(r"^(nvidia-|triton|cuda-)|sys_platform == 'emscripten'$")
# every line holds for its file's Pythons anyway, and nobody runs this in a browser
NOISE = re.compile('|'.join(f"{plain} and | and {plain}| ; {plain}$"
    for plain in (r"python_full_version (?:< '3\.1[34]'|>= '3\.13')", "sys_platform != 'emscripten'")))

def resolve(name, upgrade):
    "Write one file; versions change only where they must"
    first,last,tested,header = SETS[name]
    parser = ConfigParser(delimiters=['='])
    parser.read(ROOT/'settings.ini')
    wanted = [word for key in EXTRAS for word in parser['DEFAULT'][key].split()] + tested
    out = ROOT/name
    if not out.exists():
        out.write_text('\n'.join(sorted({f"{d.metadata['Name'].lower()}=={d.version.split('+')[0]}"
            for d in distributions()}))+'\n')
    command = [sys.executable, '-m', 'uv', 'pip', 'compile', '--universal', '--python-version', first, '--no-header',
        '--no-annotate', '--quiet', '-', '-o', out]
    subprocess.run(command + ['--upgrade']*upgrade,
        input='\n'.join(f"{word}; python_version < '{last}'" for word in wanted), text=True, check=True, cwd=ROOT)
    lines = [line for line in out.read_text().splitlines() if line and not line.startswith(('#','--'))
        and not SKIP.search(line)]
    out.write_text(header + '\n'.join(NOISE.sub('', line) for line in lines) + '\n')

if __name__=='__main__':
    for name in SETS: resolve(name, '--upgrade' in sys.argv)
