"Several photos of one person: whose they are, which are no use, what each can say, and what they cost"
from dataclasses import replace
import numpy as np, pytest, torch
import torch.nn.functional as F
from nextgenface_nb.config import Config
from nextgenface_nb.evaluation.synthetic import studio_light, synthetic_face
from nextgenface_nb.face import Face
from nextgenface_nb.geometry.camera import project
from nextgenface_nb.optim import texture
from nextgenface_nb.optim.landmarks import LandmarkSettings, fit_landmarks
from nextgenface_nb.optim.light import LightProblem, fit_light, light_terms
from nextgenface_nb.optim.losses import blur, row_energies, stage_problem, together
from nextgenface_nb.optim.shading import frame_transfer, skin_pixels
from nextgenface_nb.optim.stages import make_stages, run
from nextgenface_nb.optim.texture import TextureSolver, fineness, own_albedo, texture_prior, texture_view
from nextgenface_nb.pipeline import STANDING, Pipeline
from nextgenface_nb.reconstruction import (begin, leave_out_photos, fine_contrast, mean_identity, Reconstruction, shape_distances,
    stranger, weigh_photos)
from nextgenface_nb.rendering import transfer

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

# --- what several photos cost

@pytest.fixture(scope='module')
def true_person(pipeline, own):
    truth = synthetic_face(pipeline, 3, light=studio_light(0., bands=3), size=32, samples=1).face.identity
    face = Face(replace(mean_identity(pipeline.model), shape=truth.shape, albedo=truth.albedo), [replace(f) for f in own])
    return face

def test_the_mesh_of_each_photo_stays_where_it_is(pipeline, true_person, monkeypatch):
    from nextgenface_nb.rendering.scene import Scene
    placed = []
    put = Scene.set_tensors
    monkeypatch.setattr(Scene, 'set_tensors', lambda self,*a,**k: placed.append(self) or put(self, *a, **k))
    values = pipeline.model.regions['face'][:,None]
    for _ in range(3):
        for i in range(3): pipeline.flat(true_person, i, values)
    assert len(placed)<=3
    many = replace(true_person, frames=true_person.frames*7)
    assert len({id(pipeline.renderer(f, i)) for i,f in enumerate(many.frames)})==STANDING

def test_the_table_of_directions_is_made_once(pipeline, true_person, monkeypatch):
    made = []
    table = transfer.DirectionTable
    monkeypatch.setattr(transfer, 'DirectionTable', lambda *a,**k: made.append(a) or table(*a, **k))
    for i in (0, 1, 0): frame_transfer(pipeline, true_person, i, wanted=torch.arange(SIZE**2)%97==0)
    assert len(made)<=1

def test_photos_share_the_pixels_of_the_geometry(pipeline, true_person):
    stage = make_stages(pipeline.config)[1]
    one,three = (skin_pixels(pipeline, replace(true_person, frames=true_person.frames[:n]), stage, 400) for n in (1, 3))
    assert len(one[0].weight)==400
    assert [len(p.weight) for p in three]==[round(400/3**.75)]*3

# --- what each photo counts

def test_the_prior_of_the_shape_counts_with_the_photos(pipeline, true_person):
    "What a model of light and albedo cannot say is in all photos alike; skin that may not have its colours bends the shape"
    settings = make_stages(pipeline.config)[1]
    energies = {}
    for n in (1, 3):
        face = replace(true_person, frames=true_person.frames[:n])
        light = LightProblem(pipeline, face, settings.light, skin_pixels(pipeline, face, settings, 60)).system()
        energies[n] = row_energies(stage_problem(pipeline, face, {}), face)|dict(albedo=light.energies['albedo'])
    more = {name:float(energies[3][name])/float(energies[1][name]) for name in ('shape', 'albedo')}
    assert more==pytest.approx(dict(shape=together(true_person.frames), albedo=1))
    of = lambda *weights: together([replace(true_person.frames[0], weight=w) for w in weights])
    assert [of(*[1.]*n) for n in (1, 2, 8)]==[1, 2, 8]
    assert of(1., .25, .25)==1.5                 # who says little brings few faults
    assert of(.3)==of(0.)==1 and of(3., 3.)==2   # of one photo there is nothing in common, whatever it weighs

def test_a_small_or_soft_photo_counts_less(pipeline, own):
    small = replace(own[1], photo=replace(own[1].photo, scale=2.))
    soft = replace(own[2], photo=replace(own[2].photo, pixels=blur(own[2].photo.pixels, 1.)))
    weights = lambda frames: [f.weight for f in weigh_photos(begun(pipeline, frames)).face.frames]
    assert max(weights(own))==1 and min(weights(own))>.6
    a,b,c = weights([own[0], small, soft])
    assert a==1 and b<.65 and c<.8
    assert weights(own[:1])==[1.]

def test_photos_that_show_nothing_count_as_one_does(pipeline, own):
    "The least weight is beside a better photo; where there is none, all count 1"
    flat = [replace(f, photo=replace(f.photo, pixels=torch.full_like(f.photo.pixels, .2))) for f in own[:2]]
    result = begun(pipeline, flat, leave_out_photos=False)
    assert [f.weight for f in weigh_photos(result).face.frames]==[1, 1]

def alone(person, weight):
    "One of the photos, on a face that is known"
    return Face(replace(person.identity), [replace(person.frames[2], weight=weight)])

def test_a_poor_photo_has_the_expression_that_it_has_alone(pipeline, true_person):
    "On the same face: what is known before of an expression counts as the photo does"
    found = []
    for weight in (1., .05):
        face = alone(true_person, weight)
        face.frames[0].expression = torch.zeros_like(face.frames[0].expression)
        fit_landmarks(pipeline.model, face, LandmarkSettings(shape_free=False), steps=100)
        found.append(torch.cat([face.frames[0].expression, face.frames[0].camera.focal.log()[None]]))
    assert found[0][:-1].abs().max()>.2 and torch.allclose(*found, atol=2e-3)

def test_a_poor_photo_has_the_light_that_it_has_alone(pipeline, true_person):
    found = []
    for weight in (1., .05):
        face = alone(true_person, weight)
        stage = make_stages(pipeline.config)[1].light
        stage.rates.pop('albedo')
        face.frames[0].light = face.frames[0].light.frontal(3)
        for _ in fit_light(pipeline, face, stage, 8): pass
        found.append(face.frames[0].light.coefficients)
    assert (found[0]-found[1]).norm()<.002*found[0].norm()

def test_what_is_expected_of_lights_in_stage_3_counts_as_their_photos_do(pipeline, true_person):
    stage = make_stages(pipeline.config)[2]
    below = replace(studio_light(.3, bands=3), coefficients=torch.randn(9, 3, generator=torch.Generator().manual_seed(0)))
    face = Face(true_person.identity, [replace(f, light=below, weight=w) for f,w in zip(true_person.frames, (1., .5))])
    one = light_terms(stage, replace(face, frames=face.frames[:1]))['light']
    assert one>0
    assert float(light_terms(stage, face)['light'])==pytest.approx(1.5*float(one))
    assert float(light_terms(stage, face, [.4, .8])['light'])==pytest.approx(.8*float(one))

def enlarged(frame, times=4):
    "As if the same photo had been brought to its size from a smaller one"
    picture = F.avg_pool2d(frame.photo.pixels.permute(2, 0, 1)[None], times)
    pixels = F.interpolate(picture, scale_factor=times, mode='bilinear')[0].permute(1, 2, 0)
    return replace(frame, photo=replace(frame.photo, pixels=pixels, scale=float(times)))

def begun_texture(pipeline, person, frames):
    "Stage 3 at its start"
    face = replace(person.copy(), frames=[replace(f) for f in frames])
    weigh_photos(Reconstruction(face, pipeline))
    return TextureSolver(pipeline, face, make_stages(pipeline.config)[2])

def counts(solver):
    "How often the term of each photo is summed, against the terms of the maps"
    return [f.weight*share for f,share in zip(solver.face.frames, solver.shares or [1.])]

@pytest.mark.parametrize('poor', [1, 3, 7])
def test_poor_photos_beside_a_good_one_do_not_make_it_count_more(pipeline, true_person, poor):
    good = true_person.frames[1]
    found = counts(begun_texture(pipeline, true_person, [good]+[enlarged(good)]*poor))
    assert .78<found[0]<=1 and sum(found[1:])<.1

@pytest.mark.parametrize('weight', [1., .3])
def test_the_same_photo_several_times_counts_as_often(pipeline, true_person, weight):
    frames = [replace(true_person.frames[1], weight=weight)]*3
    face = replace(true_person.copy(), frames=[replace(f) for f in frames])
    solver = TextureSolver(pipeline, face, make_stages(pipeline.config)[2])
    assert counts(solver)==pytest.approx([weight]*3, rel=1e-4)
    photo = lambda solver: float(solver.losses(False)['photo'].detach())
    one = TextureSolver(pipeline, replace(face, frames=face.frames[:1]), make_stages(pipeline.config)[2])
    assert photo(solver)==pytest.approx(3*photo(one), rel=1e-4)

@pytest.mark.parametrize('left', [1e-4, 1e-2])
def test_a_photo_that_counts_next_to_nothing_in_a_place_is_not_the_finest_there(pipeline, true_person, left):
    good = true_person.frames[1]
    face = replace(true_person, frames=[good, enlarged(good)])
    views = [texture_view(pipeline, face, i) for i in range(2)]
    side = (views[0].transfer.pixels%SIZE<SIZE//2-4)[:,None]
    views[0].weight = torch.where(side, left*views[0].weight, views[0].weight)
    before = views[1].weight.clone()
    texture.weigh_together(pipeline, face, views)
    kept = lambda where: float(views[1].weight[where].sum()/before[where].sum())
    assert kept(side)>.8 and kept(~side)<.1

def test_what_is_voted_out_is_not_the_finest(pipeline, true_person):
    "Something before the skin in the finest of three photos: the others count there as if it were not there"
    person = replace(true_person, frames=[true_person.frames[1]]*3)
    centre = [int(v) for v in cheek(pipeline, person, 0)]
    frames = [patched(person.frames[0], centre, 8), *[enlarged(f, 2) for f in person.frames[1:]]]
    face = replace(person, frames=frames)
    views = [texture_view(pipeline, face, i) for i in range(3)]
    views[0].weight = torch.full_like(views[0].weight, views[1].weight.median())    # nothing but the votes can tell
    before = views[1].weight.clone()
    texture.weigh_together(pipeline, face, views)
    x,y = views[1].transfer.pixels%SIZE,views[1].transfer.pixels//SIZE
    inside = ((x-centre[0]).abs()<4)&((y-centre[1]).abs()<4)
    kept = lambda where: float(views[1].weight[where].sum()/before[where].sum())
    assert kept(inside)>.5 and kept(~inside)<.2

@pytest.mark.parametrize('coarse', [1, 2, 7])
def test_coarse_photos_do_not_vote_on_what_they_cannot_show(coarse):
    "A mole, and a hand; and a strand of hair, beside two photos as fine"
    cells = torch.zeros(1+coarse, 48, 48, 3)
    cells[0,9,9] = -.6
    cells[0,30:44,30:44] = -.6
    pixels = torch.tensor([1.5]+[1.5/16]*coarse)[:,None,None,None].expand(-1, 48, 48, 1)
    seen = torch.ones_like(pixels)
    share = texture.agreement(cells, seen, pixels)[0,...,0]
    assert share[9,9]>.9 and share[37,37]<.1 and texture.agreement(cells, seen)[0,9,9]<.1
    assert torch.equal(texture.agreement(cells, seen, 100*pixels), texture.agreement(cells, seen))
    hair = torch.zeros(3+coarse, 48, 48, 3)
    hair[0,:,20] = -1.2
    fine = torch.cat([pixels[:1], pixels[:1], pixels])
    share = texture.agreement(hair, torch.ones_like(fine), fine)[:,24,20,0]
    assert share[0]<.01 and share[1:3].min()>.9

def test_cells_of_the_texture_cover_the_skin(pipeline, true_person):
    "Four times as many, a quarter each; together the surface of the head"
    area = texture.cell_area(pipeline, true_person, 128)
    assert texture.cell_area(pipeline, true_person, 64)==pytest.approx(4*area)
    assert 5e4<area*128**2*float(pipeline.layout().valid.float().mean())<4e5

def test_a_shadow_on_dark_skin_is_voted_out_as_on_light_skin(pipeline, true_person):
    "What counts as black is measured against the skin"
    view = texture_view(pipeline, true_person, 1)
    prior = texture_prior(pipeline, true_person)
    shares = []
    for tone in (1., .5, .2):
        skin = replace(prior, reference=torch.cat([tone*prior.reference[...,:3], 0*prior.reference[...,3:]], -1))
        maps = view.transfer.gather(skin.reference)
        light = view.shading.irradiance
        gloss = view.shading.colours(torch.zeros_like(light), maps[:,3:4], maps[:,4:])
        shown,model = own_albedo(replace(view, photo=.6*maps[:,:3]*light+gloss), skin)
        off = (shown-model)[light.amin(-1)>light.median()/2].mean()
        shares.append(float((1+(off/texture.AGREE)**2)**-2))
    assert max(shares)<1.05*min(shares)

def test_pixels_on_a_square_millimetre(pipeline, true_person):
    "Of a face that looks at the camera: the focal length over the distance, squared"
    view = texture_view(pipeline, true_person, 1)
    frame = true_person.frames[1]
    found = fineness(view)
    front = float(frame.camera.focal/-frame.translation[2])**2
    assert .8<float(found.quantile(.95))/front<1.3
    assert torch.allclose(fineness(view, 2.), found/4) and torch.allclose(fineness(view, .5), found)

def patched(frame, centre, half=5, colour=(.02, .25, .05)):
    "The photo with something green before the skin"
    pixels = frame.photo.pixels.clone()
    x,y = (int(v) for v in centre)
    pixels[y-half:y+half,x-half:x+half] = torch.tensor(colour)
    return replace(frame, photo=replace(frame.photo, pixels=pixels))

def cheek(pipeline, face, i):
    "Where photo i sees a place on the cheek"
    corners = pipeline.model.embedding_of([50], 'mediapipe')
    return project(corners.points(pipeline.world_vertices(face, i), pipeline.model.triangles), face.frames[i].camera)[0]

def painted(pipeline, person, spoilt):
    "Albedo after stage 3, over that without the patch, where it is off most: on the texels of the patch"
    found = []
    for frames in (person.frames, [patched(f, cheek(pipeline, person, i)) if i in spoilt else f
            for i,f in enumerate(person.frames)]):
        face = replace(person.copy(), frames=[replace(f) for f in frames])
        for _ in run(make_stages(pipeline.config)[2], pipeline, face): pass
        found.append(face.identity.diffuse)
    return float((found[1]-found[0]).abs().mean(-1).flatten().topk(20).values.mean())

@pytest.mark.parametrize('count', [3, 2])
def test_what_one_photo_alone_shows_is_no_skin(pipeline, true_person, count, monkeypatch):
    config = replace(pipeline.config, steps_texture=30, steps_detail=3, leave_out='nothing')
    it = Pipeline(pipeline.model, config)
    person = replace(true_person, frames=true_person.frames[:count])
    alone = painted(it, replace(person, frames=person.frames[:1]), [0])
    together = painted(it, person, [0])
    assert alone>.05 and together<.15*alone
    monkeypatch.setattr(texture, 'agreement', lambda found,seen,pixels: torch.ones_like(seen))
    assert painted(it, person, [0])>2*together
