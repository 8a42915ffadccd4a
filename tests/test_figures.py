"Figures in the texts are those of the files, the files know their code, and the commands that make them exist"
import json, re, shlex, sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
import pytest
from nextgenface_nb.evaluation import figures
from nextgenface_nb.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent

def tool(name, monkeypatch):
    "A module of tools/, under a name of its own"
    monkeypatch.syspath_prepend(str(ROOT/'tools'))
    spec = spec_from_file_location(f'tool_{name}', ROOT/'tools'/f'{name}.py')
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

def notebook(*cells): return dict(cells=[dict(cell_type=kind, id=f'c{k}', metadata={},
    source=source.splitlines(keepends=True), **(dict(outputs=[], execution_count=None) if kind=='code' else {}))
    for k,(kind,source) in enumerate(cells)],
    metadata={}, nbformat=4, nbformat_minor=5)

@pytest.mark.parametrize('name', figures.COMMANDS)
def test_the_command_that_makes_figures_takes_its_flags(name):
    from nextgenface_nb.evaluation import speed as bench
    from nextgenface_nb.evaluation import photos as measure
    from nextgenface_nb.evaluation import benchmark as command
    parsers = {'nextgenface-measure':measure.make_parser, 'nextgenface-benchmark':command.make_parser,
        'nextgenface-bench':bench.make_parser}
    program,*flags = shlex.split(figures.COMMANDS[name][0].format('a/b.json'))
    assert 'a/b.json' in flags
    if program in parsers: args = parsers[program]().parse_args(flags)
    else: assert program=='python' and (ROOT/flags[0]).is_file()
    if program=='nextgenface-benchmark':
        request = command.read_request(args)
        assert command.chosen_faces(request, command.settings_of(request)[0])==list(range(8))   # all, and not those that suit

def test_every_file_of_figures_has_a_command():
    assert set(figures.figure_files())-set(figures.COMMANDS)<={'cuda'}

def test_figures_of_people_on_whom_nothing_was_tuned_are_of_others():
    from nextgenface_nb.evaluation import benchmark as command
    flags = lambda name: shlex.split(figures.COMMANDS[name][0].format('x.json'))[1:]
    seed = lambda name: command.settings_of(command.read_request(command.make_parser().parse_args(flags(name))))[0].seed
    assert seed('fresh')==command.FRESH_SEED!=seed('benchmark')==command.Settings.seed

def test_a_figure_that_has_drifted_is_written_anew(tmp_path, monkeypatch):
    fill = tool('figures', monkeypatch).fill
    path = tmp_path/'a.ipynb'
    page = notebook(('markdown', 'It is <!--= soak photos ; d -->3<!--/--> photos.'),
        ('code', '#| figures\nfrom IPython.display import Markdown\nMarkdown("| a |")'),
        ('code', 'print("not of ours")'))
    path.write_text(json.dumps(page))
    assert fill(path) and not fill(path)
    after = json.loads(path.read_text(encoding='utf-8'))['cells']
    assert f"-->{figures.read_figures('soak')['photos']}<!--/-->" in ''.join(after[0]['source'])
    assert after[1]['outputs'][0]['data']['text/markdown']==['| a |'] and after[2]['outputs']==[]
    page['cells'][0]['source'] = ['<!--= soak nothing ; d -->3<!--/-->']
    path.write_text(json.dumps(page))
    with pytest.raises(SystemExit, match='a.ipynb: no figure at'): fill(path)
    path.write_text(json.dumps(notebook(('code', '#| figures\nx = 1'))))
    with pytest.raises(SystemExit, match='without an expression'): fill(path)

def test_old_figures_are_told_and_stop_a_release_alone(monkeypatch, capsys):
    t = tool('figures', monkeypatch)
    monkeypatch.setattr(t, 'notebooks', dict)
    monkeypatch.setattr(t, 'figure_files', lambda: dict(new=figures.stamp('metrics'), old=dict(date='2026-11-21')))
    t.main([])
    said = capsys.readouterr().out
    assert 'old.json: 2026-11-21, without a stamp' in said and 'new.json' not in said
    with pytest.raises(SystemExit, match='old'): t.main(['--release'])
    t.main(['--release', '--without', 'old'])

def test_outputs_that_other_cells_have_made_are_old(tmp_path, monkeypatch):
    t,run = tool('figures', monkeypatch),tool('run', monkeypatch)
    page = notebook(('code', 'from nextgenface_nb.metrics import psnr\nprint(1)'))
    page['cells'][0]['outputs'] = [dict(output_type='stream', name='stdout', text=['1'])]
    path = tmp_path/'a.ipynb'
    path.write_text(json.dumps(page))
    monkeypatch.setattr(t, 'notebooks', lambda: {'a.ipynb':path})
    for module in t,figures: monkeypatch.setattr(module, 'outputs_path', lambda: tmp_path/'outputs.json')
    assert t.old_outputs()==['a.ipynb']
    run.remember(path, tmp_path)
    assert t.old_outputs()==[]
    page['cells'][0]['source'][1] = 'print(2)'
    path.write_text(json.dumps(page))
    assert t.old_outputs()==['a.ipynb']

def test_a_release_measures_what_is_old_and_nothing_else(monkeypatch):
    release = tool('release', monkeypatch)
    fresh = figures.stamp('metrics')
    monkeypatch.setattr(release, 'figure_files',
        lambda: {name:fresh for name in figures.COMMANDS if name not in ('given', 'devices', 'soak')}|dict(soak={}))
    assert release.needed([])==['given', 'soak', 'devices'] and release.needed(['devices'])==['given', 'soak']
    assert release.command('soak')[0]==sys.executable and release.command('given')[0].endswith('nextgenface-benchmark')
    monkeypatch.setattr(release, 'figure_files', dict)
    monkeypatch.delenv('NEXTGENFACE_PHOTOS', raising=False)
    with pytest.raises(SystemExit, match='NEXTGENFACE_PHOTOS'): release.main([])

def test_the_readme_shows_what_is_not_reached():
    from nextgenface_nb.evaluation.benchmark import TARGETS
    from nextgenface_nb.evaluation.photos import TARGETS as PHOTOS
    readme = (ROOT/'README.md').read_text(encoding='utf-8')
    measured,tuned,fresh = (figures.read_figures(name) for name in ('measure', 'benchmark', 'fresh'))
    reports = measured,tuned|(fresh or {})   # what counts are people on whom nothing was tuned
    rows = [t.row(report) for targets,report in zip((PHOTOS, TARGETS), reports) for t in targets]
    cells = ([c.strip() for c in line.split('|')] for line in readme.splitlines() if line.startswith('| '))
    lines = {row[1]:row for row in cells}
    assert len(rows)==len(PHOTOS)+len(TARGETS)
    for row in rows:
        _,_,_,reached,holds,*_ = lines[row['target']]
        if row['holds'] is None: assert (reached, holds)==('not measured', '-')
        else: assert (reached, holds)==(row['reached'], 'yes' if row['holds'] else '**NO**'), row

def test_the_readme_shows_what_comes_of_a_cell_and_not_its_code_where_that_is_asked(monkeypatch):
    import nbformat
    page = notebook(('code', '#| figures\n#| hide_input\nMarkdown(x)'), ('code', 'y = 2'))
    page['cells'][0]['outputs'] = [dict(output_type='execute_result', execution_count=None, metadata={},
        data={'text/markdown':'| a |'})]
    text = tool('readme', monkeypatch).to_markdown(nbformat.reads(json.dumps(page), 4))
    assert '| a |' in text and 'y = 2' in text and 'Markdown(x)' not in text

def test_links_of_the_readme_lead_somewhere():
    readme = (ROOT/'README.md').read_text(encoding='utf-8')
    links = [link for link in re.findall(r'\]\(([^)#]+)', readme) if not link.startswith('http')]
    assert len(links)>10 and not [link for link in links if not (ROOT/link).exists()]

def test_there_is_no_figure_at_a_wrong_place():
    with pytest.raises(ConfigError, match='no figure at'): figures.figure(dict(a=[1, 2]), 'a/* ; d')
