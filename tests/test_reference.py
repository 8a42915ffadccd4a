"The picture against a mask by rays, against Mitsuba's own path tracer at 4,096 samples, and against itself."
import torch
from test_rendering import LIGHT,SIZE,START,TEXTURE,TRIANGLES,UVS,picture
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.geometry.camera import Camera
from nextgenface_nb.evaluation.gradients import Setting
from nextgenface_nb.rendering.renderer import Renderer

def test_coverage_is_the_mask():
    "1 where all of 64 rays of a pixel hit, 0 where none does, between on the edge and near the share that hits"
    setting = Setting(toy_model(), zoom=2.)
    renderer = setting.renderer(lambda *arguments: Renderer(*arguments, device='cpu'))
    alpha = setting.picture(renderer, setting.values, samples=256)[...,3]
    camera = Camera(setting.values['focal'], setting.values['principal'], setting.size, setting.size)
    share = (renderer.hits(renderer.scene.placed, camera, 8)[0]>=0).float().reshape(setting.size, setting.size,
        64).mean(-1)
    edge = (share>0)&(share<1)
    assert edge.sum()>50 and (share==1).sum()>500
    assert (alpha[share==1]>.98).all() and (alpha[share==0]<.02).all()
    inside = -torch.nn.functional.max_pool2d(-(share==1).float()[None], 3, 1, 1)[0]>0
    assert (alpha[inside]==1).all() and (alpha-share)[edge].abs().mean()<.02 and alpha[edge].unique().numel()>20

def test_mean_of_a_path_traced_reference():
    import mitsuba as mi
    renderer = Renderer(TRIANGLES, UVS, SIZE, SIZE, TEXTURE, (LIGHT, 2*LIGHT), device='cpu')
    ours = sum(picture(renderer, START, samples=512, seed=seed) for seed in range(2))/2
    renderer.scene.look_through(Camera(START['focal'], START['principal'], SIZE, SIZE))
    integrator = mi.load_dict(dict(type='path', max_depth=2, hide_emitters=True))
    theirs = sum(mi.render(renderer.scene.scene, integrator=integrator, spp=1024, seed=seed).torch()
        for seed in range(4))/4
    torch.testing.assert_close(ours[...,:3].mean((0, 1)), theirs[...,:3].mean((0, 1)), rtol=.005, atol=0)
    assert abs(float((ours-theirs)[...,:3].sum()/theirs[...,:3].sum()))<.005

def test_the_same_bits():
    exact = Renderer(TRIANGLES, UVS, SIZE, SIZE, TEXTURE, (LIGHT, 2*LIGHT), device='cpu', deterministic=True)
    def run(seed):
        free = {name:value.clone().requires_grad_() for name,value in START.items()}
        image = picture(exact, free, samples=4, seed=seed, silhouettes=True)
        image.square().sum().backward()
        return [image.detach(), *[value.grad for value in free.values()]]
    first,again,other = run(3),run(3),run(4)
    assert all(torch.equal(a, b) for a,b in zip(first, again)) and not torch.equal(first[0], other[0])
