"Level S: a head whose surface, albedo and light are known, though no vertex of it is one of the model's"
import numpy as np, pytest, torch
from nextgenface_nb.config import Config
from nextgenface_nb.errors import PhotoError
from nextgenface_nb.evaluation.benchmark import measure_scans, scan_line, scan_table
from nextgenface_nb.evaluation.score import Scan, read_scans, score_albedo, score_scan, score_surface
from nextgenface_nb.evaluation.synthetic import studio_light, synthetic_face
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.geometry.mesh import vertex_normals
from nextgenface_nb.imaging import to_srgb
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.reconstruction import Reconstruction

SIZE = 96

@pytest.fixture(scope='module')
def person():
    config = Config(device='cpu', texture_resolution=64, max_resolution=SIZE, bands=5, environment_height=32,
        steps_shading=1, steps_texture=2, samples_final=16)
    return synthetic_face(Pipeline(toy_model(), config), 6, size=SIZE, samples=32, light=studio_light(.3, bands=5))

def arrays(person, moved=0.):
    "What a scan of this person would say, its surface off by so many mm in waves"
    pipeline,face = person.pipeline,person.face
    model = pipeline.model
    world = pipeline.world_vertices(face).detach()
    normals = torch.nn.functional.normalize(vertex_normals(world, model.triangles), dim=-1)
    waves = moved*torch.sign(torch.sin(world[:,:1]/8)*torch.sin(world[:,1:2]/8))
    marks = torch.full((478, 3), torch.nan)
    known = model.embeddings['mediapipe']
    marks[known.ids] = known.points(world, model.triangles)
    seen = pipeline.flat(face, 0, pipeline.maps(face)[0])
    light = studio_light(-.5, bands=5)
    relit = pipeline.render(face, 0, 64, final=True, light=light)[...,:3]
    found = dict(vertices=world+waves*normals, region=model.regions['face']>.5, albedo=seen[...,:3],
        face=pipeline.face_mask(face), marks=marks, relight_environments=light.environment(32)[None], relit=relit[None])
    return {k:v.detach().numpy() for k,v in found.items()}

@pytest.fixture(scope='module')
def folder(person, tmp_path_factory):
    from PIL import Image
    place = tmp_path_factory.mktemp('scans')
    code = (to_srgb(person.photo().pixels.clamp(0, 1))*255).round().byte().numpy()
    for name,moved in (('a', 0.), ('b', 2.)):
        Image.fromarray(code).save(place/f'{name}.png')
        np.savez(place/f'{name}.npz', **arrays(person, moved))
    Image.fromarray(code).save(place/'without_truth.png')
    return place

def test_the_truth_itself_is_right_in_every_figure(person, folder):
    exact,wavy = read_scans(folder)
    assert isinstance(exact, Scan) and exact.vertices.shape[1]==3
    found = score_scan(exact, Reconstruction(person.face, person.pipeline), samples=64)
    assert found['surface_mm']<.05 and abs(found['size']-1)<.01
    assert found['albedo_db']>50 and found['ita_error']<.5 and abs(found['level']-1)<.01
    assert found['relit_db']>30 and found['photo_db']>30
    assert 1<score_surface(wavy, person.pipeline, person.face)['surface_mm']<2.5
    assert all(word in scan_line(dict(found, photo='a.png')) for word in ('a.png', 'surface 0.0', 'relit'))

def test_a_head_of_another_size_and_skin_of_another_tone_are_told(person, folder):
    exact = read_scans(folder)[0]
    exact.vertices = 1.1*exact.vertices
    exact.marks = 1.1*exact.marks
    found = score_surface(exact, person.pipeline, person.face)
    assert found['surface_mm']<.05 and abs(found['size']-1/1.1)<.01
    exact.albedo = .5*exact.albedo
    tone = score_albedo(exact, person.pipeline, person.face)
    assert abs(tone['level']-2)<.01 and tone['ita_error']>5 and tone['ita_gain_error']<.5
    assert tone['albedo_gain_db']>tone['albedo_db']+20

def test_a_folder_without_scans_is_refused(tmp_path):
    with pytest.raises(PhotoError, match='no photo of a scan'): read_scans(tmp_path)

class Given:
    "Landmarks that are known"
    def __init__(self, points): self.points = points
    def detect(self, photo, **options): return self.points.moved(photo) if photo.scale!=1 else self.points

def test_photos_are_fitted_alone_and_together(person, folder, monkeypatch):
    from nextgenface_nb import reconstruction
    monkeypatch.setattr(reconstruction, '_detector_of', lambda pipeline,config: Given(person.landmarks()))
    report = measure_scans(read_scans(folder), person.pipeline, 8)
    assert [r['of'] for r in report['S']]==[1, 1] and [r['of'] for r in report['S_shared']]==[2, 2]
    assert report['S_time'][0]['over_one']>0
    table = scan_table(report)
    assert 'a.png, from it alone' in table and 'b.png, from 2' in table and 'one fit of 2 photos' in table

@pytest.mark.parametrize('change,words', [
    (dict(albedo=None), 'albedo is missing'), (dict(marks=np.zeros((468, 3))), r'marks has the shape \(468, 3\)'),
    (dict(region=np.ones(5, bool)), 'region has the shape'), (dict(face=np.array(['a']*SIZE)), 'face'),
    (dict(relit=np.array({})), 'damaged'), ('cut off', 'damaged'), ('no archive', 'damaged')])
def test_a_truth_that_is_none_is_refused_in_words(folder, tmp_path, change, words):
    from shutil import copyfile
    copyfile(folder/'a.png', tmp_path/'a.png')
    whole = (folder/'a.npz').read_bytes()
    if change=='cut off': (tmp_path/'a.npz').write_bytes(whole[:-500])
    elif change=='no archive': (tmp_path/'a.npz').write_bytes(b'x'*500)
    else:
        with np.load(folder/'a.npz') as arrays: kept = {k:v for k,v in (dict(arrays)|change).items() if v is not None}
        np.savez(tmp_path/'a.npz', **kept)
    with pytest.raises(PhotoError, match=words) as error: read_scans(tmp_path)
    assert 'a.npz' in str(error.value) and 'checkpoint' not in str(error.value)

def test_a_truth_that_becomes_gigabytes_is_not_unpacked(folder, tmp_path, monkeypatch):
    "An archive of kilobytes; what it says of itself is looked at before anything is allocated"
    from shutil import copyfile
    from limited import limited
    copyfile(folder/'a.png', tmp_path/'a.png')
    with np.load(folder/'a.npz') as arrays: np.savez_compressed(tmp_path/'a.npz', **arrays, more=np.zeros(3_000_000))
    limited(monkeypatch, checkpoint_bytes=20_000_000)
    monkeypatch.setattr(np, 'load', lambda *_, **__: pytest.fail('it is unpacked'))
    with pytest.raises(PhotoError, match='when unpacked'): read_scans(tmp_path)

def test_scans_that_cannot_be_read_are_said_before_the_work(tmp_path, monkeypatch, capsys):
    from nextgenface_nb.evaluation import benchmark
    monkeypatch.setattr(benchmark, 'run_levels', lambda *_: pytest.fail('worked in vain'))
    monkeypatch.setattr('nextgenface_nb.rendering.variant.use_variant', lambda device: device)
    assert benchmark.main(['--levels', 'A,S', '--scans', str(tmp_path)])==3
    assert 'no photo of a scan' in capsys.readouterr().err
