"Results, checkpoints and settings of an earlier version: they load, are gone on with, exported and filmed"
import json, shutil
from pathlib import Path
import numpy as np, pytest, torch
from PIL import Image
from nextgenface_nb import __version__, cli, cli_export, cli_replay, load
from nextgenface_nb.batch import was_done
from nextgenface_nb.config import Config
from nextgenface_nb.files import is_whole, resume_path
from nextgenface_nb.imaging import to_srgb
from nextgenface_nb.metrics import nme
from nextgenface_nb.output.checkpoint import load_face
from nextgenface_nb.output.mesh import mesh_vertices
from nextgenface_nb.resume import STATE_VERSION

OLD = Path(__file__).resolve().parent/'old_results'
WRITTEN_BY = '0.0.1',1   # Version of the library and of the state of an interrupted run

@pytest.fixture
def toy(tmp_path, monkeypatch):
    "A copy of the folder, in which one works: its settings name files there"
    shutil.copytree(OLD/'toy', tmp_path/'toy')
    monkeypatch.chdir(tmp_path/'toy')
    return Path('out/photos/face.png')

def settings_of(text):
    "What a file of settings says, by the names of then"
    pairs = [line.split('#')[0].partition('=') for line in text.splitlines() if '=' in line.split('#')[0]]
    return {key.strip():value.strip().strip('"') for key,_,value in pairs}

@pytest.mark.parametrize('path', ['portrait.ini', 'toy/toy.ini'])
def test_every_setting_of_then_has_its_value_under_its_name_of_then(path):
    config = Config()
    config.fillFromDicFile(OLD/path)
    text = (OLD/path).read_text(encoding='utf-8')
    for name,value in settings_of(text).items():
        again = Config()
        again.set(f'{name}={value}')
        assert getattr(config, name)==getattr(again, name), name
        if name!='leave_out': assert str(getattr(config, name)).lower() in (value, str(value).lower()), name
    assert len(settings_of(text))>50

@pytest.mark.parametrize('path', ['portrait.jpg', 'toy/out/photos/face.png'])
def test_a_report_gives_the_settings_of_its_run(path):
    config,again = Config(),Config()
    config.fillFromDicFile(OLD/path/'report.json')
    again.fillFromDicFile(OLD/('portrait.ini' if 'portrait' in path else 'toy/toy.ini'))
    assert config.to_dict()==again.to_dict() and config.texture_resolution==64

def as_shown(texture): return to_srgb(texture.detach().clamp(0, 1)).numpy()

def check_face(pipeline, face, folder, model_of_then):
    "Against what the folder itself says of the face"
    report = json.loads((folder/'report.json').read_text(encoding='utf-8'))
    assert pipeline.model.fingerprint==model_of_then==report['model']['fingerprint']
    frame, = face.frames
    assert nme(pipeline.landmarks(face, 0).detach(), frame.landmarks)==pytest.approx(report['mean']['nme'], rel=1e-4)
    said = report['frames'][0]
    assert float(frame.camera.focal)==pytest.approx(said['focal_length_px'], abs=1e-3)
    np.testing.assert_allclose(frame.translation.detach(), said['translation_mm'], atol=2e-3)
    seen = np.asarray(Image.open(folder/'diffuseMap_0.png'))[...,:3]/255
    assert abs(as_shown(pipeline.maps(face)[0])-seen).max()<.0025

def opened(path):
    "Pipeline, face, and all that the file says beside"
    result = load(path)
    return result.pipeline,result.face,load_face(path, result.pipeline.model)[1]

def test_the_checkpoint_of_the_portrait_holds_what_its_report_says():
    pipeline,face,meta = opened(OLD/'portrait.jpg'/'checkpoints'/'stage3_output.npz')
    check_face(pipeline, face, OLD/'portrait.jpg', meta['model']['fingerprint'])
    assert meta['stage']=='texture' and len(meta['history'])>20
    assert pipeline.world_vertices(face).mean(0).tolist()==pytest.approx([-47.6, 240.8, -969.4], abs=200)

def corners(path):
    "The vertices of an OBJ"
    lines = path.read_text(encoding='utf-8').splitlines()
    return np.array([[float(x) for x in line.split()[1:4]] for line in lines if line.startswith('v ')])

def test_the_checkpoint_of_the_toy_has_the_mesh_of_its_folder(toy):
    pipeline,face,meta = opened(toy/'checkpoints'/'stage3_output.npz')
    check_face(pipeline, face, toy, meta['model']['fingerprint'])
    np.testing.assert_allclose(mesh_vertices(pipeline, face, 0).detach(), corners(toy/'mesh0.obj'), atol=1e-4)

def test_a_folder_of_then_is_exported(toy, tmp_path):
    assert cli_export.main([str(toy), '--format', 'obj,glb,coefficients', '--output', str(tmp_path/'out'), '--quiet'])==0
    np.testing.assert_allclose(corners(tmp_path/'out'/'mesh0.obj'), corners(toy/'mesh0.obj'), atol=1e-4)
    assert (tmp_path/'out'/'face0.glb').stat().st_size==pytest.approx((toy/'face0.glb').stat().st_size, rel=.05)

def test_a_folder_of_then_is_filmed(toy, tmp_path):
    flags = '--size 16 --frames 2 --samples 1 --quiet'.split()
    assert cli_replay.main([str(toy), '--output', str(tmp_path/'films'), *flags])==0
    assert Image.open(tmp_path/'films'/'turntable.gif').n_frames==2

def test_results_of_then_are_whole_and_known_to_a_batch(toy):
    config = Config.load(toy/'report.json')
    asked = json.loads((toy/'report.json').read_text(encoding='utf-8'))['invocation']
    del asked['photos']
    assert is_whole(toy)
    assert was_done([Path('photos/face.png')], toy, config, asked)==(__version__==WRITTEN_BY[0])

def test_a_run_goes_on_from_a_checkpoint_of_then_and_replaces_its_folder(toy, capsys):
    checkpoint = str(toy/'checkpoints'/'stage3_output.npz')
    flags = '--config toy.ini --skipStage1 --skipStage2 --quiet --output out/photos'.split()
    assert cli.main(['--checkpoint', checkpoint, *flags])==0
    assert is_whole(toy) and (toy/'checkpoints'/'stage3_output.npz').is_file()
    report = json.loads((toy/'report.json').read_text(encoding='utf-8'))
    assert report['invocation']['checkpoint']['name']=='stage3_output.npz' and report['mean']['psnr']>38

def test_a_stopped_run_of_then_goes_on_or_says_why_not(toy, monkeypatch, capsys):
    "It may be refused by another version, never misread"
    seen,call = [],cli.Bars.__call__
    monkeypatch.setattr(cli.Bars, '__call__', lambda self,step: (seen.append((step.stage, step.step)), call(self, step)))
    Path('again').mkdir()
    shutil.copy('interrupted.npz', resume_path(Path('again/face.png')))
    code = cli.main('--input photos/face.png --config toy.ini --output again --resume --quiet'.split())
    if (__version__, STATE_VERSION)!=WRITTEN_BY:
        assert code==3 and 'start again' in capsys.readouterr().err
        return
    assert code==0 and seen[0]==('photometric', 10) and seen[-1][0]=='texture'
    apart = corners(Path('again/face.png/mesh0.obj'))-corners(toy/'mesh0.obj')
    assert np.linalg.norm(apart, axis=1).max()<.2
