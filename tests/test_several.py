"Several photos of one person: whose they are, and which are no use"
from dataclasses import replace
import numpy as np, pytest
from nextgenface_nb.config import Config
from nextgenface_nb.evaluation.synthetic import studio_light, synthetic_face
from nextgenface_nb.face import Face
from nextgenface_nb.optim.losses import blur
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.reconstruction import (begin, leave_out_photos, fine_contrast, mean_identity, Reconstruction, shape_distances,
    stranger)

SIZE = 96

@pytest.fixture(scope='module')
def pipeline(): return Pipeline(None, Config(texture_resolution=64, bands=3, environment_height=32, displacement=0))

def shot(pipeline, seed, yaw, name):
    frame = synthetic_face(pipeline, seed, light=studio_light(yaw, bands=3), rotation=(.05, yaw, 0.), size=SIZE,
        samples=8, landmark_noise=.3).face.frames[0]
    frame.photo = replace(frame.photo, path=name, sha256=name)
    return frame

@pytest.fixture(scope='module')
def own(pipeline): return [shot(pipeline, 3, yaw, f'own{k}.jpg') for k,yaw in enumerate((-.4, 0., .4))]

@pytest.fixture(scope='module')
def other(pipeline): return shot(pipeline, 8, .1, 'other.jpg')

def begun(pipeline, frames, **settings):
    "As if these photos had just been read"
    it = pipeline if not settings else Pipeline(pipeline.model, replace(pipeline.config, **settings))
    return leave_out_photos(Reconstruction(Face(mean_identity(it.model), [replace(f) for f in frames]), it,
        timings=dict(detection=0.)))

def names(result): return [f.photo.path for f in result.face.frames]

def test_photos_of_one_person_all_stay(pipeline, own):
    result = begun(pipeline, own)
    assert names(result)==['own0.jpg', 'own1.jpg', 'own2.jpg'] and not result.left_out and not result.warnings

@pytest.mark.parametrize('place', [0, 2])
def test_a_stranger_among_the_photos_is_left_out_and_told(pipeline, own, other, place):
    result = begun(pipeline, [*own[:place], other, *own[place:]])
    assert names(result)==['own0.jpg', 'own1.jpg', 'own2.jpg']
    assert result.left_out==[dict(photo='other.jpg', sha256='other.jpg', why='it seems to show somebody else')]
    assert any('other.jpg is left out' in w and 'somebody else' in w for w in result.warnings)

def test_a_blurred_photo_is_left_out_and_told(pipeline, own):
    smeared = replace(own[1], photo=replace(own[1].photo, pixels=blur(own[1].photo.pixels, 3.)))
    assert fine_contrast(smeared)<.5*fine_contrast(own[1])
    result = begun(pipeline, [own[0], smeared, own[2]])
    assert names(result)==['own0.jpg', 'own2.jpg'] and 'own1.jpg is left out: it is blurred' in result.warnings[0]

def test_who_knows_better_keeps_all(pipeline, own, other):
    result = begun(pipeline, [*own, other], leave_out_photos=False)
    assert len(result.face.frames)==4 and not result.warnings

def test_of_two_photos_nobody_can_tell_who_is_the_stranger(pipeline, own, other):
    result = begun(pipeline, [own[1], other])
    assert len(result.face.frames)==2 and 'two people' in result.warnings[0]
    assert not begun(pipeline, own[:2]).warnings

def test_shapes_of_one_person_are_nearer_than_those_of_two(pipeline, own, other):
    found = shape_distances(pipeline.model, [*own, other])
    assert np.allclose(np.diag(found), 0, atol=1e-6) and np.allclose(found, found.T)
    assert found[:3,:3].max()<.5<found[3,:3].min()

def test_the_farthest_is_the_stranger_if_it_is_far_enough():
    apart = lambda near,far: near*(1-np.eye(4))+(far-near)*np.pad(np.ones((1, 3)), ((3, 0), (0, 1)))+(far-near)*np.pad(
        np.ones((3, 1)), ((0, 1), (3, 0)))
    assert stranger(apart(.3, .8))==3
    assert stranger(apart(.3, .55)) is None and stranger(apart(.62, .7)) is None
    assert stranger(apart(.7, .9))==3

def test_reading_the_photos_leaves_out_the_stranger(pipeline, own, other):
    frames = [*own, other]
    result = begin([f.photo for f in frames], pipeline, landmarks=[f.landmarks for f in frames])
    assert names(result)==['own0.jpg', 'own1.jpg', 'own2.jpg'] and result.warnings
