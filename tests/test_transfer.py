("Light transport against the ray tracer: pictures, gradients by the texels, lights and surfaces at the limit, and "
 "what it refuses.")
import json, math, mmap, subprocess, sys, warnings
from dataclasses import replace
import pytest
import torch
from nextgenface_nb.evaluation import speed as bench
from nextgenface_nb.errors import OutputError, RenderError
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.geometry.harmonics import project_environment
from nextgenface_nb.imaging import to_srgb
from nextgenface_nb.rendering.accuracy import gradient_agreement, noiseless_cosine, transfer_accuracy
from nextgenface_nb.rendering.transfer import ROUGHNESS_LEVELS, left_out, level_shares

SIZE,TEXTURE = 64, 64
MODEL = toy_model()

@pytest.fixture(scope='module')
def truth(): return bench.bench_scene(SIZE, TEXTURE, model=MODEL)

@pytest.fixture(scope='module')
def transfer(truth): return bench.scene_transfer(truth)[0]

def maps(truth, roughness=.4):
    diffuse,specular,_ = truth.pipeline.maps(truth.face)
    return diffuse,specular,torch.full_like(diffuse[...,:1], roughness)

# ---- pictures

@pytest.mark.parametrize('light', ['side', 'coloured'])
def test_pictures_are_those_of_the_ray_tracer(truth, transfer, light):
    ("Diffuse alone and at both ends of the roughness; the judge's own noise is below the limit, and no factor is "
     "forgotten")
    environment = bench.bench_lights()[light].environment(64)
    diffuse = transfer_accuracy(transfer, maps(truth), environment, 512, diffuse_only=True)
    assert diffuse['psnr']>=44 and diffuse['noise']>46 and abs(diffuse['brightness']-1)<.003
    for roughness in (.2, .5, .9):
        found = transfer_accuracy(transfer, maps(truth, roughness), environment, 512)
        assert found['psnr']>=42 and found['noise']>45 and abs(found['brightness']-1)<.003, (roughness, found)

def test_a_mirror_like_surface_is_no_limit_under_nine_bands(truth, transfer):
    environment = bench.bench_lights()['side'].environment(64)
    assert transfer_accuracy(transfer, maps(truth, .05), environment, 256)['psnr']>=42

@pytest.mark.slow
def test_three_people_and_five_lights_of_the_default_model():
    for row in bench.transfer_accuracies(samples=2048):
        assert row['diffuse']['psnr']>=44, row
        assert row['specular']['psnr']>=42, row

# ---- gradients

def test_gradients_by_the_texels(truth, transfer):
    "Rays are few here, so their noise is taken out"
    found = gradient_agreement(transfer, maps(truth, .5), bench.bench_lights()['side'].environment(64), 192)
    assert found['diffuse'][1]>.99 and found['specular'][1]>.98, found
    assert found['roughness'][1]>.93, found

@pytest.mark.slow
def test_gradients_by_the_texels_of_the_default_model():
    for found in bench.gradient_agreements(samples=1536):
        # without any correction for noise
        assert found['diffuse'][0]>=.99 and found['specular'][0]>=.99 and found['roughness'][0]>=.95, found

def test_the_correction_for_noise_finds_a_known_cosine():
    g = torch.Generator().manual_seed(0)
    draw = lambda: torch.randn(100000, generator=g)
    signal,other = draw(),draw()
    found = .8*signal+.6*other
    plain,corrected = noiseless_cosine(found, signal+draw(), signal+draw())
    assert plain<.7 and corrected==pytest.approx(.8, abs=.01)

# ---- roughness

def test_roughness_levels_are_met_and_joined_without_a_kink():
    K = len(ROUGHNESS_LEVELS)
    torch.testing.assert_close(level_shares(ROUGHNESS_LEVELS[:,None]), torch.eye(K), atol=1e-5, rtol=0)
    r = torch.logspace(-1, 0, 400)[:,None].requires_grad_()
    shares = level_shares(r)
    torch.testing.assert_close(shares.sum(1), torch.ones(400), atol=1e-5, rtol=0)
    straight = (shares*torch.arange(float(K))).sum(1)               # what is linear in log r stays so, to the ends
    torch.testing.assert_close(straight, (r.detach()[:,0].log10()+1)*(K-1), atol=1e-4, rtol=0)
    slope, = torch.autograd.grad((shares*torch.randn(K, generator=torch.Generator().manual_seed(1))).sum(), r)
    steps = (slope*r.detach()).diff(dim=0).abs()
    assert steps.max()<.05*(slope*r.detach()).abs().max()

# ---- lights

def test_a_light_near_the_start_costs_little_and_loses_little(truth, transfer):
    lights = {n:project_environment(l.environment(64), 9) for n,l in bench.bench_lights().items()}
    near = transfer.near(lights['side'])
    for a,b in zip(near.lit(lights['side']), transfer.lit(lights['side'])):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)
    here = lights['side']+.3*(lights['above']-lights['side'])
    seen = transfer.gather(torch.cat(maps(truth), -1))
    a,b = (to_srgb(transfer.shade(source.lit(here), seen[:,:3], seen[:,3:6], seen[:,6:]).clamp(0, 1))
        for source in (near, transfer))
    assert -10*math.log10((a-b).square().mean())>45
    gradients = []
    for source in (near, transfer):
        light = here.clone().requires_grad_()
        diffuse,glossy = source.lit(light)
        (diffuse.square().sum()+glossy[:,0].sum()).backward()
        gradients.append(light.grad.flatten())
    assert torch.cosine_similarity(*gradients, 0)>.999
    assert near.numbers.shape==(len(transfer.pixels), 64)

def test_a_lamp_is_ray_traced_with_a_warning(truth, transfer):
    smooth = bench.bench_lights()['side'].environment(64)
    lamp = smooth.clone()
    lamp[20,70] += 500.
    assert left_out(smooth)<.01 and left_out(lamp)>.5
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        inside = transfer.render(*maps(truth), smooth)
    with pytest.warns(UserWarning, match='ray-traced'): outside = transfer.render(*maps(truth), lamp, samples=64)
    t = transfer
    traced = t.renderer.render_converged(t.vertices, t.normals, *maps(truth), lamp, t.camera, samples=64)
    torch.testing.assert_close(outside, traced, atol=1e-4, rtol=1e-3)
    again = t.renderer.render_converged(t.vertices, t.normals, *maps(truth), smooth, t.camera, samples=256)
    seen = inside[...,3]>0
    assert (inside[seen]-again[seen])[:,:3].abs().mean()<.005

# ---- what it refuses

def test_a_transfer_refuses_a_face_that_moved_or_another_camera(transfer):
    transfer.check(transfer.vertices, transfer.camera)
    moved = transfer.vertices.clone()
    moved[5,0] += .2
    with pytest.raises(RenderError, match=r'vertices \[\d+, 3\] moved by up to 0.2 mm'):
        transfer.check(moved, transfer.camera)
    with pytest.raises(RenderError, match='is expected'): transfer.check(moved[1:], transfer.camera)
    with pytest.raises(RenderError, match='camera'):
        transfer.check(transfer.vertices, replace(transfer.camera, principal=transfer.camera.principal+.5))

# ---- the bench

def test_the_table_shows_pictures_gradients_and_the_worst():
    picture = lambda p: dict(psnr=p, noise=55., brightness=1.)
    rows = [dict(seed=1, light='side', albedo=.2, diffuse=picture(50.), specular=picture(48.)),
        dict(seed=2, light='even', albedo=.3, diffuse=picture(49.), specular=picture(47.))]
    table = bench.accuracy_table(rows, [dict(at=.5, diffuse=(.99, 1.), specular=(.98, .999), roughness=(.9, .97))])
    worst, = [line for line in table.splitlines() if 'worst' in line and '|' in line]
    assert '49.0' in worst and '47.0' in worst and '48.0 (55.0)' in table and '0.900 (0.970)' in table

def test_the_bench_appends_and_says_what_it_could_not_measure(tmp_path, capsys):
    file = tmp_path/'bench.json'
    for k in (1, 2):
        assert bench.main(['--quick', '--only', 'renderers', '--append', str(file)])==0
        history = json.loads(file.read_text())
        assert len(history)==k
    said = capsys.readouterr().out
    assert 'stage 3 over the ray-traced loop' in said and 'not measured' in said and history[0]['machine']['cores']>=1
    file.write_text('{}')
    with pytest.raises(OutputError, match='instead of a list'): bench.append_report(history[0], file)

def test_a_step_without_a_gradient_is_refused():
    truth = bench.bench_scene(32, 64, model=toy_model(31, 23), environment_height=32)
    bench.photometric_step(truth)()
    truth.pipeline.render = lambda face,*a,**k: truth.face.frames[0].photo.pixels+0*face.identity.shape.sum()
    with pytest.raises(Exception, match='without a gradient'): bench.photometric_step(truth)()

@pytest.mark.slow
def test_maps_fitted_without_noise_are_better():
    found = bench.compare_renderers(bench.spotted(bench.bench_scene(128, 256)))
    assert found['transfer']>found['traced'] and found['stage']>found['traced']+2, found

@pytest.mark.slow
def test_memory_stays_flat_over_300_steps():
    "Ray-traced steps of stage 2 with outlines, and stage 3; in a process of their own"
    program = """
import json
from nextgenface_nb.evaluation import speed as bench
from nextgenface_nb.facemodel.model import toy_model
print(json.dumps(bench.bench_memory(bench.bench_scene(64, 128, model=toy_model()))))
"""
    rows = json.loads(subprocess.run([sys.executable, '-c', program], capture_output=True, text=True,
        check=True).stdout)
    if not rows: pytest.skip('this system does not say what a process holds')
    assert {r['stage'] for r in rows}=={'photometric', 'texture'} and all(r['grown_mb']<.02*r['resident_mb']
        for r in rows), rows

def test_growing_memory_is_noticed(monkeypatch):
    "Though something else goes meanwhile that is as large: what other tests have left, for instance"
    def piece(): # 36 MB from the system and back to it; what a heap has freed and kept would hide new tensors
        memory = mmap.mmap(-1, 36*2**20)
        memory[:] = bytes([1])*len(memory)
        return memory
    kept,others = [],[piece() for _ in range(6)]
    def leak():
        kept.append(piece())
        if len(kept)==4: others.clear()
    monkeypatch.setattr(bench, 'texture_stage', lambda truth: iter(lambda: None, 0))
    monkeypatch.setattr(bench, 'photometric_step', lambda truth: leak)
    first,second = bench.bench_memory(None, steps=8, before=2)
    assert 216<first['grown_mb']<360 and abs(second['grown_mb'])<36
