"The geometry step of stage 2: its Jacobian against differences, and a face that it finds again"
import pytest, torch
from dataclasses import replace
from nextgenface_nb.config import Config
from nextgenface_nb.optim.landmarks import POSE, LandmarkProblem, put_back
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.optim.shading import (SHARP, PointMotion, ShadingSolver, ShapeSlopes, SkinPixels, eye_whites,
    pixel_rows, softness)
from nextgenface_nb.optim.losses import stage_problem
from nextgenface_nb.optim.stages import make_stages
from nextgenface_nb.evaluation.synthetic import rotation_error, scale_aligned_errors, studio_light, synthetic_face

class FinePixels(SkinPixels):
    # diffuse only: what the Jacobian speaks of, without the noise of few rays
    RAYS = dict(SkinPixels.RAYS, diffuse_samples=1024, glossy_samples=0)

@pytest.fixture(scope='module')
def pipeline(): return Pipeline(None, Config(texture_resolution=64, components=20))

@pytest.fixture(scope='module')
def truth(pipeline): return synthetic_face(pipeline, 3, light=studio_light(.5), size=128, samples=32)

@pytest.fixture(scope='module')
def start(pipeline, truth):
    # lids that move over the whites are edges, which the Jacobian leaves out
    skin_alone = Pipeline(pipeline.model, replace(pipeline.config, weight_eye_white=.2, components=0))
    pixels = FinePixels(skin_alone, truth.face, 0, 400, torch.Generator().manual_seed(0), margin=3, blurred=2.)
    return pixels,ShapeSlopes(pipeline, truth.face, displacement=True),stage_problem(pipeline, truth.face,
        make_stages(pipeline.config)[1].rates)

#: Column behind the shape (pose) or in it, half a step in units of the unknown, smallest cosine; rotations and shape also move shadows, which the Jacobian leaves out
UNKNOWNS = [('pitch', POSE-7, .01, .97), ('yaw', POSE-6, .01, .97), ('roll', POSE-5, .01, .97),
    ('right', POSE-4, .002, .999), ('up', POSE-3, .002, .999),
            ('depth', POSE-2, .005, .999), ('focal', POSE-1, .02, .998), ('first shape', 'shape', .2, .95),
            ('a bump on the cheek', 'displacement', .3, .95)]

@pytest.mark.parametrize('name,k,step,cosine', UNKNOWNS, ids=[u[0] for u in UNKNOWNS])
def test_a_column_of_the_jacobian_is_the_slope_of_the_residual(pipeline, truth, start, name, k, step, cosine):
    (pixels,slopes,problem),face = start,truth.face
    S = problem.shape_size
    if k=='shape': k,step = 0,step*float(pipeline.model.shape_variance[0].sqrt())
    elif k=='displacement': k = len(pipeline.model.shape_variance)+5
    else: k += S
    column = pixel_rows(pipeline, face, 0, pixels, PointMotion(pipeline, face, 0, pixels, slopes, S))[1][...,k]
    sides = []
    for sign in (1, -1):
        other,x = face.copy(),problem.start(face)
        x[k] += sign*step
        put_back(LandmarkProblem(pipeline.model, other, problem.settings, pipeline.displacement), x, other)
        there = pixels.moved(pipeline, other, 0)
        sides.append(pixel_rows(pipeline, other, 0, there, PointMotion(pipeline, other, 0, there, slopes, S))[0])
    a,b = (column*pixels.weight).flatten(),((sides[0]-sides[1])/(2*step)*pixels.weight).flatten()
    assert float(torch.cosine_similarity(a, b, 0))>cosine
    assert .85<float(a.norm()/b.norm())<1.15

def test_steps_find_shape_and_pose_again_and_heed_the_rates(pipeline, truth):
    face = truth.face.copy()
    face.identity.shape *= 0
    face.frames[0].rotation += torch.tensor([.03, -.03, .02])
    stage,region = make_stages(pipeline.config)[1],pipeline.model.regions['face']>.5
    stage.rates.pop('focal')
    stage.rates.pop('expression')
    solver,before = ShadingSolver(pipeline, face, stage),face.frames[0].expression.clone()
    off = lambda: float(scale_aligned_errors(pipeline.vertices(face), pipeline.vertices(truth.face),
        region)[0].median())
    first = off()
    for _ in range(pipeline.config.steps_shading):
        solver.advance([SkinPixels(pipeline, face, 0, 1500, torch.Generator().manual_seed(0), margin=3, blurred=2.)])
    assert off()<.4*first and rotation_error(face.frames[0].rotation, truth.face.frames[0].rotation)<.6
    assert torch.equal(face.frames[0].camera.focal, truth.face.frames[0].camera.focal)
    torch.testing.assert_close(face.frames[0].expression, before, atol=1e-6, rtol=0)

def test_a_surface_that_left_the_model_is_found(pipeline, truth):
    ("A person with bumps that no shape coefficient has; all else is given: the displacement comes back, and "
     "without it the error stays")
    face = truth.face.copy()
    generator = torch.Generator().manual_seed(4)
    face.identity.displacement = 1.5*torch.randn(len(pipeline.displacement),
        generator=generator)*(pipeline.displacement.variance>=pipeline.displacement.variance.max()*.99)
    there = synthetic_photo(pipeline, face)
    region,true = pipeline.model.regions['face']>.5,pipeline.vertices(there)
    def left(displacement):
        found = there.copy()
        found.identity.displacement = None
        stage = make_stages(pipeline.config)[1]
        stage.rates = dict(shape=1., displacement=displacement)
        solver = ShadingSolver(pipeline, found, stage)
        for _ in range(6):
            seed = torch.Generator().manual_seed(0)
            solver.advance([SkinPixels(pipeline, found, 0, 2500, seed, margin=3, blurred=1.)])
        return float(scale_aligned_errors(pipeline.vertices(found), true, region)[0].mean())
    with_displacement,without = left(2.),left(0.)
    assert with_displacement<.75*without, (with_displacement, without)

def synthetic_photo(pipeline, face):
    "The same face with a photo and landmarks of its own surface"
    other = face.copy()
    frame = other.frames[0]
    with torch.no_grad():
        picture = pipeline.render(other, 0, 128, final=True)
        frame.photo = replace(frame.photo, pixels=picture[...,:3].clamp(0, 1))
        frame.landmarks = replace(frame.landmarks, points=pipeline.landmarks(other, 0))
    return other

def test_a_displacement_that_is_held_stays(pipeline, truth):
    "An interface may hold it between two steps"
    face,stage = truth.face.copy(),make_stages(pipeline.config)[1]
    face.identity.displacement = torch.full((len(pipeline.displacement),), .1)
    solver = ShadingSolver(pipeline, face, stage)
    pixels = [SkinPixels(pipeline, face, 0, 400, torch.Generator().manual_seed(0), margin=3, blurred=2.)]
    stage.rates['displacement'] = 0.
    solver.advance(pixels)
    held = torch.full_like(face.identity.displacement, .1)
    torch.testing.assert_close(face.identity.displacement, held, atol=1e-6, rtol=0)
    stage.rates['displacement'] = 2.
    solver.advance(pixels)
    assert (face.identity.displacement-.1).abs().max()>.01

def test_the_true_face_agrees_with_a_sharp_photo_not_with_a_blurred_one(pipeline, truth):
    ("Lids, lips and nostrils of a sharp model stand out against a blurred photo: steps that stay coarse end at "
     "another face")
    def off(soft):
        pixels = SkinPixels(pipeline, truth.face, 0, 4000, torch.Generator().manual_seed(0), margin=3, blurred=soft)
        residual,_ = pixel_rows(pipeline, truth.face, 0, pixels,
            PointMotion(pipeline, truth.face, 0, pixels, ShapeSlopes(pipeline, truth.face),
            len(pipeline.model.shape_variance)))
        return float((pixels.weight*residual.square()).sum()/pixels.weight.sum())
    soft = [softness(k, 8, 84.) for k in range(8)]
    assert soft==sorted(soft, reverse=True) and soft[-1]==SHARP
    assert off(soft[-1])<.5*off(soft[0])

def test_all_whites_of_the_eyes_are_taken_for_the_weight_of_their_share(pipeline, truth):
    "Whatever the number of pixels: none left out by chance, and together as much as if all pixels were taken"
    def whites(count):
        pixels = SkinPixels(pipeline, truth.face, 0, count, torch.Generator().manual_seed(1))
        white = pixels.mix(eye_whites(pipeline.model)[:,None])[:,0]>.5
        return int(white.sum()),float(pixels.weight[white].sum()/pixels.weight.sum()),len(white)
    (number,share,taken),(all_of_them,whole,_) = whites(1500),whites(10**6)
    assert taken==1500 and number==all_of_them>5
    assert abs(share-whole)<.15*whole, (share, whole)
