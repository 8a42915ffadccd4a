"What a graphics card asks of the library: nothing of two devices is mixed, and derivatives may come in another thread"
from concurrent.futures import ThreadPoolExecutor
import json
import subprocess
import sys
from pathlib import Path
import pytest
import torch
from elsewhere import elsewhere, on_card
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.geometry.camera import Camera
from nextgenface_nb.geometry.mesh import vertex_normals
from nextgenface_nb.rendering.renderer import Renderer
from nextgenface_nb.rendering.transfer import Transfer
from nextgenface_nb.rendering.vertex import VertexRenderer

SIZE,TEXELS = 24, 16
HEAD = toy_model(31, 23)
CAMERA = Camera(2.4*SIZE, (.48*SIZE, .53*SIZE), SIZE, SIZE)
VERTICES = HEAD.shape_mean+torch.tensor([4., 5., -600.])
MAPS = torch.full((TEXELS, TEXELS, 3), .5),torch.full((TEXELS, TEXELS, 3), .04),torch.full((TEXELS, TEXELS, 1), .5)
LIGHT = torch.rand(16, 32, 3, generator=torch.Generator().manual_seed(0))

def make(kind, **options): return kind(HEAD.triangles, HEAD.uvs, SIZE, SIZE, TEXELS, (16, 32), **options)

def slopes(renderer, run):
    "Gradients of a picture by vertices, diffuse map and light; `run` starts the backward pass"
    free = [x.clone().requires_grad_() for x in (VERTICES, MAPS[0], LIGHT)]
    picture = renderer.render(free[0], None, free[1], *MAPS[1:], free[2], CAMERA, samples=4, silhouettes=True)
    run((picture*torch.linspace(0, 1, SIZE)[:,None,None]).sum().backward)
    return [x.grad for x in free]

# ---- threads: PyTorch takes the derivatives of what lies on a card in a thread of its own

def test_derivatives_in_another_thread():
    "Of several renderers: with the first one, it went well before, too"
    with ThreadPoolExecutor(1) as other:
        for _ in range(3):
            renderer = make(Renderer, device='cpu')
            here = slopes(renderer, lambda backward: backward())
            there = slopes(renderer, lambda backward: other.submit(backward).result())
            for a,b in zip(here, there): torch.testing.assert_close(a, b)

def test_a_renderer_that_threads_share():
    renderer = make(Renderer, device='cpu')
    points,directions = VERTICES[:20]+1,torch.nn.functional.normalize(VERTICES[20:40], dim=1)
    jobs = [lambda: renderer.hits(VERTICES, CAMERA)[0],
            lambda: renderer.visibility(points, directions, VERTICES+1),
            lambda: slopes(renderer, lambda backward: backward())[0],
            lambda: renderer.render_converged(VERTICES, None, *MAPS, LIGHT, CAMERA, samples=4)]
    alone = [job() for job in jobs]
    with ThreadPoolExecutor(1) as first, ThreadPoolExecutor(1) as second:
        for turn in range(12):
            job = (turn+turn//4)%4
            found = (first, second)[turn%2].submit(jobs[job]).result()
            torch.testing.assert_close(found, alone[job])

# ---- two devices

@pytest.mark.parametrize('kind', [Renderer, VertexRenderer])
def test_nothing_of_two_devices_is_mixed(monkeypatch, kind):
    "Pictures, derivatives, hits and light transport of tensors on the host, by a renderer that is elsewhere"
    with elsewhere(monkeypatch):
        renderer = make(kind)
        assert renderer.device=='cuda' and on_card(renderer.triangles)
        assert all(float(g.abs().max())>0 for g in slopes(renderer, lambda backward: backward()))
        found = [*renderer.hits(VERTICES, CAMERA), renderer.coverage(VERTICES.clone().requires_grad_(), CAMERA),
                 renderer.albedo(VERTICES, MAPS[0], CAMERA), renderer.clay(VERTICES, CAMERA, samples=2)]
        normals = vertex_normals(VERTICES, HEAD.triangles)
        for near in (None, LIGHT):
            transfer = Transfer(renderer, VERTICES, normals, CAMERA, TEXELS, 3, texel_subpixels=2, diffuse_samples=4,
                glossy_samples=2, near=near)
            found.append(transfer.render(*MAPS, transfer_light(3)))
        assert not any(map(on_card, found))

def transfer_light(bands): return torch.rand(bands**2, 3, generator=torch.Generator().manual_seed(1))

@pytest.mark.slow
def test_the_fit_mixes_nothing(monkeypatch):
    "Shading and texture stage of a toy model"
    from nextgenface_nb.evaluation.speed import bench_scene
    from nextgenface_nb.optim.stages import make_stages, run
    with elsewhere(monkeypatch):
        truth = bench_scene(64, 64, model=HEAD, steps_shading=1, steps_texture=2, steps_detail=1, steps_photometric=1)
        for stage in make_stages(truth.pipeline.config)[1:]:
            for _ in run(stage, truth.pipeline, truth.face): pass
        assert not on_card(truth.face.identity.diffuse)

def test_the_imitation_finds_a_mixture(monkeypatch):
    with elsewhere(monkeypatch):
        there = torch.ones(3).to('cuda')
        for wrong in (lambda: there+torch.ones(3), lambda: torch.ones(3)[there.long()], lambda: there.numpy(),
            lambda: torch.cat((there, torch.ones(3)))):
            with pytest.raises((RuntimeError, TypeError)): wrong()
        assert on_card((2*there)[torch.tensor([0])]) and there.device.type=='cuda' and not on_card(there.cpu())

# ---- a card that is there

def cuda_is_there():
    try: import drjit as dr
    except ImportError: return False
    return dr.has_backend(dr.JitBackend.CUDA)

@pytest.mark.skipif(not cuda_is_there(), reason='no NVIDIA card here')
def test_cuda_and_llvm_agree(tmp_path):
    "The same rays on both: the same picture, the same gradients"
    tool = Path(__file__).parent.parent/'tools/compare_devices.py'
    subprocess.run([sys.executable, tool, '--size', '48', '--samples', '32', '--json', tmp_path/'found.json'],
        check=True)
    found = json.loads((tmp_path/'found.json').read_text())
    assert found['picture']['psnr']>90
    assert all(row['difference']<.02 for row in found['gradients']), found['gradients']

# ---- maps, and other versions

def test_maps_are_no_textures_of_the_card(monkeypatch):
    "Those would be overwritten by the next picture, before the derivatives of this one are taken"
    from nextgenface_nb.rendering.variant import use_variant
    use_variant('cpu')
    import mitsuba as mi
    from nextgenface_nb.rendering.material import make_material
    made,load = [],mi.load_dict
    monkeypatch.setattr(mi, 'load_dict', lambda description: (made.append(description), load(description))[1])
    make_material(4)
    maps = [value for value in made[-1].values() if isinstance(value, dict)]
    assert len(maps)==3 and all(value['accel'] is False for value in maps)

def test_cross_products_have_three_numbers(monkeypatch):
    "NumPy 2.5 has no other ones"
    import numpy as np
    from nextgenface_nb.facemodel.texture import TextureMap
    cross = np.cross
    def strict(a, b, *rest, **options):
        assert np.shape(a)[-1]==np.shape(b)[-1]==3
        return cross(a, b, *rest, **options)
    monkeypatch.setattr(np, 'cross', strict)
    TextureMap(HEAD.triangles, HEAD.uvs, TEXELS, HEAD.mirror)
