"Limits of what comes from outside stand once, in `reading.LIMITS`"
import ast, json, re
from pathlib import Path
import pytest
import nextgenface_nb
from limited import limited
from nextgenface_nb.config import Config
from nextgenface_nb.errors import ConfigError
from nextgenface_nb.reading import LIMITS, limit

PACKAGE = Path(nextgenface_nb.__file__).parent
TEXTS = {p.relative_to(PACKAGE).as_posix():p.read_text(encoding='utf-8') for p in sorted(PACKAGE.rglob('*.py'))}
NAMED = re.compile(r'_?(most|max|maximum|largest|longest|limit|smallest)(_|$)|.*_(most|max|limit)$', re.I)
#: No limits of what is read from a file: of names that are written, of what is kept, of how a face is looked for
OTHERS = {'files.py':{'MOST_NAME', 'MOST_AGE'}, 'rendering/variant.py':{'MOST_KEPT'}, 'optim/occlusion.py':{'MOST'},
    'landmarks/detection.py':{'MOST_TURNED', 'SMALLEST_TILE', 'MOST_TILES', 'MOST_FACES', 'MOST_HANDS'}}
SIZES = re.compile(r'\.(st_size|file_size|nbytes|size)\b|len\((data|text|content|members)\)')

def number_of(node)->float: # 0: there is none of its own in it
    "The largest number in an expression"
    return max((abs(n.value) for n in ast.walk(node) if isinstance(n, ast.Constant)
        and isinstance(n.value, (int, float)) and not isinstance(n.value, bool)), default=0)

def defined(text)->set: # of names
    "Names at the top of a module that sound like a limit and hold a number"
    found = set()
    for node in ast.parse(text).body:
        if not isinstance(node, (ast.Assign, ast.AnnAssign)) or not node.value or not number_of(node.value): continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        found |= {n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name) and NAMED.match(n.id)}
    return found

def bare(text)->list: # of pieces of source
    "Sizes that are compared with a number of the place, or read up to it"
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Compare):
            source = ast.unparse(node)
            if SIZES.search(source) and 'limit(' not in source and number_of(node)>=10_000: found.append(source)
        if not isinstance(node, ast.Call) or len(node.args)<1: continue
        name = ast.unparse(node.func)
        most = node.args[1:2] if name=='read_bytes' else node.args[:1] if name.endswith('.read') else []
        if most and number_of(most[0])>1<<20 and 'limit(' not in ast.unparse(most[0]): found.append(ast.unparse(node))
    return found

@pytest.mark.parametrize('name', sorted(TEXTS))
def test_no_other_module_has_a_limit_of_its_own(name):
    if name=='reading.py': return
    assert defined(TEXTS[name])-OTHERS.get(name, set())==set()
    known = {'facemodel/model.py':{"found.dtype.itemsize < 10000"}}   # of a text in our own words, not of a file
    assert [s for s in bare(TEXTS[name]) if not any(k in s for k in known.get(name, ()))]==[]

def test_the_others_are_there():
    for name,others in OTHERS.items(): assert others<=defined(TEXTS[name]), name

@pytest.mark.parametrize('text', ['MOST_BYTES = 1_000_000', '_largest = 2**28', 'chunks_most:int = 5',
    'A = LIMIT_OF_ALL = 3'])
def test_a_second_limit_is_seen(text): assert defined(text)

@pytest.mark.parametrize('text', ["read_bytes(path, 10_000_000, E, 'x')", 'answer.read(64_000_000)',
    'if p.stat().st_size>10**7: raise E', 'len(members)>10_000'])
def test_a_limit_in_the_middle_of_a_reader_is_seen(text):
    assert bare(text if text[:2]!='if' else text.replace('raise E', 'pass').replace('10**7', '10_000_000'))

def test_every_limit_is_used():
    "By its name, and no reader asks for one that is not there"
    asked = {n for text in TEXTS.values() for n in re.findall(r"limit\(['\"](\w+)['\"]\)", text)}
    asked |= {n for pair in re.findall(r"_text\(path, '(\w+)'\)|most='(\w+)'", TEXTS['config.py']) for n in pair if n}
    assert asked==set(LIMITS)

def test_a_report_is_settings_too(tmp_path):
    "It may be as long where it is given as settings as where it is read as a report"
    report = dict(config=Config().to_dict(), frames=['x'*1_500_000])
    (tmp_path/'report.json').write_text(json.dumps(report))
    assert limit('settings_bytes')<1_500_000<limit('report_bytes')
    assert Config.load(tmp_path/'report.json').to_dict()==Config().to_dict()
    (tmp_path/'long.ini').write_text('# '+'x'*1_500_000)
    with pytest.raises(ConfigError, match='more than 1 MB'): Config.load(tmp_path/'long.ini')

def test_a_limit_is_asked_when_something_is_read(tmp_path, monkeypatch):
    (tmp_path/'a.json').write_text(json.dumps(dict(bands=5, seed=1)))
    assert Config.load(tmp_path/'a.json').bands==5
    limited(monkeypatch, report_bytes=5)
    with pytest.raises(ConfigError, match='has more than'): Config.load(tmp_path/'a.json')
