"""The figures are figures: a worse result gives a worse one, and the command says what it could not measure"""
import json, os, subprocess, sys
from pathlib import Path
import pytest, torch
from nextgenface_nb.evaluation import photos as measure
from nextgenface_nb.errors import FaceError, PhotoError

LIMITS = {t.key+('/mean' if t.pick is measure.mean else ''):t for t in measure.TARGETS}

def report_with(**sections): return dict(preset='default', settings=[], quick=False, date='2000-01-01',
    machine=dict(cores=2, processor='', memory_gb=8, system='Linux', variant='llvm_ad_rgb'),
    versions=dict(nextgenface_nb='0', python='3', mitsuba='3', torch='2'), skipped={}, **sections)

@pytest.mark.parametrize('target', measure.TARGETS, ids=lambda t: t.key+t.pick.__name__)
def test_a_target_holds_up_to_its_limit_and_no_further(target):
    section,figure = target.key.split('.')
    worse = 1.01 if target.sense=='<=' else .99
    assert target.row({section:[{figure:target.limit}]})['holds'] is True
    assert target.row({section:[{figure:target.limit*worse}]})['holds'] is False
    assert target.row({})['holds'] is None

@pytest.mark.parametrize('target', [t for t in measure.TARGETS if t.pick is not measure.mean],
    ids=lambda t: t.key+t.pick.__name__)
def test_one_bad_result_among_good_ones_is_seen(target):
    section,figure = target.key.split('.')
    good,bad = (.5,2.) if target.sense=='<=' else (2.,.5)
    rows = [{figure:target.limit*good}]*5+[{figure:target.limit*bad}]
    assert target.row({section:rows})['holds'] is False

def test_the_limits_are_those_that_were_agreed_on():
    assert [(t.key, t.sense, t.limit) for t in measure.TARGETS]==[('photos.nme_landmarks', '<=', .012),
        ('photos.nme', '<=', .012), ('photos.seconds_landmarks', '<=', 2),
        ('photos.psnr', '>=', 32), ('photos.psnr', '>=', 29), ('photos.ssim', '>=', .93), ('held_out.psnr', '>=', 27),
        ('cold.seconds', '<=', 180), ('cold.peak_memory_gb', '<=', 3),
        ('recovery.median_mm', '<=', 1), ('recovery.rotation_degrees', '<=', 1), ('sidelit.gain_db', '>=', 3)]

def test_one_gain_is_free_and_shading_is_not():
    true = torch.rand(32, 32, 3, generator=torch.Generator().manual_seed(0))*.5+.1
    mask = torch.ones(32, 32, dtype=torch.bool)
    mask[:4] = False
    shaded = true*torch.linspace(.2, 1, 32)[None,:,None]
    assert measure.map_score(true*.3, true, mask)>60
    assert measure.map_score(shaded, true, mask)<25
    broken = true.clone()
    broken[:4] = 0
    assert measure.map_score(broken, true, mask)>60           # outside the mask nothing counts

def test_peak_memory_is_that_of_the_child():
    ballast = torch.ones(150_000_000)                         # 600 MB here must not count there
    (_,bare,_),(_,peak,_) = (measure.run_measured([sys.executable, '-c', f'x = bytearray({size})'])
        for size in (0, 100_000_000))
    assert len(ballast) and (peak is None or .09<peak-bare<.11)   # GB

def test_what_a_failed_child_said_is_in_the_error():
    with pytest.raises(FaceError, match='(?s)code 7.*something broke'):
        measure.run_measured([sys.executable, '-c', 'print("something broke"); raise SystemExit(7)'])

@pytest.mark.parametrize('flags,code',
    [(['--only', 'weather'], 2), (['--set', 'nonsense=1'], 2), (['--preset', 'best'], 2),
    (['--photos', '/no/such/folder'], 3)])
def test_wrong_use_has_an_exit_code_and_no_traceback(flags, code, capsys):
    assert measure.main(flags)==code
    said = capsys.readouterr()
    assert 'error' in said.err and 'Traceback' not in said.err and not said.out

def test_a_folder_as_output_is_refused_before_anything_is_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(measure, 'measure_all', lambda *a: pytest.fail('measured'))
    assert measure.main(['--output', str(tmp_path)])==5
    assert 'is a folder' in capsys.readouterr().err

def test_the_photos_may_come_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv('NEXTGENFACE_PHOTOS', str(tmp_path))
    assert measure.make_parser().parse_args([]).photos==str(tmp_path)
    monkeypatch.delenv('NEXTGENFACE_PHOTOS')
    assert measure.make_parser().parse_args([]).photos is None

def test_the_command_prints_and_writes_the_same(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv('NEXTGENFACE_PHOTOS', raising=False)
    path = tmp_path/'new'/'measure.json'
    assert measure.main(['--only', 'photos', '--quick', '--output', str(path)])==0
    report,said = json.loads(path.read_text(encoding='utf-8')),capsys.readouterr().out
    assert measure.target_table(report) in said
    assert 'Quick' in said and 'skipped: no --photos DIR' in said
    assert [p['photo'] for p in report['photos']]==['portrait.jpg']
    assert report['machine']['cores'] and report['machine']['variant']
    from nextgenface_nb.evaluation.figures import outdated
    assert outdated(report)==[] and {'evaluation.photos', 'optim.stages', 'face_model.h5'}<=set(report['modules'])
    assert str(Path.home()) not in path.read_text(encoding='utf-8')
    assert len(report['targets'])==len(measure.TARGETS)
    assert set(r['why'] for r in report['targets'] if r['holds'] is None)=={'no --photos DIR', 'not asked for'}

def test_a_photo_is_judged_with_what_the_fit_left_out(monkeypatch, tmp_path):
    ("Its own way through fit and measures: the PSNR of all pixels, by as many rays as are asked for, and the results "
     "where they are wanted")
    from types import SimpleNamespace
    from nextgenface_nb.config import Config
    asked = []
    def measures(samples):
        asked.append(samples)
        return [dict(nme=.01, psnr=40., ssim=.99, psnr_all=20., ssim_all=.9)]
    result = SimpleNamespace(measures=measures, after_landmarks=[.02], timings=dict(landmarks=1.5), save=asked.append)
    def steps(*arguments, **options):
        asked.append((arguments, options))
        return result
        yield
    monkeypatch.setattr(measure, 'reconstruct_steps', steps)
    config = Config()
    figures,found = measure.measure_photo('there/me.png', config, 'pipeline', 77, tmp_path)
    assert found is result and asked==[(('there/me.png', config), dict(pipeline='pipeline')), tmp_path, 77]
    seconds = figures.pop('seconds')
    assert seconds>0 and figures==dict(photo='me.png', nme_landmarks=.02, nme=.01, psnr=20., ssim=.9,
        seconds_landmarks=1.5)
def test_both_likenesses_are_taken_on_the_same_pixels(monkeypatch):
    "What the fit left out of its maps counts for SSIM as it does for PSNR"
    from types import SimpleNamespace
    figures = dict(nme=.01, psnr=40., ssim=.99, psnr_all=20., ssim_all=.5)
    fit = SimpleNamespace(measures=lambda samples: [dict(figures)], after_landmarks=[.02], timings=dict(landmarks=.1))
    monkeypatch.setattr(measure, 'reconstruct_steps', lambda *a, **k: None)
    monkeypatch.setattr(measure, 'exhaust', lambda *a, **k: fit)
    found,_ = measure.measure_photo('me.jpg', None)
    assert (found['psnr'], found['ssim'])==(20., .5) and not {'psnr_all', 'ssim_all'}&set(found)

@pytest.mark.slow
def test_cold_run_measures_time_and_memory():
    from nextgenface_nb.imaging import portrait_path
    found = measure.cold_run(portrait_path(),
        ['--preset', 'fast', '--skipStage2', '--skipStage3', '--set', 'samples_final=2', '--set',
        'texture_resolution=64'])
    seconds,peak,_ = measure.run_measured([sys.executable, '-c', 'import torch'])   # the least that it does
    assert found['seconds']>seconds and (peak is None or peak<found['peak_memory_gb']<20*peak)

@pytest.mark.skipif(not hasattr(os, 'killpg'), reason='needs process groups')
def test_what_is_measured_ends_with_who_measures(tmp_path):
    "SIGTERM to the first process alone; the one that is measured, two further on, ends too"
    import time
    mark = tmp_path/'pid'
    child = f'import os, time; open({str(mark)!r}, "w").write(str(os.getpid())); time.sleep(600)'
    program = f'import signal, sys\nsignal.signal(signal.SIGTERM, signal.default_int_handler)\nfrom nextgenface_nb.evaluation import photos as measure\nmeasure.run_measured([sys.executable, "-c", {child!r}])'
    paths = os.pathsep.join([str(Path(__file__).resolve().parent.parent), os.environ.get('PYTHONPATH', '')])
    with subprocess.Popen([sys.executable, '-c', program], stderr=subprocess.DEVNULL,
        env=dict(os.environ, PYTHONPATH=paths)) as first:
        while not (mark.exists() and mark.read_text()): time.sleep(.05)
        first.terminate()
    until = time.monotonic()+60
    while time.monotonic()<until:
        try: os.kill(int(mark.read_text()), 0)
        except ProcessLookupError: return
        time.sleep(.1)
    pytest.fail('it lives on')

def test_results_that_cannot_be_written_are_refused_before_the_first_photo(tmp_path, monkeypatch, capsys):
    (tmp_path/'file').write_text('')
    monkeypatch.setattr(measure, 'measure_all', lambda *_: pytest.fail('measured in vain'))
    assert measure.main(['--results', str(tmp_path/'file'/'results')])==5 and 'file' in capsys.readouterr().err

@pytest.fixture
def photos(tmp_path, monkeypatch):
    "A folder of three, of which the middle one goes wrong, and a function that says how"
    from PIL import Image
    (tmp_path/'photos').mkdir()
    for name in 'abc': Image.new('RGB', (64, 64)).save(tmp_path/'photos'/f'{name}.png')
    row = dict(nme_landmarks=.01, nme=.01, psnr=30., ssim=.9, seconds_landmarks=1., seconds=2.)
    def given(error):
        def measured(path, *_):
            if path.name=='b.png': raise error
            return dict(row, photo=path.name),None
        monkeypatch.setattr(measure, 'measure_photo', measured)
        return ['--only', 'photos', '--quick', '--set', 'renderer=vertex', '--photos', str(tmp_path/'photos')]
    return given

@pytest.mark.parametrize('kind', (PhotoError, RuntimeError))
def test_a_photo_that_fails_costs_only_its_own_figures(photos, tmp_path, capsys, kind):
    "Whatever is known to happen to a photo; the others may have taken hours"
    file = tmp_path/'figures.json'
    assert measure.main([*photos(kind('b.png: out of memory')), '--output', str(file)])==3
    report,said = json.loads(file.read_text()),capsys.readouterr()
    assert [r['photo'] for r in report['photos']]==['portrait.jpg', 'a.png', 'c.png']
    assert 'memory' in report['skipped']['photo b.png'] and 'b.png' in said.err and 'c.png' in said.out

def test_what_nobody_has_foreseen_is_no_photo_that_fails(photos):
    assert measure.main(photos(RuntimeError('a bug')))==1

def test_ctrl_c_keeps_the_photos_that_are_finished(photos, tmp_path, capsys):
    file = tmp_path/'figures.json'
    assert measure.main([*photos(KeyboardInterrupt()), '--output', str(file)])==130
    report = json.loads(file.read_text())
    assert [r['photo'] for r in report['photos']]==['portrait.jpg', 'a.png'] and report['stopped']
    assert 'a.png' in capsys.readouterr().out

def test_ctrl_c_keeps_the_people_that_are_finished(tmp_path, monkeypatch, capsys):
    file = tmp_path/'figures.json'
    def measured(config, seed, *_):
        if seed==2: raise KeyboardInterrupt
        return dict(seed=seed, median_mm=.5, rotation_degrees=.1)
    monkeypatch.setattr(measure, 'measure_recovery', measured)
    assert measure.main(['--only', 'synthetic', '--set', 'renderer=vertex', '--output', str(file)])==130
    assert [r['seed'] for r in json.loads(file.read_text())['recovery']]==[1]
