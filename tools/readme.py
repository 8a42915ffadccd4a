("README.md from nbs/index.ipynb, without Quarto: the text as it is, code in fences, printed outputs below it, "
 "pictures as files.")
import base64, re
from pathlib import Path
import nbformat

ROOT = Path(__file__).resolve().parent.parent
PICTURES = Path('nbs/images')
FLAGS = re.compile(r'^#\|.*\n?', re.M)
HIDDEN = re.compile(r'^#\|\s*hide_input\b', re.M) #: Of a cell of which only the outputs are shown

def fence(text, language=''):
    "A fenced block"
    return f'```{language}\n{text.rstrip()}\n```'

def picture(png, number):
    "Write a picture beside the notebook; what Markdown shows it with"
    path = PICTURES/f'index-{number}.png'
    (ROOT/path).parent.mkdir(exist_ok=True)
    data = base64.b64decode(png)
    if not (ROOT/path).exists() or (ROOT/path).read_bytes()!=data: (ROOT/path).write_bytes(data)
    return f'![]({path})'

def outputs(cell, number):
    "What a cell printed or showed, as Markdown; error output is left out"
    for output in cell.outputs:
        data = output.get('data', {})
        if output.output_type=='stream':
            if output.name=='stdout': yield fence(output.text)
        elif 'image/png' in data: yield picture(data['image/png'], number)
        elif 'text/markdown' in data: yield data['text/markdown']
        elif 'text/plain' in data: yield fence(data['text/plain'])

def from_root(text):
    ("Links to notebooks and pictures as they are from the folder above; figures without the marks that say where they "
     "are from")
    text = re.sub(r'<!--=.*?-->(.*?)<!--/-->', r'\1', text, flags=re.S)
    text = re.sub(r'(<img src=")(?!https?:)', r'\1nbs/', text)
    return re.sub(r'\]\((?!https?:)([\w./-]+\.ipynb)', r'](nbs/\1', text)

def to_markdown(notebook):
    "The notebook's text"
    parts = ['<!-- made from nbs/index.ipynb by make readme: edit that -->']
    for number,cell in enumerate(notebook.cells):
        if cell.cell_type=='markdown': parts.append(from_root(cell.source.strip()))
        elif cell.cell_type=='code' and not re.search(r'^#\|\s*hide\b', cell.source, re.M):
            code = FLAGS.sub('', cell.source).strip()
            if code and not HIDDEN.search(cell.source): parts.append(fence(code, 'python'))
            if code: parts += outputs(cell, number)
    return '\n\n'.join(part for part in parts if part) + '\n'

if __name__=='__main__':
    (ROOT/'README.md').write_text(to_markdown(nbformat.read(ROOT/'nbs'/'index.ipynb', 4)), encoding='utf-8')
