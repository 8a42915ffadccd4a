"From photo to face on a small head: what each stage recovers, how a run is stopped, and what becomes of its result"
from dataclasses import replace
import numpy as np
import pytest
import torch
from nextgenface_nb import metrics as measures
from nextgenface_nb.config import Config
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.imaging import to_srgb
from nextgenface_nb.optim import landmarks as landmarkfit
from nextgenface_nb.face import Face, Frame, Identity
from nextgenface_nb.light.environment import HarmonicLight
from nextgenface_nb.landmarks.uncertainty import DetectorErrors
from nextgenface_nb.optim.landmarks import LandmarkSettings, fit_landmarks, start_pose
from nextgenface_nb.reconstruction import exhaust, reconstruct_steps
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.optim.shading import frame_transfer
from nextgenface_nb.optim.stages import make_stages, run
from nextgenface_nb.output.checkpoint import load_face, save_face
from nextgenface_nb.evaluation.synthetic import photograph, rotation_error, studio_light, synthetic_face

CONFIG = Config(device='cpu', texture_resolution=64, max_resolution=64, bands=5, environment_height=32,
    samples_final=32,
    samples_train=4, steps_photometric=2, steps_texture=20)

@pytest.fixture(scope='module')
def pipeline(): return Pipeline(toy_model(41, 29), CONFIG)

@pytest.fixture(scope='module')
def truth(pipeline): return synthetic_face(pipeline, seed=3, size=64, light=studio_light(.5, bands=5), samples=128)

def unfitted(truth):
    "The same photo and points, nothing else known"
    f = truth.face.frames[0]
    zero = lambda x: torch.zeros_like(x)
    frame = Frame(f.photo, f.landmarks, f.camera, torch.zeros(3), torch.tensor([0.,0,-600]), zero(f.expression),
        HarmonicLight.frontal(5))
    return Face(Identity(zero(truth.face.identity.shape), zero(truth.face.identity.albedo)), [frame])

TRUSTING = LandmarkSettings(DetectorErrors(.001), shape=.01, expression=.01)

def pose_errors(pipeline, truth):
    face = unfitted(truth)
    start_pose(pipeline.model, face.frames[0])
    fit_landmarks(pipeline.model, face, TRUSTING, optimize_focal=False)
    found,true = face.frames[0],truth.face.frames[0]
    return rotation_error(found.rotation,
        true.rotation),float((found.expression-true.expression).abs().max()),measures.nme(pipeline.landmarks(face, 0),
        found.landmarks)

def test_exact_points_give_pose_and_expression(pipeline, truth):
    degrees,expression,nme = pose_errors(pipeline, truth)
    assert degrees<.5 and expression<.1 and nme<.001

ANGLES = .4, -.5, .6   # pitch, yaw, roll: with all three, the orders of turning are far apart

def by_hand(a, b, g):
    "Roll after yaw after pitch, written out"
    from math import cos, sin
    X = np.array([[1,0,0], [0,cos(a),-sin(a)], [0,sin(a),cos(a)]])
    Y = np.array([[cos(b),0,sin(b)], [0,1,0], [-sin(b),0,cos(b)]])
    return np.array([[cos(g),-sin(g),0], [sin(g),cos(g),0], [0,0,1]])@Y@X

def angle_after_fit(pipeline, truth):
    "Degrees between the known orientation and the one that stage 1 finds from exact points of the mean face"
    face = unfitted(truth)
    frame = face.frames[0]
    mean,*_ = pipeline.model.landmark_basis(frame.landmarks.ids, frame.landmarks.detector)
    q = mean.double().numpy()@by_hand(*ANGLES).T+np.array([10,-5,-600])
    points = frame.camera.principal.numpy()+float(frame.camera.focal)*q[:,:2]*[1,-1]/-q[:,2:]
    frame.landmarks = replace(frame.landmarks, points=torch.tensor(points, dtype=torch.float32))
    start_pose(pipeline.model, frame)
    fit_landmarks(pipeline.model, face, TRUSTING, optimize_focal=False)
    found = by_hand(*face.frames[0].rotation.tolist())
    return np.degrees(np.arccos(np.clip((np.trace(found.T@by_hand(*ANGLES))-1)/2, -1, 1)))

def test_the_order_of_the_angles_matters(pipeline, truth, monkeypatch):
    assert angle_after_fit(pipeline, truth)<.1
    right = landmarkfit.rotation_and_derivatives
    def reversed_order(rotation):   # (Z Y X of the negative)^T = X Y Z
        R,dR = right(-rotation)
        return R.T,-dR.transpose(0, 2, 1)
    monkeypatch.setattr(landmarkfit, 'rotation_and_derivatives', reversed_order)
    assert angle_after_fit(pipeline, truth)>5

def test_transport_has_the_brightness_of_the_ray_tracer(pipeline, truth):
    frame,transfer = truth.face.frames[0],frame_transfer(pipeline, truth.face, 0)
    seen = transfer.gather(torch.cat(pipeline.maps(truth.face), -1))
    ours = transfer.shade(transfer.lit(frame.light.environment(32)), seen[:,:3], seen[:,3:6], seen[:,6:])
    traced = pipeline.render(truth.face, 0, 256, final=True).reshape(-1, 4)[transfer.pixels]
    whole = traced[:,3]>.999
    assert float(ours[whole].mean()/traced[whole,:3].mean())==pytest.approx(1, abs=.005)

def test_stage_3_finds_a_painted_texture(pipeline, truth):
    "A face with broad make-up that no albedo model has"
    face = truth.face.copy()
    own = face.identity
    v,u = torch.meshgrid(torch.linspace(0, 1, 64), torch.linspace(0, 1, 64), indexing='ij')
    paint = .5+.5*torch.cos(6*torch.pi*u)*torch.cos(4*torch.pi*v)
    own.diffuse = own.diffuse*torch.stack([1-.5*paint, 1-.2*paint, .5+.5*paint], -1)
    painted = photograph(pipeline, face, 128)
    fitted = painted.face.copy()
    fitted.identity = Identity(own.shape, own.albedo)
    start = fitted.copy()
    stage = make_stages(CONFIG)[2]
    for _ in run(replace(stage, steps=80, rates={k:r for k,r in stage.rates.items() if k!='light'}), pipeline, fitted):
        pass
    mask,photo = pipeline.face_mask(face, 0),to_srgb(painted.photo().pixels)
    score = lambda f: measures.psnr(to_srgb(pipeline.render(f, 0, 128, final=True)[...,:3]), photo, mask)
    assert score(fitted)>score(start)+6
    seen = fitted.identity.provenance==1
    away = lambda maps: float((maps-own.diffuse)[seen].abs().mean())
    assert away(fitted.identity.diffuse)<.6*away(pipeline.maps(start)[0])

@pytest.mark.parametrize('index', [1, 2])
def test_a_stage_can_be_stopped_at_any_step(pipeline, truth, index):
    face = truth.face.copy()
    steps = run(make_stages(CONFIG)[index], pipeline, face)
    for _ in range(3): next(steps)
    steps.close()
    values = face.parameters()
    assert all(v.isfinite().all() and not v.requires_grad for v in values.values())

@pytest.fixture(scope='module')
def result(pipeline, truth):
    "Two photos of one person, through all stages"
    face = truth.face.copy()
    second = replace(face.frames[0], rotation=torch.tensor([0.,-.3,.02]), light=studio_light(-.5, bands=5))
    pair = photograph(pipeline, Face(face.identity, [face.frames[0], second]), 64)
    frames = pair.face.frames
    return exhaust(reconstruct_steps([f.photo for f in frames], CONFIG, landmarks=[f.landmarks for f in frames],
        pipeline=pipeline))

def test_two_photos_share_one_person(pipeline, result):
    assert len(result.face.frames)==2 and [p.stage for p in result.history[:1]+result.history[-1:]]==['landmarks',
        'texture']
    a,b = result.face.frames
    assert (a.rotation-b.rotation).abs().max()>.2 and set(result.timings)=={'detection', 'landmarks', 'photometric',
        'texture'}
    size = pipeline.config.texture_resolution
    assert result.face.identity.diffuse.shape==(size, size, 3)
    assert all(v.isfinite().all() and not v.requires_grad for v in result.face.parameters().values())

def test_a_result_measures_itself(result):
    found = result.measures(samples=32)
    assert len(found)==2
    for one in found: assert 0<one['nme']<.03 and 25<one['psnr']<70 and .7<one['ssim']<=1

def test_a_fitted_face_survives_its_checkpoint(pipeline, result, tmp_path):
    save_face(tmp_path/'face.npz', result.face, pipeline.model, dict(stage='texture'))
    other,meta = load_face(tmp_path/'face.npz', pipeline.model)
    assert meta['stage']=='texture'
    for name,value in result.face.parameters().items(): assert torch.equal(value, other.parameters()[name]), name
    for i in range(2):
        assert torch.equal(pipeline.landmarks(result.face, i), pipeline.landmarks(other, i))
        assert torch.equal(result.face.frames[i].photo.pixels, other.frames[i].photo.pixels)
