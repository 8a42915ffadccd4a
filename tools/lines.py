("Lines of code over 120 characters, statements that a semicolon joins, and code on pages for users that is wider than "
 "the page: as few as there are, and no more.")
import json, re, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 120
PAGE = 90 #: Characters that the column of the documentation site holds
LEFT = dict(long=63, joined=58, wide=0) #: Of notebooks, not yet parted; these numbers only go down

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

def fenced(text:str)->str:
    "The code in a cell of text"
    return '\n'.join(re.findall(r'^```\w+\n(.*?)^```', text, re.M|re.S))

def pages()->list: # of (notebook, code)
    "Code that readers of the tutorials and of the front page see"
    found = []
    for path in [ROOT/'nbs'/'index.ipynb', *sorted((ROOT/'nbs'/'tutorials').glob('*.ipynb'))]:
        for cell in json.loads(path.read_text(encoding='utf-8'))['cells']:
            text = ''.join(cell['source'])
            if cell['cell_type']=='markdown': found.append((path.name, fenced(text)))
            elif not re.search(r'^#\|\s*hide\b', text, re.M): found.append((path.name, text))
    return found

def too_wide(code:str)->list: # of lines
    "Lines that make a page scroll sideways"
    return [line for line in code.split('\n') if len(line)>PAGE]

def named(name:str, line:str)->str: return f'{name}: {line.strip()[:100]}'

def all_faults()->dict: # kind -> list of sentences
    "Every line that does not breathe"
    found = {kind:[named(name, line) for name,code in cells() for line in faults(code)[kind]] for kind in ('long', 'joined')}
    return found|dict(wide=[named(name, line) for name,code in pages() for line in too_wide(code)])

def main()->int: # Exit code
    "Say how many there are; which, where there are too many"
    found = all_faults()
    too_many = {kind:lines for kind,lines in found.items() if len(lines)>LEFT[kind]}
    for kind,lines in too_many.items(): print(f'{len(lines)} {kind} lines, at most {LEFT[kind]}:', *lines, sep='\n  ')
    print(', '.join(f'{len(lines)} {kind}' for kind,lines in found.items()), f'lines of code (over {WIDTH} characters; with ;; over {PAGE} on pages for users)')
    return bool(too_many)

if __name__=='__main__': sys.exit(main())
