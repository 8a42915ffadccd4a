"The rasteriser against the ray tracer, against its own differences, and alone on a machine without Mitsuba."
import math, os, subprocess, sys, textwrap
import pytest, torch
from nextgenface_nb.errors import DeviceError, RenderError
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.facemodel.texture import TextureMap
from nextgenface_nb.geometry.camera import Camera, transform
from nextgenface_nb.geometry.harmonics import environment_map
from nextgenface_nb.geometry.mesh import vertex_normals
from nextgenface_nb.rendering import vertex
from nextgenface_nb.rendering.renderer import Renderer
from nextgenface_nb.rendering.vertex import VertexRenderer

SIZE,T = 64,32
HEAD = toy_model()
CAMERA = Camera(2.4*SIZE, (.48*SIZE, .53*SIZE), SIZE, SIZE)
POSE = torch.tensor([.05, .4, .02]),torch.tensor([4., 5., -600.])
VERTICES = transform(HEAD.shape_mean, *POSE)
LIGHT = torch.tensor([2.2, .5, .9, -.5, .1, .2, .1, -.2, .15])[:,None]*torch.tensor([1., .95, .85])
ALBEDO = TextureMap(HEAD.triangles, HEAD.uvs, T, HEAD.mirror).bake(HEAD.diffuse_mean).clamp(0, 1).contiguous()
MATT = ALBEDO,torch.zeros(T, T, 3),torch.ones(T, T, 1)
SHINY = ALBEDO,torch.full((T, T, 3), .04),torch.full((T, T, 1), .4)

def make(kind, **options): return kind(HEAD.triangles, HEAD.uvs, SIZE, SIZE, T, (32, 64), device='cpu', **options)

@pytest.fixture(scope='module')
def renderer(): return make(VertexRenderer)

@pytest.fixture(scope='module')
def tracer(): return make(Renderer)

def psnr(a, b, inside): return float(-10*((a-b)[...,:3][inside].square().mean()).log10())

# ---- derivatives

@pytest.fixture
def gradients(monkeypatch):
    ("The table of all renderers. Without noise, differences can be shorter: along some shapes and turns the outline "
     "is far from linear")
    gradients = pytest.importorskip('nextgenface_nb.evaluation.gradients')
    for name,step in (('shape', .2), ('rotation', .004)): monkeypatch.setitem(gradients.steps, name, step)
    return gradients

def finer(*arguments): return VertexRenderer(*arguments, grid=3)

def test_every_derivative_is_the_slope_of_the_picture(gradients):
    table = gradients.gradient_table(finer, gradients.Setting(HEAD, size=56, resolution=32))
    assert len({row.variable for row in table})==12 and not table.failures(), table

def test_derivatives_of_a_face_that_leaves_the_picture(gradients):
    setting = gradients.Setting(HEAD, size=56, resolution=32, translation=(70., 30., -600.), rotation=(.05, .5, .02))
    table = gradients.gradient_table(finer, setting, ('vertices', 'translation', 'focal', 'principal'),
        ('coverage', 'picture'))
    assert not table.failures(), table

def test_outline_has_derivatives_only_where_they_are_wanted(renderer):
    def slope(channel, **options):
        moved = VERTICES.clone().requires_grad_()
        gradient, = torch.autograd.grad(renderer.render(moved, None, *MATT, environment_map(LIGHT, 32), CAMERA,
            **options)[...,channel].sum(), moved, allow_unused=True)
        return 0. if gradient is None else float(gradient.abs().sum())
    assert slope(3)==0 and slope(3, coverage=True)==pytest.approx(slope(3, silhouettes=True)) and slope(3,
        coverage=True)>1
    assert slope(0, silhouettes=True)!=slope(0)==pytest.approx(slope(0, coverage=True))

# ---- beside the ray tracer

def test_the_same_is_hit(renderer, tracer):
    for subpixels in (1, 3):
        (ours,our_weight),(theirs,their_weight) = (r.hits(VERTICES, CAMERA, subpixels) for r in (renderer, tracer))
        same = ours==theirs
        assert same.float().mean()>.999 and torch.equal(ours>=0, our_weight.sum(1)>.5)
        torch.testing.assert_close(our_weight[same], their_weight[same], atol=2e-3, rtol=0)

def test_no_other_picture_than_the_ray_tracers_without_shadows_and_gloss(renderer, tracer, monkeypatch):
    import mitsuba as mi, drjit as dr
    monkeypatch.setattr(tracer.scene, 'occluded', lambda ray, active=True: dr.full(mi.Bool, False, dr.width(ray.d)),
        raising=False)
    light = environment_map(LIGHT, 32)
    target = tracer.render_converged(VERTICES, None, *MATT, light, CAMERA, samples=256)
    inside = target[...,3]>.999
    for samples in (8, 256):
        image = renderer.render_converged(VERTICES, None, *MATT, light, CAMERA, samples=samples)
        assert psnr(image, target, inside)>42 and (image-target)[...,3].abs().mean()<.002
    shiny = [r.render_converged(VERTICES, None, *SHINY, light, CAMERA, samples=128) for r in (renderer, tracer)]
    bare = make(VertexRenderer, gloss=False).render_converged(VERTICES, None, *SHINY, light, CAMERA)
    assert psnr(shiny[0], shiny[1], inside)>max(40, psnr(bare, shiny[1], inside)+6)

    def fitted(r): # The light and a shift that explain the target, by the renderer's own derivatives and judged by its own picture
        shift,found = torch.tensor([3., -3., 0.],
            requires_grad=True),(LIGHT*torch.linspace(1.2, .8, 9)[:,None]).requires_grad_()
        optimizer = torch.optim.Adam([dict(params=[shift], lr=.4), dict(params=[found], lr=.03)], betas=(.9, .98))
        for step in range(20):
            image = r.render(VERTICES+shift, None, *MATT, environment_map(found, 32), CAMERA, samples=8, seed=step,
                silhouettes=True)
            optimizer.zero_grad()
            (image-target).square().mean().backward()
            optimizer.step()
        with torch.no_grad():
            return psnr(r.render_converged(VERTICES+shift, None, *MATT, environment_map(found, 32), CAMERA, samples=64),
                target, inside)
    assert fitted(renderer)>fitted(tracer)-2

def test_what_is_hidden_is_about_what_rays_say(renderer, tracer):
    normals = vertex_normals(VERTICES, HEAD.triangles)
    directions = torch.nn.functional.normalize(normals
        +.9*torch.nn.functional.normalize(torch.randn(len(normals), 3, generator=torch.Generator().manual_seed(0)),
        dim=1), dim=1)
    ours,theirs = (r.visibility(VERTICES+.5*normals, directions, VERTICES) for r in (renderer, tracer))
    assert (ours==theirs).float().mean()>.93 and abs(float(ours.float().mean()-theirs.float().mean()))<.04
    inward = [r.visibility(VERTICES-normals, -directions, VERTICES).float().mean() for r in (renderer, tracer)]
    assert abs(float(inward[0]-inward[1]))<.15 and inward[0]<.7
    assert make(VertexRenderer, shadow_maps=0).visibility(VERTICES-normals, -directions, VERTICES).all()

# ---- edges

def test_area_is_exact_wherever_the_outline_lies(renderer):
    areas = torch.stack([renderer.coverage(VERTICES+torch.tensor([.37*k, .61*k, 0.]), CAMERA, subpixels=1).sum()
        for k in range(8)])
    fine = renderer.coverage(VERTICES, CAMERA, subpixels=8).sum()
    assert areas.std()<.0006*fine and abs(areas.mean()-fine)<.001*fine

# ---- several at once

def test_several_pictures_in_one_call(renderer):
    poses = torch.stack([transform(HEAD.shape_mean, torch.tensor([.05, yaw, 0.]), POSE[1]) for yaw in (-.4, .4)])
    cameras,lights = [CAMERA, CAMERA.resized(.5)],[environment_map(LIGHT, 32), environment_map(LIGHT.flip(0), 32)]
    def gradients(together):
        free = [x.clone().requires_grad_() for x in (poses, *SHINY)]
        images = renderer.render_many(free[0], None, *free[1:], lights, cameras, silhouettes=True, together=together)
        sum(image.square().sum() for image in images).backward()
        return [*images, *(x.grad for x in free)]
    for one,other in zip(gradients(True), gradients(False)):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4*float(other.detach().abs().max()))
    assert [tuple(image.shape) for image in gradients(None)[:2]]==[(64, 64, 4), (32, 32, 4)]

def test_shared_maps_are_not_copied(renderer, monkeypatch):
    addresses,real = [],vertex.look_up
    monkeypatch.setattr(vertex, 'look_up', lambda texture, uv: addresses.append(texture.data_ptr())
        or real(texture, uv))
    for together in (True, False):
        renderer.render_many(VERTICES.expand(5, -1, -1), None, *SHINY, environment_map(LIGHT, 32), [CAMERA]*5,
            together=together)
    assert set(addresses)=={texture.data_ptr() for texture in SHINY} and len(addresses)==3+15

# ---- alone

def test_from_photo_to_files_without_mitsuba(tmp_path):
    script = textwrap.dedent(f'''
        import sys
        sys.modules['mitsuba'] = sys.modules['drjit'] = None # Whoever imports them gets an ImportError
        import torch
        torch.set_num_threads(1)
        from nextgenface_nb.config import Config
        from nextgenface_nb.facemodel.model import toy_model
        from nextgenface_nb.reconstruction import reconstruct
        from nextgenface_nb.pipeline import Pipeline
        from nextgenface_nb.evaluation.synthetic import synthetic_face
        config = Config.preset('fast').set('renderer=vertex', 'texture_resolution=64', 'environment_height=16', 'steps_photometric=3', 'steps_texture=5', 'bands=4')
        model = toy_model()
        truth = synthetic_face(Pipeline(model, config), 1, size=64, rotation=(.02, .1, 0.), translation=(0., 0., -900.))
        result = reconstruct(truth.photo(), config, model=model, landmarks=truth.landmarks())
        assert result.measures()[0]['psnr']>30, result.measures()
        result.save({str(tmp_path/'out')!r})
        try: Config('auto'); from nextgenface_nb.rendering.variant import use_variant, advice_for_llvm
        finally: print('renderer = vertex' in advice_for_llvm('3.9'))
    ''')
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', script], capture_output=True, text=True,
        env=dict(os.environ, OMP_NUM_THREADS='1'))
    assert done.returncode==0 and 'True' in done.stdout, done.stderr[-3000:]
    written = {path.name for path in (tmp_path/'out').rglob('*') if path.is_file()}
    assert any(name.startswith('diffuseMap') for name in written) and any(name.endswith('.obj')
        for name in written) and any(name.startswith('render') for name in written), written

# ---- bad input

@pytest.mark.parametrize('other, said',
    [(dict(vertices=VERTICES*math.nan), 'vertices'), (dict(vertices=-VERTICES), 'behind the camera'),
    (dict(vertices=VERTICES[:9]), 'vertices: shape'),
    (dict(diffuse=ALBEDO[:8]), 'diffuse: shape'), (dict(specular=SHINY[1]*math.inf), 'specular'),
    (dict(environment=-torch.ones(32, 64, 3)), 'environment'), (dict(camera=CAMERA.resized(2)), 'camera: image of')])
def test_bad_input_is_named(renderer, other, said):
    good = dict(vertices=VERTICES, normals=None, diffuse=ALBEDO, specular=SHINY[1], roughness=SHINY[2],
        environment=torch.ones(32, 64, 3), camera=CAMERA)
    with pytest.raises(RenderError, match=said): renderer.render(**{**good, **other})

def test_other_bad_input(renderer):
    with pytest.raises(RenderError, match='without triangles'): VertexRenderer(HEAD.triangles[:0], HEAD.uvs, 8, 8, 8)
    with pytest.raises(RenderError, match='environment: 3'):
        renderer.render_many(VERTICES[None], None, *SHINY, [torch.ones(32, 64, 3)]*3, [CAMERA])
    with pytest.raises(RenderError, match='sets of vertices'):
        renderer.render_many(VERTICES[None], None, *SHINY, torch.ones(32, 64, 3), [CAMERA]*2)
    with pytest.raises(DeviceError): make(VertexRenderer).__class__(HEAD.triangles, HEAD.uvs, 8, 8, 8, device='metal')

def test_a_face_beside_the_picture_is_nothing(renderer):
    away = (VERTICES+torch.tensor([4000., 0, 0])).requires_grad_()
    image = renderer.render(away, None, *SHINY, torch.ones(32, 64, 3), CAMERA, silhouettes=True)
    image.sum().backward()
    assert not image.detach().any() and not away.grad.any() and (renderer.hits(away, CAMERA)[0]==-1).all()
