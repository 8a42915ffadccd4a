"What is read off a result has the names, types, units and conventions that are promised"
import ast, subprocess, sys
from dataclasses import replace
from pathlib import Path
import numpy as np, pytest, torch
import nextgenface_nb
from nextgenface_nb import Config, Face, FaceError, Photo, Pipeline, Reconstruction, reconstruct
from nextgenface_nb.evaluation.synthetic import synthetic_face
from nextgenface_nb.face import FrameError
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.geometry.camera import project
from nextgenface_nb.light.environment import MapLight
from nextgenface_nb.names import UnknownName
from nextgenface_nb.results.arrays import (DrawnAgain, Expression, FoundLandmarks, FoundLight, Frames, Maps, Named,
    PhotoCamera, Report, camera_facts, png_bytes, short_names)
from nextgenface_nb.results.shown import table_html

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT/'tools'))
from docments import patched
from hints import away
from layers import modules

CONFIG = Config(device='cpu', renderer='vertex', texture_resolution=64, max_resolution=96, bands=3,
    environment_height=16, samples_final=1, steps_photometric=2, steps_texture=5)

@pytest.fixture(scope='module')
def pipeline(): return Pipeline(toy_model(29, 21), CONFIG)

@pytest.fixture
def two(pipeline):
    "One person in two photos, as a fit would leave them"
    face = synthetic_face(pipeline, seed=3, size=96, samples=1).face
    other = synthetic_face(pipeline, seed=3, size=96, samples=1, rotation=(.1, -.3, .05)).face.frames[0]
    return Reconstruction(Face(face.identity, [face.frames[0], other]), pipeline, after_landmarks=[.01, .02])

@pytest.fixture(scope='module')
def fitted(pipeline):
    "A fit of a few steps, asked for by the public names alone"
    truth = synthetic_face(pipeline, seed=4, size=96, samples=1)
    return reconstruct(truth.photo(), CONFIG, pipeline.model, truth.landmarks())

KINDS = dict(vertices=np.ndarray, neutral=np.ndarray, triangles=np.ndarray, uvs=np.ndarray, pose=np.ndarray,
    expression=Expression, camera=PhotoCamera, maps=Maps, light=FoundLight, landmarks=FoundLandmarks, photo=Photo,
    report=Report, frames=Frames)

@pytest.mark.parametrize('name', KINDS)
def test_every_name_is_there_for_every_photo(two, name):
    for one in (two, *two.frames):
        assert isinstance(getattr(one, name), KINDS[name])
        assert repr(getattr(one, name)) and len(repr(getattr(one, name)))<2000
    assert getattr(Reconstruction, name).__doc__ and name in dir(two)

def test_shapes_and_types_of_arrays(two):
    V,F = len(two.pipeline.model.uvs),len(two.pipeline.model.triangles)
    arrays = {n:getattr(two, n) for n in ('vertices', 'neutral', 'triangles', 'uvs', 'pose')}
    found = {n:(x.shape, x.dtype.name) for n,x in arrays.items()}
    assert found==dict(vertices=((V, 3), 'float32'), neutral=((V, 3), 'float32'), triangles=((F, 3), 'int32'),
        uvs=((V, 2), 'float32'), pose=((4, 4), 'float64'))
    light = two.light.environment(64)
    assert light.shape==(64, 128, 3) and light.dtype==np.float32 and two.camera.K.shape==(3, 3)

def test_the_camera_of_a_fit_sees_its_landmarks(fitted):
    "Crop and original, by the matrices alone"
    found,camera = fitted.landmarks,fitted.camera
    places,_ = fitted.pipeline.landmark_places(fitted.face, 0)
    points = places.points(torch.tensor(fitted.vertices), fitted.pipeline.model.triangles).detach().numpy()
    assert np.abs(camera.project(points)-found.fitted).max()<.01
    assert np.abs(found.fitted-found.points).mean()<1. and 0<found.error<.02
    u,v,w = camera.original.K@camera.matrix('opencv')[:3]@np.c_[points, np.ones(len(points))].T
    moved = fitted.photo.to_original(torch.tensor(found.fitted).double()).numpy()
    assert np.abs(np.stack([u/w, v/w], 1)-moved).max()<.05
    world = fitted.pipeline.world_vertices(fitted.face, 0).detach()
    seen = project(world, fitted.face.frames[0].camera).detach().numpy()
    assert np.abs(camera.project(fitted.vertices)-seen).max()<.01

def test_photo_zero_is_meant_and_the_others_share_everything(two):
    assert two.frames[0].vertices.tolist()==two.vertices.tolist() and two.frames[1].pose.tolist()!=two.pose.tolist()
    one = two.frames[1]
    assert one.face.identity is two.face.identity and one.face.frames[0] is two.face.frames[1]
    assert one.after_landmarks==[.02] and one.frames[-1] is one and len(two.frames)==2
    two.face.frames[1].expression.zero_()                             # one and the same
    assert np.allclose(two.frames[1].vertices, two.neutral)

@pytest.mark.parametrize('ask,words', [
    (lambda f: f.maps['difuse'], "Did you mean 'diffuse'"), (lambda f: f.maps.image('moon'), 'There are: diffuse'),
    (lambda f: f.expression['jawOpn'], "Did you mean 'jawOpen'"),
    (lambda f: f.camera.matrix('pytorch'), "Did you mean 'pytorch3d'"),
    (lambda f: f.camera.matrix('opencv', 'inch'), 'mm, m'),
    (lambda f: f.camera.intrinsics('cv'), 'convention'),
    (lambda f: f.differentiable('lihgt'), "Did you mean 'light'"),
    (lambda f: f.differentiable()[1](dict(rotatoin=torch.zeros(3))), "Did you mean 'rotation'")])
def test_wrong_names_are_told_in_words(two, ask, words):
    with pytest.raises(FaceError, match=words) as caught: ask(two)
    assert isinstance(caught.value, UnknownName) and isinstance(caught.value, KeyError)

def test_a_photo_that_is_not_there(two):
    "An `IndexError`, so that loops end"
    with pytest.raises(FrameError, match='It has 2, counted from 0'): two.frames[2]
    with pytest.raises(IndexError, match='no photo -3'): two.frames[-3]
    with pytest.raises(FrameError, match="no photo 'first'"): two.frames['first']
    with pytest.raises(FrameError, match='no photo 2 '): two.render(frame=2, size=32)
    assert (two.mesh(frame=-1).vertices==two.mesh(frame=1).vertices).all()
    assert len(list(two.frames))==len(two.frames[:])==2 and two.frames[1:]==[two.frames[1]]

def test_what_is_found_by_name_is_a_mapping(two):
    assert dict(two.expression)=={n:two.expression[n] for n in two.pipeline.model.expression_names}
    assert 'nothing' not in two.expression and two.expression.get('nothing', 3)==3
    assert issubclass(Maps, Named) and [*two.maps]==['diffuse', 'specular', 'roughness', 'seen']

def test_maps_are_the_memory_of_the_tensors(two):
    for name in ('diffuse', 'specular', 'roughness'):
        assert np.shares_memory(two.maps[name], getattr(two.face.identity, name).numpy())
        with pytest.raises(ValueError, match='read-only'): two.maps[name][:] = 0
    two.vertices[:] = 0                                                     # while these are one's own
    assert np.abs(two.vertices).max()>0

def test_maps_of_another_size_than_the_config_says(two):
    own = replace(two.face.identity, diffuse=torch.rand(32, 32, 3), provenance=None)
    other = replace(two, face=Face(own, two.face.frames))
    assert other.maps.seen.shape==(32, 32, 1) and '32 x 32' in repr(other.maps)

def test_a_report_is_measured_once_and_again_when_the_face_has_changed(two, monkeypatch):
    measured = []
    own = Reconstruction.measures
    monkeypatch.setattr(Reconstruction, 'measures', lambda self, *args: measured.append(1) or own(self, *args))
    assert two.report is two.report and len(measured)==1
    before = two.report['mean']['psnr']
    two.face.identity.diffuse.mul_(.5)
    assert two.report['mean']['psnr']!=before and len(measured)==2
    two.face.frames[0].photo = replace(two.face.frames[0].photo)
    assert two.report and len(measured)==3

def test_a_report_without_figures():
    told = Report(frames=[dict(photo='', nme=None, psnr=None, ssim=None)], warnings=['<b>'])
    assert 'nan' in repr(told) and '&lt;b&gt;' in told._repr_html_()

def test_small_pictures_for_notebooks(two):
    import io, PIL.Image
    for thing in (two.maps, two.light, two.landmarks):
        data = thing._repr_png_()
        assert PIL.Image.open(io.BytesIO(data)).format=='PNG' and len(data)<200_000
    assert png_bytes(PIL.Image.new('RGB', (2, 2)))[1:4]==b'PNG'
    assert two.expression._repr_html_().startswith('<svg') and '<table>' in two.camera._repr_html_()
    assert '&lt;i&gt;' in table_html({'<i>':'x'}) and '96 x 96' in camera_facts(two.camera)['image']

def test_the_coefficients_of_a_light_that_has_none(two):
    environment = torch.full((16, 32, 3), 2.)
    found = FoundLight(MapLight(environment), 3)
    assert found.coefficients.shape==(9, 3) and np.allclose(found.coefficients[0], 2*np.sqrt(4*np.pi), rtol=1e-3)
    assert np.abs(found.coefficients[1:]).max()<1e-3 and np.allclose(found.environment(8), 2)

@pytest.mark.parametrize('rows', [0, -1, 100_000, 8.5, None])
def test_a_map_of_the_light_that_nobody_can_make(two, rows):
    with pytest.raises(FaceError, match='from 1 to 4096'): two.light.environment(rows)

def test_tensors_given_to_the_render_are_meant_this_time_only(two):
    parameters,render = two.differentiable('light')
    before = render(samples=1)
    assert torch.equal(render(parameters, samples=1), before)
    brighter = dict(parameters)|{'light.coefficients':2*parameters['light.coefficients']}
    assert torch.allclose(render(brighter, samples=1)[...,:3], 2*before[...,:3], atol=1e-4)
    assert torch.equal(render(samples=1), before)

def test_a_loop_of_ones_own_changes_nothing_but_its_own(two):
    before = {n:t.clone() for n,t in two.face.parameters().items()}
    parameters,render = two.frames[1].differentiable('rotation', 'light')
    assert isinstance(render, DrawnAgain) and [*parameters]==['rotation', 'light.coefficients']
    render(samples=1)[...,:3].sum().backward()
    assert all(p.grad.abs().max()>0 for p in parameters.values())
    with torch.no_grad(): parameters['rotation'] += .1
    moved = render.result()
    assert np.abs(moved.pose-two.frames[1].pose).max()>.01 and not moved.face.frames[0].rotation.requires_grad
    assert all(torch.equal(before[n], t) for n,t in two.face.parameters().items())
    assert 'albedo' not in short_names(two.frames[1].face) and 'expression' in short_names(two.frames[1].face)

def test_gradients_agree_with_differences(two):
    "Of the mean brightness, by the brightness of the light"
    parameters,render = two.differentiable('light')
    light = parameters['light.coefficients']
    mean = lambda: render(samples=1)[...,:3].mean()
    mean().backward()
    slope = float((light.grad*light).sum().detach())
    with torch.no_grad():
        low = float(mean())
        light *= 1.01
        assert slope==pytest.approx((float(mean())-low)/.01, rel=.02)

@pytest.mark.parametrize('name', ['Reconstruction', 'reconstruct', 'reconstruct_steps', 'Optimizer'])
def test_the_names_come_with_whatever_gives_a_result(name):
    "And the package alone loads nothing"
    program = f'''
import sys, nextgenface_nb
assert not {{'torch', 'numpy', 'nextgenface_nb.results.arrays'}} & {{*sys.modules}}
nextgenface_nb.{name}
from nextgenface_nb.reconstruction import Reconstruction
assert Reconstruction.vertices'''
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True)
    assert done.returncode==0, done.stderr

def not_loaded(loaded:dict)->list: # of (module, class)
    "Modules of results whose methods a public class lacks when it is taken from the package"
    found = []
    for name,file in modules().items():
        guests = away(ast.parse(file.read_text(encoding='utf-8'))) if name.startswith('results.') else []
        homes = {patched(n):nextgenface_nb._PUBLIC.get(patched(n)) for n in guests}
        found += [(name, c) for c,home in homes.items() if home and name not in loaded.get(home, ())]
    return found

def test_every_module_that_gives_names_loads_with_their_class():
    "One table says so, written once: a second one would silently take the place of the first"
    text = (ROOT/'nextgenface_nb'/'__init__.py').read_text(encoding='utf-8')
    assert len([line for line in text.split('\n') if line.startswith('_WITH = ')])==1
    assert not_loaded(nextgenface_nb._WITH)==[] and ('results.arrays', 'Reconstruction') in not_loaded({})
