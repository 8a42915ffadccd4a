"Lines of code over 120 characters, and statements that a semicolon joins: as few as there are, and no more."
import json, re, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 120
LEFT = dict(long=75, joined=75) #: Of notebooks, not yet parted; these numbers only go down

#: Which may be long: what a function returns, told beside it; comments on a constant; rows of a table in a string
FREE = re.compile(r'^\s*\)->|^#:|^[^\'"=()]* \| .* \| [\w:]+$')

def bare(line:str)->str:
    "Without comments and strings"
    return re.sub(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|#.*", '', line)

def faults(code:str)->dict: # long, joined: lists of lines
    "Lines of a cell or file that do not breathe"
    lines = code.split('\n')
    long = [line for line in lines if len(line)>WIDTH and not FREE.search(line)]
    return dict(long=long, joined=[line for line in lines if re.search(r';\s*\S', bare(line))])

def cells()->list: # of (notebook, code)
    "Code of all notebooks"
    found = []
    for path in sorted(ROOT.glob('nbs/**/*.ipynb')):
        if '.ipynb_checkpoints' in path.parts: continue
        notebook = json.loads(path.read_text(encoding='utf-8'))
        found += [(path.name, ''.join(c['source'])) for c in notebook['cells'] if c['cell_type']=='code']
    return found

def main()->int: # Exit code
    "Say how many there are; which, where there are too many"
    found = {kind:[f'{name}: {line.strip()[:100]}' for name,code in cells() for line in faults(code)[kind]] for kind in LEFT}
    too_many = {kind:lines for kind,lines in found.items() if len(lines)>LEFT[kind]}
    for kind,lines in too_many.items(): print(f'{len(lines)} {kind} lines, at most {LEFT[kind]}:', *lines, sep='\n  ')
    print(', '.join(f'{len(lines)} {kind}' for kind,lines in found.items()), f'lines of code (over {WIDTH} characters; with ;)')
    return bool(too_many)

if __name__=='__main__': sys.exit(main())
