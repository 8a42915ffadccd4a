"""Type hints of the public modules hold: mypy, told what fastcore's `patch` does.

mypy takes a patched method for a function of the module, and misses it in its class. So it reads a copy of the package
(build/types) in which such functions stand in their classes; what it says is told with the lines of the true files.
Its settings are in pyproject.toml.
"""
import ast, re, subprocess, sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).resolve().parent))
from docments import patched

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT/'nextgenface_nb'
COPY = ROOT/'build'/'types'
#: Modules whose names the package offers (`nextgenface_nb.__all__`), and the package itself
PUBLIC = ('__init__ config errors face facemodel.interface facemodel.model geometry.camera imaging landmarks.detection '
    'light.interface optim.losses output.checkpoint output.export output.formats output.replay pipeline public '
    'reconstruction rendering.renderer results.arrays results.early results.files results.films results.folder '
    'results.lights results.pictures results.shown results.stages results.steps').split()
METHOD = {'@patch(cls_method=True)':'@classmethod', '@patch(as_prop=True)':'@property'}

def start_of(node)->int: # line
    "With its decorators"
    return min([node.lineno, *(d.lineno for d in node.decorator_list)])

def plain(line:str)->str:
    "A line without decorators that only matter when the program runs"
    word = line.strip()
    if word in METHOD: return line.replace(word, METHOD[word])
    return '' if re.match(r'@(patch|undisturbed)\b', word) else line

def as_method(lines:list, owner:str)->list: # of str
    "A patched function as it would stand in its class"
    own = re.compile(rf'\((self|cls)\s*:\s*{owner}\b')
    return [('    '+own.sub(r'(\1', plain(line))).rstrip() for line in lines]

def away(tree:ast.Module)->list: # of functions
    "Methods of classes of other modules: here they are functions"
    own = {n.name for n in tree.body if isinstance(n, ast.ClassDef)}
    return [n for n in tree.body if isinstance(n, ast.FunctionDef) and patched(n) and patched(n) not in own]

def in_classes(text:str)->tuple: # text, list: the line of the true file that each line is from
    "A module with its patched functions in their classes"
    lines = text.split('\n')
    tree = ast.parse(text)
    classes = {n.name:n for n in tree.body if isinstance(n, ast.ClassDef)}
    moved = [n for n in tree.body if isinstance(n, ast.FunctionDef) and patched(n) in classes]
    gone = {k for n in moved for k in range(start_of(n), n.end_lineno+1)}
    gone |= {d.lineno for n in away(tree) for d in n.decorator_list}
    after = {}
    for n in moved: after.setdefault(classes[patched(n)].end_lineno, []).append(n)
    out,origin = [],[]
    for k,line in enumerate(lines, 1):
        out.append('' if k in gone else plain(line))
        origin.append(k)
        for n in after.get(k, ()):
            first,last = start_of(n),n.end_lineno
            out += as_method(lines[first-1:last], patched(n))
            origin += range(first, last+1)
    return '\n'.join(out),origin

def copy_package()->dict: # path in the copy -> lines of the true file
    "The package for mypy; what has not changed is not written again, since mypy remembers"
    found = {}
    for file in sorted(PACKAGE.rglob('*.py')):
        place = file.relative_to(ROOT)
        text,found[place.as_posix()] = in_classes(file.read_text(encoding='utf-8'))
        goal = COPY/place
        goal.parent.mkdir(parents=True, exist_ok=True)
        if not goal.is_file() or goal.read_text(encoding='utf-8')!=text: goal.write_text(text, encoding='utf-8')
    return found

def at_home(line:str, origin:dict)->str:
    "A sentence of mypy with the line of the true file"
    m = re.match(r'([\w/.]+\.py):(\d+):(.*)', line)
    return f'{m[1]}:{origin[m[1]][int(m[2])-1]}:{m[3]}' if m and m[1] in origin else line

def main()->int: # Exit code
    "Say what does not fit"
    origin = copy_package()
    files = [f'{PACKAGE.name}/{name.replace(".", "/")}.py' for name in PUBLIC]
    done = subprocess.run([sys.executable, '-m', 'mypy', '--config-file', ROOT/'pyproject.toml', *files], cwd=COPY,
        capture_output=True, text=True)
    print('\n'.join(at_home(line, origin) for line in (done.stdout+done.stderr).strip().split('\n')))
    return done.returncode

if __name__=='__main__': sys.exit(main())
