"A folder of photos as a table"
import dataclasses, os, shutil, signal, subprocess, sys, types
from pathlib import Path
import pandas, pytest
from PIL import Image
import nextgenface_nb as ngf
from nextgenface_nb.batch import Outcome
from nextgenface_nb.results import folder as module, runs
from nextgenface_nb.results.folder import COLUMNS, Rows, as_table, reconstruct_folder, row_of, without_main

@pytest.fixture
def photos(tmp_path):
    "Two that show nobody, of which the second is no picture"
    place = tmp_path/'photos'
    place.mkdir()
    Image.new('RGB', (96, 96), 'green').save(place/'a <wall>.png')
    (place/'b.jpg').write_bytes(b'broken')
    return place

SMALL = ngf.Config(renderer='vertex', max_resolution=64, texture_resolution=64)

@pytest.fixture(params=[pandas.DataFrame, Rows])
def kind(request, monkeypatch):
    "What a table is: with pandas, and as if it were not installed"
    if request.param is Rows: monkeypatch.setitem(sys.modules, 'pandas', None)
    return request.param

def test_failures_are_rows_in_the_words_of_the_error(photos, tmp_path, kind):
    table = ngf.reconstruct_folder(photos, SMALL, output=tmp_path/'out')
    assert type(table) is kind
    rows = table.to_dict('records')
    assert [row['status'] for row in rows]==['failed']*2 and all(list(row)==list(COLUMNS) for row in rows)
    assert 'no face was found' in rows[0]['error'] and 'well lit' in rows[0]['advice']
    assert 'b.jpg: is not a picture' in rows[1]['error'] and pandas.isna(rows[1]['nme'])
    assert 'a &lt;wall&gt;.png' in table._repr_html_() and '<wall>' not in table._repr_html_()

def test_without_a_folder_the_results_are_here(photos, tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runs, 'photo_worker', lambda run,listener,known: lambda paths,where: ['dark'])
    seen = []
    table = reconstruct_folder('photos', tell=seen.append).to_dict('records')
    assert [Path(row['folder']) for row in table]==[tmp_path/'results'/n for n in ('a <wall>.png', 'b.jpg')]
    assert [row['warnings'] for row in table]==['dark']*2 and [row['photo'] for row in seen]==['a <wall>.png', 'b.jpg']
    assert (tmp_path/'results'/'summary.csv').exists()

def test_ctrl_c_leaves_a_table(photos, tmp_path, monkeypatch):
    def stopped(paths, where): raise KeyboardInterrupt
    monkeypatch.setattr(runs, 'photo_worker', lambda run,listener,known: stopped)
    table = reconstruct_folder(photos, output=tmp_path/'out')
    assert [row['status'] for row in table.to_dict('records')]==['stopped', 'not begun']

def test_ctrl_c_within_a_fit_ends_it_with_the_step(tmp_path, monkeypatch):
    "And nothing is written"
    def interrupted(photos, folder, pipeline, run, progress, begun):
        os.kill(os.getpid(), signal.SIGINT)
        progress(None)
    monkeypatch.setattr('nextgenface_nb.reconstruction.begin', lambda *_, **__: types.SimpleNamespace(warnings=[]))
    monkeypatch.setattr(runs, 'fit_photos', interrupted)
    pipeline = types.SimpleNamespace(config=SMALL)
    with pytest.raises(KeyboardInterrupt): runs.fit_and_save([ngf.portrait_path()], tmp_path/'a', pipeline, runs.Run(SMALL))
    assert not (tmp_path/'a').exists() or not any((tmp_path/'a').iterdir())

def test_what_the_command_has_done_is_done(tmp_path):
    "Into the same folder, with the same settings and stages"
    from nextgenface_nb import cli
    (tmp_path/'photos').mkdir()
    shutil.copy(ngf.portrait_path(), tmp_path/'photos'/'me.jpg')
    small = [x for name in ('renderer', 'max_resolution', 'texture_resolution') for x in ('--set', f'{name}={getattr(SMALL, name)}')]
    flags = ['--input', tmp_path/'photos', '--output', tmp_path/'out', '--quiet', *(f'--skipStage{n}' for n in (1, 2, 3))]
    assert cli.main([*map(str, flags), *small])==0
    status = lambda **more: reconstruct_folder(tmp_path/'photos', SMALL, output=tmp_path/'out'/'photos', **more).to_dict('records')[0]['status']
    assert status(stages=[])=='before' and status(stages=[], again=True)=='done'

def test_what_is_asked_of_each_photo(photos, tmp_path, monkeypatch):
    "Which face, which stages, and whether it goes on where the last call was stopped; the state is kept in any case"
    asked = []
    def fit(paths, pipeline, keep, stages, resume, start, **more):
        asked.append((list(stages), resume, more['face'], more['every']))
        raise ngf.PhotoError('enough', 'seen')
    monkeypatch.setattr('nextgenface_nb.resume.fit_resumable', fit)
    monkeypatch.setattr('nextgenface_nb.reconstruction.begin', lambda *_, **__: types.SimpleNamespace(warnings=[]))
    (photos/'b.jpg').unlink()
    reconstruct_folder(photos, SMALL, output=tmp_path/'out')
    reconstruct_folder(photos, SMALL, output=tmp_path/'out', stages=['landmarks'], face=2, resume=True)
    assert asked==[(['landmarks', 'photometric', 'texture'], False, None, 10.), (['landmarks'], True, 2, 10.)]

def test_workers_do_not_run_the_script_again(photos, tmp_path):
    "Of a script without `if __name__=='__main__'`"
    script = tmp_path/'script.py'
    script.write_text(f"""print('begun')
import nextgenface_nb as ngf
config = ngf.Config(renderer='vertex', max_resolution=64, texture_resolution=64)
table = ngf.reconstruct_folder({str(photos)!r}, config, workers=2, output='out')
print([row['error'][-17:] for row in table.to_dict('records')])""")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path, timeout=300,
        env=dict(os.environ, PYTHONPATH=str(Path(ngf.__file__).parent.parent)))
    assert done.returncode==0, done.stderr
    lines = done.stdout.strip().split('\n')
    assert lines==['begun', "['no face was found', ' that can be read']"], done.stdout

def test_the_script_is_itself_again(monkeypatch):
    main = types.ModuleType('__main__')
    main.__file__ = 'script.py'
    monkeypatch.setitem(sys.modules, '__main__', main)
    with pytest.raises(ValueError), without_main():
        assert not hasattr(main, '__file__') and main.__spec__ is None
        raise ValueError
    assert main.__file__=='script.py'

OUTCOMES = [Outcome('a.jpg', 'out/a.jpg', 'failed', error='dark', advice='Light it.'), Outcome('b.jpg', 'out/b.jpg', 'done')]

def test_a_data_frame_where_pandas_is_there():
    "A row for each photo, errors too; figures are floats, whether anybody knows them or not"
    table = as_table([row_of(o) for o in OUTCOMES])
    assert isinstance(table, pandas.DataFrame) and list(table.columns)==list(COLUMNS) and list(table.photo)==['a.jpg', 'b.jpg']
    assert list(table.status)==['failed', 'done'] and list(table.error)==['dark', ''] and table.advice[0]=='Light it.'
    figures = ['nme', 'psnr', 'ssim', 'seconds']
    for some in (table, as_table([])):
        assert all(some[name].dtype==float for name in figures), some.dtypes
        assert not any(pandas.api.types.is_numeric_dtype(some[name]) for name in COLUMNS if name not in figures)
    assert table.nme.isna().all() and table[table.error!=''].photo.tolist()==['a.jpg']
    mixed = as_table([row_of(OUTCOMES[0])|dict(nme=.02), row_of(OUTCOMES[1])])
    assert mixed.nme.mean()==.02

def test_rows_where_it_is_not(monkeypatch):
    rows = [row_of(o) for o in OUTCOMES]
    monkeypatch.setitem(sys.modules, 'pandas', None)   # which `import` takes for a package that is not there
    table = as_table(rows)
    assert type(table) is Rows and table==rows and table.to_dict('records')==rows and table.to_dict()[0] is not table[0]
    with pytest.raises(ngf.ConfigError, match='There are: records'): table.to_dict('list')

def test_a_script_can_be_asked_for_its_source_meanwhile(tmp_path):
    "PyTorch does so in a fit, when parts of it load: with workers=1 every photo failed"
    code = """import inspect, sys
from nextgenface_nb.results.folder import without_main
ask = lambda: inspect.getmodule(compile('1', 'elsewhere', 'exec'))   # looks at every module; remembers their files
ask()
with without_main(): ask()
print(__file__, __spec__)"""
    (tmp_path/'script.py').write_text(code)
    done = subprocess.run([sys.executable, 'script.py'], cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, 'PYTHONPATH':str(Path(module.__file__).parents[2])})
    assert not done.returncode and 'script.py None' in done.stdout, done.stderr

def test_the_callers_variant_of_mitsuba_stays(photos, tmp_path):
    "Though photos are fitted with another one"
    mi = pytest.importorskip('mitsuba')
    before = mi.variant()
    mi.set_variant('scalar_rgb')
    try:
        reconstruct_folder(photos, dataclasses.replace(SMALL, renderer='mitsuba', device='cpu'), output=tmp_path/'out')
        assert mi.variant()=='scalar_rgb'
    finally:
        if before: mi.set_variant(before)
