"Files that were written before names were given up are still read, and nothing is written under an old name"
import json
from pathlib import Path
import numpy as np, pytest, torch
from nextgenface_nb import load
from nextgenface_nb.config import Config, RENAMED, RENAMED_VALUES, explain, renamed
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.output.checkpoint import load_face, read_about, save_face

OLD = Path(__file__).parent/'old_names'
WANTED = dict(displacement=1.5, detector_uncertainty=2., leave_out='occluders')

def wanted_in(config): return {k:getattr(config, k) for k in WANTED}

@pytest.fixture(scope='module')
def model():
    "That of the checkpoint, whatever becomes of the toy head"
    found = toy_model(29, 21)
    found._fingerprint = read_about(OLD/'face.npz')['model']['fingerprint']
    return found

@pytest.mark.parametrize('file', ['settings.ini', 'report.json'])
def test_settings_of_a_file(file):
    assert wanted_in(Config.load(OLD/file))==WANTED

@pytest.mark.parametrize('text, name, value', [
    ('relief=.5', 'displacement', .5), ('detector_doubt=3', 'detector_uncertainty', 3.),
    ('leave_out=things', 'leave_out', 'occluders')])
def test_settings_one_by_one(text, name, value):
    config = Config().set(text)
    assert getattr(config, name)==value and getattr(config, text.split('=')[0])==value
    assert text.split('=')[0] in explain(name)

def test_a_checkpoint(model):
    face,meta = load_face(OLD/'face.npz', model)
    count = len(face.identity.displacement)
    torch.testing.assert_close(face.identity.displacement, torch.linspace(-.5, .5, count))
    assert face.frames[0].landmarks.uncertainty==.01
    assert {k:meta['config'][k] for k in WANTED}==WANTED and Config(**meta['config'])
    assert any(step['losses'].get('displacement')==.125 for step in meta['history'])

def test_a_checkpoint_for_export(model):
    own = load(OLD/'face.npz', model=model, device='cpu')
    assert wanted_in(own.pipeline.config)==WANTED and own.face.identity.displacement is not None

def test_what_a_user_kept_under_such_a_name_stays(model, tmp_path):
    face,_ = load_face(OLD/'face.npz', model)
    save_face(tmp_path/'x.npz', face, model, dict(relief='mine', leaves=[1]), dict(leaves=torch.ones(2)))
    _,meta = load_face(tmp_path/'x.npz', model)
    assert meta['relief']=='mine' and meta['leaves']==[1] and list(meta['tensors'])==['leaves']

def test_the_card_of_a_report():
    before = json.loads((OLD/'report.json').read_text(encoding='utf-8'))['card']['frames'][0]
    after = renamed(before)
    assert after['uncertainty']==before['doubt'] and after['occluders']==before['things']

def test_results_with_these_settings_are_not_made_again(tmp_path, monkeypatch):
    from nextgenface_nb import batch
    (tmp_path/'report.json').write_bytes((OLD/'report.json').read_bytes())
    monkeypatch.setattr(batch, 'invocation', lambda *_, **__: None)
    monkeypatch.setattr(batch, 'is_whole', lambda folder: True)
    monkeypatch.setattr(batch, 'origin_in', lambda found: 'here')
    monkeypatch.setattr(batch, 'origin', lambda config: 'here')
    config = Config.load(OLD/'report.json')
    assert batch.was_done([], tmp_path, config) and not batch.was_done([], tmp_path, config.set('displacement=1'))

def under_old_names(path):
    "A state as it was written before"
    old = {new:before for before,new in RENAMED.items()}
    back = lambda name: '.'.join(old.get(part, part) for part in name.split('.'))
    def deep(x):
        if isinstance(x, list): return [deep(v) for v in x]
        return {old.get(k, k):'things' if v=='occluders' else deep(v) for k,v in x.items()} if isinstance(x, dict) else x
    with np.load(path) as file: arrays = {back(k):file[k] for k in file.files}
    text = json.dumps(deep(json.loads(str(arrays['json']))))
    assert all(f'"{name}"' in text for name in ('relief', 'doubt', 'detector_doubt', 'things'))
    assert any('.leaves.' in name for name in arrays)
    np.savez(path, **arrays|dict(json=np.array(text)))

def test_an_interrupted_run_goes_on(tmp_path):
    "Stopped in stage 3, its state put under the old names: the same bits as of a run that nobody stopped"
    from test_resume import fit_here, photograph
    place,keep = photograph(tmp_path/'run'),tmp_path/'.x.resume.npz'
    settings = dict(steps_shading=1, steps_photometric=0, steps_texture=4)
    def stop(step):
        if (step.stage, step.step)==('texture', 2): raise KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt): fit_here(place, keep, settings=settings, progress=stop)
    under_old_names(keep)
    seen = []
    went_on = fit_here(place, keep, settings=settings, progress=seen.append)
    assert [p.step for p in seen]==[3, 4]
    whole = fit_here(place, tmp_path/'.y.resume.npz', settings=settings)
    for name,value in whole.face.parameters().items(): assert torch.equal(value, went_on.face.parameters()[name]), name

def test_nothing_is_written_under_an_old_name(model, tmp_path):
    face,meta = load_face(OLD/'face.npz', model)
    save_face(tmp_path/'x.npz', face, model, dict(config=meta['config']))
    Config.load(OLD/'settings.ini').save(tmp_path/'x.ini')
    with np.load(tmp_path/'x.npz') as file: names,text = file.files,str(file['json'])
    words = {line.split('=')[0].strip() for line in (tmp_path/'x.ini').read_text(encoding='utf-8').splitlines()}
    assert not words&set(RENAMED) and not any(part in RENAMED for n in names for part in n.split('.'))
    assert not any(f'"{name}"' in text for name in (*RENAMED, *RENAMED_VALUES['leave_out']))
