("The renderer against finite differences, Mitsuba's own path tracer, and its own promises (memory, seeds, order of "
 "passes).")
import subprocess
import sys
import pytest
import torch
from nextgenface_nb.errors import RenderError
from nextgenface_nb.geometry.camera import Camera, euler_to_matrix
from nextgenface_nb.geometry.harmonics import environment_basis
from nextgenface_nb.rendering.renderer import Renderer, picture_noise
from nextgenface_nb.rendering.scene import lattice_environment

SIZE,TEXTURE,LIGHT = 48, 32, 32

def cushion(n=33, width=520.):
    "A smooth convex surface that fills the picture and throws no shadow on itself."
    t = torch.linspace(-.5, .5, n)
    y,x = torch.meshgrid(-t, t, indexing='ij')
    z = -70*(x**2+1.5*y**2+.5*x*y)+5*torch.cos(2*x-y)
    index = torch.arange(n*n).reshape(n, n)
    a,b,c,d = index[:-1,:-1].reshape(-1),index[:-1,1:].reshape(-1),index[1:,:-1].reshape(-1),index[1:,1:].reshape(-1)
    triangles = torch.cat((torch.stack((a, c, b), 1), torch.stack((b, c, d), 1)))
    return torch.stack((x*width, y*width, z), -1).reshape(-1, 3),triangles,torch.stack((x+.5, y+.5), -1).reshape(-1, 2)

SHAPE,TRIANGLES,UVS = cushion()
BASIS = environment_basis(LIGHT, 3)

def smooth(channels, seed, size=TEXTURE):
    noise = torch.rand(1, channels, 5, 5, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(noise, size=(size, size), mode='bicubic', align_corners=True)[0].permute(1,
        2, 0).clamp(0, 1).contiguous()

TARGET = smooth(3, 9, SIZE)*torch.linspace(0, 1.5, SIZE)[:,None,None]
START = dict(shape=SHAPE, rotation=torch.tensor([.1, -.15, .05]), translation=torch.tensor([5., -3, -600]),
    focal=torch.tensor(105.), principal=torch.tensor([22., 25.]),
    diffuse=.2+.5*smooth(3, 1), specular=.02+.1*smooth(3, 2), roughness=.35+.3*smooth(1, 3),
    light=torch.tensor([2.2, .3, .9, -.5, .1, .2, .1, -.2, .15])[:,None]*torch.tensor([1., .9, .8]))

@pytest.fixture(scope='module')
def renderer(): return Renderer(TRIANGLES, UVS, SIZE, SIZE, TEXTURE, (LIGHT, 2*LIGHT), device='cpu', samples=64)

def picture(renderer, p, **options):
    vertices = p['shape']@euler_to_matrix(p['rotation']).T+p['translation']
    environment = torch.nn.functional.softplus(3*(BASIS@p['light']))/3
    return renderer.render(vertices, None, p['diffuse'], p['specular'], p['roughness'], environment,
        Camera(p['focal'], p['principal'], SIZE, SIZE), **options)

def loss(renderer, p, **options): return (picture(renderer, p, **options)[...,:3]-TARGET).square().mean()*100

# ---- derivatives

@pytest.fixture(scope='module')
def gradients(renderer):
    found = []
    for seed in range(3):
        free = {name:value.clone().requires_grad_() for name,value in START.items()}
        loss(renderer, free, samples=192, seed=seed).backward()
        found.append({name:value.grad for name,value in free.items()})
    return found

x,y = SHAPE[:,0]/520,SHAPE[:,1]/520
unit = lambda n,i: torch.eye(n)[i]
CASES = [('shape', torch.stack((0*x, 0*x, torch.cos(4*x-1)*torch.cos(3*y)), 1), .5),
    ('shape', torch.stack((torch.sin(5*y+1), torch.cos(4*x+y), 0*x), 1), .5),
    *[('rotation', unit(3, i), .004) for i in range(3)], ('translation', unit(3, 0), 1.),
    ('translation', unit(3, 1), 1.), ('translation', unit(3, 2), 5.),
    ('focal', torch.tensor(1.), 1.), ('principal', unit(2, 0), .2), ('principal', unit(2, 1), .2),
    ('diffuse', smooth(3, 11)-.2, .05), ('specular', smooth(3, 12)-.2, .02), ('roughness', smooth(1, 13)-.2, .05),
    ('light', smooth(3, 14)[0,:9]-.3, .05)]

@pytest.mark.parametrize('name, direction, step', CASES, ids=[f'{name}{i}' for i,(name,_,_) in enumerate(CASES)])
def test_gradient_is_the_slope_of_the_picture(renderer, gradients, name, direction, step):
    slopes = torch.tensor([float((g[name]*direction).sum()) for g in gradients])
    with torch.no_grad():
        differences = torch.tensor([float(loss(renderer, {**START, name:START[name]+step*direction}, samples=192,
            seed=seed)
            -loss(renderer, {**START, name:START[name]-step*direction}, samples=192, seed=seed))/(2*step)
            for seed in (5, 6, 7)])
    noise = (slopes.var()/3+differences.var()/3).sqrt()
    assert abs(slopes.mean()-differences.mean())<.05*abs(differences.mean())+2.5*noise, (slopes, differences)
    assert noise<.25*abs(differences.mean()), 'the comparison itself is too noisy to say anything'

def test_no_input_is_left_without_a_gradient(gradients):
    for name in START: assert torch.isfinite(gradients[0][name]).all() and gradients[0][name].abs().max()>0, name

def test_only_what_asks_gets_a_gradient(renderer):
    free = {name:value.clone().requires_grad_(name=='specular') for name,value in START.items()}
    loss(renderer, free, samples=2).backward()
    assert free['specular'].grad is not None and all(value.grad is None
        for name,value in free.items() if name!='specular')

def test_two_pictures_before_their_backward_passes(renderer):
    "The second one moves the scene; the first one's derivatives must not notice"
    def gradient(shift, other=None):
        free = {name:value.clone().requires_grad_() for name,value in START.items()}
        moved = {**free, 'translation':free['translation']+shift}
        value = loss(renderer, moved, samples=4)
        if other is not None:
            loss(renderer, {**START, 'translation':START['translation']+other, 'diffuse':START['diffuse']*.5},
                samples=4)
        value.backward()
        return free
    alone,disturbed = gradient(torch.zeros(3)),gradient(torch.zeros(3), torch.tensor([30., 20, -50]))
    for name in START:
        torch.testing.assert_close(disturbed[name].grad, alone[name].grad, rtol=1e-3,
            atol=1e-4*float(alone[name].grad.abs().max()), msg=name)

def test_the_outline_moves_with_the_face():
    "A small tilted square before nothing: coverage follows x, y, z and focal length, and colour with it"
    flat = SHAPE*torch.tensor([.2, .25, .1])
    tilted = flat@euler_to_matrix(torch.tensor([.1, .2, .3])).T+torch.tensor([7., 4, -600])
    small = Renderer(TRIANGLES, UVS, SIZE, SIZE, TEXTURE, (LIGHT, 2*LIGHT), device='cpu')
    maps = [torch.full((TEXTURE, TEXTURE, channels), value) for channels,value in ((3, .4), (3, .0), (1, .5))]
    weights = smooth(4, 21, SIZE)*torch.linspace(0, 2, SIZE)[:,None,None]
    def value(motion, zoom, samples, seed=0): # [2]: of colour and of coverage
        image = small.render(tilted+motion, None, *maps, torch.ones(LIGHT, 2*LIGHT, 3),
            Camera(START['focal']*zoom, START['principal'], SIZE, SIZE), samples, seed, silhouettes=True)
        return (image*weights).sum((0, 1))[[0, 3]]
    motion,zoom = torch.zeros(3, requires_grad=True),torch.tensor(1., requires_grad=True)
    slopes = []
    for channel in (0, 1):
        slopes.append(torch.cat([g.reshape(-1)
            for g in torch.autograd.grad(sum(value(motion, zoom, 64, seed) for seed in range(2))[channel]/2,
            (motion, zoom))]))
    with torch.no_grad():
        for i,step in enumerate((2., 2., 5., .02)):
            shift,scale = (torch.zeros(3), step) if i==3 else (step*unit(3, i), 0.)
            difference = sum(value(shift, 1+scale, 200, seed)-value(-shift, 1-scale, 200, seed)
                for seed in range(4))/(8*step)
            assert float(slopes[1][i])==pytest.approx(float(difference[1]), rel=.06), ('coverage', i)
            if i>1: assert float(slopes[0][i])==pytest.approx(float(difference[0]), rel=.08), ('colour', i)

# ---- the same picture as Mitsuba's

def test_mitsuba_agrees(renderer):
    import mitsuba as mi
    ours = sum(picture(renderer, START, samples=64, seed=seed) for seed in range(2))/2
    renderer.scene.look_through(Camera(START['focal'], START['principal'], SIZE, SIZE))
    theirs = mi.render(renderer.scene.scene,
        integrator=mi.load_dict(dict(type='path', max_depth=2, hide_emitters=True)), spp=256).torch()
    torch.testing.assert_close(ours.mean((0, 1)), theirs.mean((0, 1)), rtol=3e-3, atol=0)
    assert (ours-theirs).abs().mean()<.02

# ---- promises

def test_a_seed_is_a_picture(renderer):
    assert torch.equal(picture(renderer, START, samples=2, seed=3), picture(renderer, START, samples=2, seed=3))
    assert not torch.equal(picture(renderer, START, samples=2, seed=3), picture(renderer, START, samples=2, seed=4))

def test_few_rays_are_not_brighter_than_many(renderer):
    few = sum(picture(renderer, START, samples=4, seed=seed)[...,:3].mean() for seed in range(40))/40
    assert float(few)==pytest.approx(float(picture(renderer, START, samples=256)[...,:3].mean()), rel=4e-3)

def test_the_place_in_the_pixel_does_not_choose_the_light():
    ("Light from one side, and an outline through many pixels: with enough rays every seed must find the same picture "
     "there, too")
    flat,side = SHAPE*torch.tensor([.2, .25, .1]),torch.zeros(LIGHT, 2*LIGHT, 3)
    side[:,:LIGHT] = 1
    small,maps = Renderer(TRIANGLES, UVS, SIZE, SIZE, TEXTURE, (LIGHT, 2*LIGHT),
        device='cpu'),[torch.full((TEXTURE, TEXTURE, channels), value)
        for channels,value in ((3, .5), (3, .04), (1, .5))]
    tilted = flat@euler_to_matrix(torch.tensor([.1, .2, .3])).T+torch.tensor([7., 4, -600])
    first,second = (small.render_converged(tilted, None, *maps, side,
        Camera(START['focal'], START['principal'], SIZE, SIZE), samples=512, seed=seed) for seed in (1, 2))
    outline = (first[...,3]>.05)&(first[...,3]<.95)
    assert outline.sum()>20
    assert (first-second)[outline][:,:3].square().mean().sqrt()<.03*first[outline][:,:3].mean()

def test_a_picture_stops_at_a_noise_level_or_at_its_rays(renderer):
    ("The stated level holds, by another picture's judgement; less noise takes more rays; and no more are shot than "
     "were allowed")
    vertices = START['shape']@euler_to_matrix(START['rotation']).T+START['translation']
    arguments = (vertices, None, START['diffuse'], START['specular'], START['roughness'],
        torch.nn.functional.softplus(3*(BASIS@START['light']))/3,
        Camera(START['focal'], START['principal'], SIZE, SIZE))
    judge,passes = renderer.render_converged(*arguments, samples=1024, seed=9),{}
    for level in (.02, .01):
        said = []
        image = renderer.render_converged(*arguments, samples=1024, noise=level,
            progress=lambda done,total: said.append((done, total)))
        assert .4*level<picture_noise(2*image-judge, judge)<1.3*level and said[-1]==(1024, 1024)
        passes[level] = len(said)
    assert 1<passes[.02]<passes[.01]<64
    said = []
    renderer.render_converged(*arguments, samples=40, noise=1e-9,
        progress=lambda done,total: said.append((done, total)))
    assert said==[(16, 40), (32, 40), (40, 40)]

def test_converged_picture_of_very_many_rays_never_asks_for_too_many_at_once(renderer):
    "512 x 512 at 20,000 rays is more than 2^32 in all"
    asked,small = [],Renderer(TRIANGLES, UVS, 512, 512, 4, (4, 8), device='cpu')
    def count(inputs, samples, first, seed, differentiable, arriving):
        asked.append((first, samples))
        return torch.zeros(())
    small._shoot = count
    maps = [torch.zeros(4, 4, c) for c in (3, 3, 1)]
    small.render_converged(SHAPE+torch.tensor([0, 0, -600.]), None, *maps, torch.ones(4, 8, 3),
        Camera.centred(512, 512, 900.), samples=20000)
    assert sum(samples for _,samples in asked)==20000 and all(samples*512*512<=small.lanes for _,samples in asked)
    assert [first for first,_ in asked]==sorted({first for first,_ in asked})

def test_the_light_is_where_the_map_says(renderer):
    "Mitsuba's own lookup at each pixel centre gives the pixel, at the seam and at the poles too"
    import mitsuba as mi
    environment = torch.rand(LIGHT, 2*LIGHT, 3, generator=torch.Generator().manual_seed(0))
    renderer.scene.set_tensors(environment=lattice_environment(environment, renderer.scene.columns))
    from nextgenface_nb.geometry.harmonics import environment_directions
    directions = environment_directions(LIGHT).reshape(-1, 3)
    import drjit as dr
    si = dr.zeros(mi.SurfaceInteraction3f, len(directions))
    si.wi = -mi.Vector3f(*[mi.Float(directions[:,i].contiguous()) for i in range(3)])
    seen = torch.stack([channel.torch() for channel in renderer.scene.environment.eval(si)], 1)
    torch.testing.assert_close(seen, environment.reshape(-1, 3), atol=2e-3, rtol=0)

@pytest.mark.skipif(not sys.platform.startswith('linux'), reason='reads /proc')
def test_memory_stays_flat():
    ("Steps with everything free, 20 to begin with, then three times 10, then 10 that keep their pictures: what is "
     "lost at each step is lost in all three, what an allocator takes once is not")
    program = '''
import sys; sys.path.insert(0, 'tests')
from test_rendering import *
def resident(): return int(open('/proc/self/statm').read().split()[1])*4096/2**20
renderer = Renderer(TRIANGLES, UVS, SIZE, SIZE, TEXTURE, (LIGHT, 2*LIGHT), device='cpu')
free = {name:value.clone().requires_grad_() for name,value in START.items()}
held,kept = [],[]
for step in range(60):
    if step>=50: kept.append(loss(renderer, free, samples=4, seed=100+step, silhouettes=True))
    loss(renderer, free, samples=4, seed=step, silhouettes=True).backward()
    if step>=19 and step%10==9: held.append(resident())
grown = [b-a for a,b in zip(held, held[1:])]
print(min(grown[:3]), grown[3])
'''
    grown,keeping = map(float, subprocess.run([sys.executable, '-c', program], capture_output=True, text=True,
        check=True).stdout.split())
    assert grown<.1*keeping, f'{grown:.1f} MB, and {keeping:.1f} MB where the pictures are kept'

@pytest.mark.parametrize('end, code', [('', 0), ('sys.exit(7)', 7), ('raise ValueError', 1)])
def test_an_interpreter_ends_well_with_derivatives_that_nobody_has_asked_for(end, code):
    "A picture in a global variable outlives Dr.Jit: it was signal 11 after all output"
    program = f'''
import sys; sys.path.insert(0, 'tests')
from test_rendering import *
renderer = Renderer(TRIANGLES, UVS, SIZE, SIZE, TEXTURE, (LIGHT, 2*LIGHT), device='cpu')
free = {{name:value.clone().requires_grad_() for name,value in START.items()}}
held = [picture(renderer, free, samples=4, silhouettes=outlines) for outlines in (False, True)]
print(len(held), flush=True)
{end}
'''
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True)
    assert (done.returncode, done.stdout)==(code, '2\n'), done.stderr[-2000:]

@pytest.mark.parametrize('shape, columns', [((4, 8), 9), ((4, 8), 10)])
def test_both_layouts_of_the_environment(shape, columns):
    environment = torch.arange(32.).reshape(4, 8, 1).expand(-1, -1, 3)
    stored = lattice_environment(environment, columns)
    assert stored.shape==(9, columns, 3)
    inner = stored[:,1:-1] if columns==10 else stored[:,:-1]
    assert torch.equal(inner[1::2], environment) and torch.equal(stored[:,-1], inner[:,0])
    with pytest.raises(RenderError): lattice_environment(environment, 8)

# ---- LLVM

def test_the_chosen_llvm_draws():
    from nextgenface_nb.rendering.variant import find_llvm, passes_trial
    assert passes_trial(find_llvm())
    assert not passes_trial('/nowhere/libLLVM.so') # Another process fails, not this one

def test_llvm_is_found_from_the_command_line(tmp_path):
    import os
    run = lambda **more: subprocess.run([sys.executable, '-m', 'nextgenface_nb.rendering.variant'], capture_output=True,
        text=True, env=dict(os.environ, **more))
    found = run()
    assert found.returncode==0 and os.path.isfile(found.stdout.strip())
    missing = run(NEXTGENFACE_LIBLLVM=str(tmp_path/'libLLVM.so.19.1'))
    assert missing.returncode==1 and 'libllvm19' in missing.stderr and not missing.stdout
