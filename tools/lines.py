("Lines of code over 120 characters, statements that a semicolon joins, code on pages for users that is wider than the "
 "page, cells of more than 40 lines, assignments of unlike things in one statement, stored pictures of more than 200 kB: "
 "as few as there are, and no more.")
import ast, base64, io, json, re, sys, textwrap, tokenize
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WIDTH = 120
PAGE = 90 #: Characters that the column of the documentation site holds
TALL = 40 #: Lines of a cell
HEAVY = 200_000 #: Bytes of a picture that is stored in a notebook
LEFT = dict(long=0, joined=0, wide=0, tall=0, unlike=0, heavy=0) #: Of notebooks; these numbers only go down

#: Which may be long: what a function returns, told beside it; comments on a constant
FREE = re.compile(r'^\s*\)->|^#:')
#: Tokens between statements
BETWEEN = (tokenize.NEWLINE, tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)

def tokens(code:str)->list: # of tokens
    "Of Python; a notebook's commands (%matplotlib, !ls) are none, nor is a cell of another language (%%bash)"
    if code.startswith('%%'): return []
    return list(tokenize.generate_tokens(io.StringIO(re.sub('^[%!]', '#', code, flags=re.M)).readline))

def strings(found:list)->list: # of (text, first line, last line, whether it is a statement by itself: a docstring)
    "Strings of several lines; from Python 3.12 on a formatted one is many tokens, the first and last of which count"
    kept,opened,before = [],[],tokenize.NEWLINE
    for t in found:
        name = tokenize.tok_name[t.type]
        if name=='STRING': kept.append((t.string, t.start[0], t.end[0], before in BETWEEN))
        if name=='FSTRING_START': opened.append(t.start[0])
        if name=='FSTRING_END': kept.append(('', opened.pop(), t.end[0], False))
        before = t.type
    return [s for s in kept if s[2]>s[1]]

def program(text:str)->str: # '': it is none
    "The program of Python that a string holds; of other languages, of tables and lists of words nothing is asked"
    try:
        inner = textwrap.dedent(ast.literal_eval(text))
        ast.parse(inner)
    except (SyntaxError, ValueError): return ''
    return inner if isinstance(inner, str) else ''

def joined(found:list, lines:list)->list: # of lines
    "Those with a statement behind a semicolon"
    return [lines[t.start[0]-1] for t,after in zip(found, found[1:])
        if t.type==tokenize.OP and t.string==';' and after.type not in BETWEEN]

def faults(code:str)->dict: # long, joined: lists of lines
    "Lines of a cell or file that do not breathe; those of a string only in a docstring, or a program of Python"
    lines,found = code.split('\n'),tokens(code)
    inside = [s for s in strings(found) if not s[3]]
    free = {i for _,first,last,_ in inside for i in range(first+1, last)}
    long = [line for i,line in enumerate(lines, 1) if len(line)>WIDTH and i not in free and not FREE.search(line)]
    within = [faults(p) for p in (program(text) for text,*_ in inside) if p]
    return dict(long=long+[line for f in within for line in f['long']],
        joined=list(dict.fromkeys(joined(found, lines)))+[line for f in within for line in f['joined']])

def kind(value)->str:
    "What a value is like: numbers are alike, names, parts of one thing, calls with the same arguments"
    if isinstance(value, ast.UnaryOp): return kind(value.operand)
    if isinstance(value, ast.Constant): return 'number' if type(value.value) in (int, float) else type(value.value).__name__
    if isinstance(value, ast.Attribute): return f'of {ast.unparse(value.value)}'
    if isinstance(value, ast.Call):
        receiver = value.func.value if isinstance(value.func, ast.Attribute) else value.func
        return f'call {ast.unparse(receiver)} {[ast.unparse(a) for a in value.args]}'
    return type(value).__name__

def asked(value)->str: # '': nothing
    "The function that is called, by its last name, or the attribute"
    function = value.func if isinstance(value, ast.Call) else value
    return getattr(function, 'attr', getattr(function, 'id', '')) if isinstance(value, (ast.Call, ast.Attribute)) else ''

def names(node)->set: # of str
    "Variables, attributes and elements in an expression"
    return {ast.unparse(n) for n in ast.walk(node) if isinstance(n, (ast.Name, ast.Attribute, ast.Subscript))}

def unlike(code:str)->list: # of statements
    ("Tuple assignments that say several things: a, b = x, y of values that are not alike, where no value needs what "
     "its target was before, as in an exchange or a recurrence")
    plain = '' if code.startswith('%%') else re.sub('^[%!]', '#', code, flags=re.M)
    found = []
    for n in ast.walk(ast.parse(plain)):
        if not (isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Tuple) and isinstance(n.value, ast.Tuple)): continue
        targets,values = n.targets[0].elts,n.value.elts
        together = len({kind(v) for v in values})==1 or {*map(asked, values)}-{''} and len({*map(asked, values)})==1
        needed = {ast.unparse(t) for t in ast.walk(n.targets[0]) if isinstance(getattr(t, 'ctx', None), ast.Store)}&names(n.value)
        if len(targets)==len(values) and not together and not needed: found.append(ast.unparse(n))
    return found

def notebooks()->list: # of (name, notebook as JSON)
    "All of them"
    paths = [p for p in sorted(ROOT.glob('nbs/**/*.ipynb')) if '.ipynb_checkpoints' not in p.parts]
    return [(path.name, json.loads(path.read_text(encoding='utf-8'))) for path in paths]

def cells()->list: # of (notebook, code)
    "Code of all notebooks"
    return [(name, ''.join(c['source'])) for name,notebook in notebooks() for c in notebook['cells'] if c['cell_type']=='code']

def pictures(notebook:dict)->list: # of (title of the cell, bytes)
    "What a notebook stores of pictures; an SVG is text"
    found = []
    for cell in notebook['cells']:
        for output in cell.get('outputs', []):
            data = {kind:''.join(x) for kind,x in output.get('data', {}).items() if kind.startswith('image/')}
            sizes = [len(x) if kind=='image/svg+xml' else len(base64.b64decode(x)) for kind,x in data.items()]
            found += [(title(''.join(cell['source'])), size) for size in sizes]
    return found

def heavy(found:list)->list: # of sentences
    "Notebooks (name, JSON) with pictures that weigh too much"
    return [f'{named(name, line)} shows {size/1000:.0f} kB' for name,notebook in found
        for line,size in pictures(notebook) if size>HEAVY]

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

def title(code:str)->str:
    "The first line of a cell that says something"
    return next((line for line in code.split('\n') if not re.match(r'#\||@|$', line)), '')

def fields_only(node)->bool:
    "A class of nothing but fields, or a text or table that is written out"
    if isinstance(node, ast.Assign): return all(isinstance(n, (ast.Constant, ast.Tuple, ast.List, ast.Dict, ast.Load))
        for n in ast.walk(node.value))
    return isinstance(node, ast.ClassDef) and all(isinstance(n, ast.AnnAssign) for n in node.body[1:])

def table(code:str)->bool:
    "One statement that lists data, or a file that is written out: there is nothing in it that could be split"
    if code.startswith('%%writefile'): return True
    try: body = ast.parse(code).body
    except SyntaxError: return False
    return len(body)==1 and fields_only(body[0])

def named(name:str, line:str)->str: return f'{name}: {line.strip()[:100]}'

def all_faults()->dict: # kind -> list of sentences
    "Every line that does not breathe"
    each = [(name, faults(code)) for name,code in cells()]
    found = {kind:[named(name, line) for name,f in each for line in f[kind]] for kind in ('long', 'joined')}
    tall = [named(name, title(code)) for name,code in cells() if code.count('\n')>=TALL and not table(code)]
    unlikes = [named(name, line) for name,code in cells() for line in unlike(code)]
    return found|dict(unlike=unlikes, wide=[named(name, line) for name,code in pages() for line in too_wide(code)], tall=tall,
        heavy=heavy(notebooks()))

def main()->int: # Exit code
    "Say how many there are; which, where there are too many"
    found = all_faults()
    too_many = {kind:lines for kind,lines in found.items() if len(lines)>LEFT[kind]}
    for kind,lines in too_many.items(): print(f'{len(lines)} {kind} lines, at most {LEFT[kind]}:', *lines, sep='\n  ')
    print(', '.join(f'{len(lines)} {kind}' for kind,lines in found.items()),
        f'(lines over {WIDTH} characters; with ;; over {PAGE} on pages for users; cells over {TALL} lines; '
        f'unlike: a, b = x, y of things that do not belong together; heavy: stored pictures over {HEAVY//1000} kB)')
    return bool(too_many)

if __name__=='__main__': sys.exit(main())
