("Small pictures whose values are known: where things land, how bright they are, and that every gradient is the slope "
 "of the picture.")
import math
import pytest
import torch
from nextgenface_nb.geometry.camera import Camera, project
from nextgenface_nb.geometry.harmonics import (environment_directions, environment_map, environment_solid_angles,
    project_environment)
from nextgenface_nb.geometry.mesh import vertex_normals
from nextgenface_nb.rendering.renderer import Renderer
from nextgenface_nb.rendering.transfer import Transfer

SIZE,TEXTURE,LIGHT = 32, 16, 16

def grid(height):
    "A square of 24 x 24 mm cells, 600 mm away, with u to the right and v up; `height(x, y)` toward the viewer in mm"
    n = 25
    u = torch.linspace(0, 1, n)
    v,u = torch.meshgrid(u, u, indexing='ij')
    x,y = (u-.5)*200,(v-.5)*200
    i = torch.arange(n*n).reshape(n, n)
    a,b,c,d = i[:-1,:-1].reshape(-1),i[:-1,1:].reshape(-1),i[1:,1:].reshape(-1),i[1:,:-1].reshape(-1)
    triangles = torch.cat([torch.stack([a, b, c], 1), torch.stack([a, c, d], 1)])
    return torch.stack([x, y, height(x, y)-600], -1).reshape(-1, 3),triangles,torch.stack([u, v], -1).reshape(-1, 2)

CAMERA = Camera.centred(SIZE, SIZE, 70.)             # 200 mm at 600 mm: 23 of 32 pixels
FLAT,TRIANGLES,UVS = grid(lambda x,y: 0*x)
DOME = grid(lambda x,y: 60*torch.exp(-(x**2+y**2)/60**2))[0]

@pytest.fixture(scope='module')
def renderer(): return Renderer(TRIANGLES, UVS, SIZE, SIZE, TEXTURE, (LIGHT, 2*LIGHT), device='cpu', samples=64)

def arguments(vertices=DOME, diffuse=.5, specular=.0, roughness=.5, environment=1., camera=CAMERA):
    "What a render takes, from numbers or maps"
    full = lambda value,shape: value if torch.is_tensor(value) else torch.full(shape, float(value))
    return dict(vertices=vertices, normals=None, diffuse=full(diffuse, (TEXTURE, TEXTURE, 3)),
        specular=full(specular, (TEXTURE, TEXTURE, 3)),
        roughness=full(roughness, (TEXTURE, TEXTURE, 1)), environment=full(environment, (LIGHT, 2*LIGHT, 3)),
        camera=camera)

def towards(axis, sharpness=2.):
    "An environment that is bright in one direction"
    directions = environment_directions(LIGHT)
    return (directions@torch.tensor(axis, dtype=torch.float32)).clamp(min=0)[...,None].expand(-1, -1,
        3).pow(sharpness).contiguous()

# ---- where things land

def test_a_white_square_lands_where_it_is_projected_to(renderer):
    "Off the axis, so that nothing flips unnoticed"
    vertices = FLAT*torch.tensor([.4,.2,1.])+torch.tensor([30.,45.,0])
    image = renderer.render(**arguments(vertices))
    rows,columns = torch.meshgrid(*[torch.arange(SIZE)+.5]*2, indexing='ij')
    alpha = image[...,3]
    centre = torch.stack([(alpha*columns).sum(), (alpha*rows).sum()])/alpha.sum()
    torch.testing.assert_close(centre, project(vertices, CAMERA).mean(0), atol=.1, rtol=0)
    corners = project(vertices, CAMERA)
    width,height = (corners.amax(0)-corners.amin(0)).tolist()
    assert float(alpha.sum())==pytest.approx(width*height, rel=.03)

def test_coverage_is_the_face_and_not_the_light(renderer):
    alpha = renderer.render(**arguments(FLAT))[...,3]
    assert alpha[0,0]==0 and alpha[:,0].max()==0 and alpha[16,16]==pytest.approx(1, abs=1e-5)
    colour = renderer.render(**arguments(FLAT))[...,:3]
    assert colour[0,0].max()==0                                              # the light itself is not in the picture

def test_the_first_row_of_a_map_is_the_top_of_the_face(renderer):
    bright = torch.full((TEXTURE, TEXTURE, 3), .1)
    bright[:TEXTURE//2,:,0] = .9
    bright[:,:TEXTURE//2,1] = .9
    image = renderer.render(**arguments(FLAT, bright))
    top,bottom,left,right = image[8,16],image[24,16],image[16,8],image[16,24]
    assert top[0]>.8 and bottom[0]<.2 and left[1]>.8 and right[1]<.2

# ---- how bright they are

def test_a_white_furnace_shows_the_albedo(renderer):
    "Light of 1 from everywhere: a matt square sends back its albedo"
    image = renderer.render(**arguments(FLAT, .3), samples=256)
    torch.testing.assert_close(image[12:20,12:20,:3].mean((0, 1)), torch.full((3,), .3), rtol=.02, atol=0)

@pytest.mark.parametrize('axis, bright, dark',
    [((0,1,0), (10,16), (22,16)), ((0,-1,0), (22,16), (10,16)), ((1,0,0), (16,22), (16,10)),
    ((-1,0,0), (16,10), (16,22))])
def test_light_from_one_side_lights_that_side(renderer, axis, bright, dark):
    image = renderer.render(**arguments(environment=towards(axis)))[...,0]
    near = lambda row,column: image[row-1:row+2,column-1:column+2].mean()
    assert near(*bright)>1.5*near(*dark)

def test_what_stands_in_the_light_throws_a_shadow(renderer):
    "Grazing light from the right: left of the hill the plain is darker than right of it, though both lie flat"
    hill = grid(lambda x,y: 90*torch.exp(-(x**2+y**2)/25**2))[0]
    image = renderer.render(**arguments(hill, environment=towards((1,0,.3), 40.)), samples=256)[...,0]
    assert image[15:17,22:25].mean()>2*image[15:17,7:10].mean()

def test_lambert_under_frontal_light(renderer):
    "E / pi * albedo: the integral of max(z, 0)^2 z over the hemisphere is pi/2"
    image = renderer.render(**arguments(FLAT, .4, environment=towards((0,0,1))), samples=512)
    assert float(image[14:18,14:18,0].mean())==pytest.approx(.4/2, rel=.04)

def test_the_specular_map_shines_where_it_is_bright(renderer):
    specular = torch.zeros(TEXTURE, TEXTURE, 3)
    specular[:,TEXTURE//2:,2] = .3
    shiny = renderer.render(**arguments(FLAT, .1, specular, .4), samples=256)
    assert shiny[16,22,2]-shiny[16,10,2]>.2 and abs(shiny[16,22,0]-shiny[16,10,0])<.05

@pytest.mark.parametrize('roughness', [.4, .7])
def test_the_material_is_lambert_plus_ggx(renderer, roughness):
    ("The middle of a flat square, seen straight on: the sum over the light of BRDF, cosine and solid angle, with the "
     "formulas of Schlick, Trowbridge-Reitz and Smith")
    diffuse,specular,alpha = .2,.3,roughness**2
    light = towards((.5,.2,1), 8.)
    d = environment_directions(LIGHT)
    cosine = d[...,2].clamp(min=1e-6)
    h = torch.nn.functional.normalize(d+torch.tensor([0.,0,1]), dim=-1)
    fresnel = specular+(1-specular)*(1-h[...,2])**5
    facets = alpha**2/(math.pi*((alpha**2-1)*h[...,2]**2+1)**2)
    masking = 2/(1+torch.sqrt(1+alpha**2*(1/cosine**2-1)))
    brdf = diffuse/math.pi+fresnel*facets*masking/(4*cosine)
    expected = float((brdf*d[...,2].clamp(min=0)*light[...,0]*environment_solid_angles(LIGHT)).sum())
    seen = renderer.render(**arguments(FLAT, diffuse, specular, roughness, light), samples=512)[15:17,15:17,0].mean()
    assert float(seen)==pytest.approx(expected, rel=.03)

def test_roughness_spreads_the_highlight(renderer):
    light = towards((0,0,1), 60.)
    peak = lambda roughness: renderer.render(**arguments(DOME, 0, .3, roughness, light), samples=256)[...,0].max()
    assert peak(.25)>2*peak(.7)

# ---- gradients

# away from the outline
MASK = torch.zeros(SIZE, SIZE, 1)
MASK[8:24,8:24] = 1
WEIGHT = MASK*torch.linspace(.5, 1.5, SIZE)[:,None,None]*torch.linspace(1.4, .6, SIZE)[None,:,None]

def smooth(shape, seed):
    "A smooth direction to go in"
    coarse = torch.randn(1, shape[-1], 4, 4, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, shape[:2], mode='bilinear')[0].permute(1, 2, 0).contiguous()

def slopes(renderer, name, direction, step, seeds=(1, 2, 3), **options):
    "Along one direction: what autograd says and what two pictures say"
    base = arguments(specular=.1, environment=.3+towards((.6,.5,.6)), **options)
    start = getattr(base['camera'], name) if name in ('focal', 'principal') else base[name]
    def picture(value, seed):
        given = dict(base)
        if name in ('focal', 'principal'): given['camera'] = Camera(**{**base['camera'].__dict__, name: value})
        else: given[name] = value
        return (renderer.render(**given, samples=256, seed=seed)[...,:3]*WEIGHT).sum()
    by_autograd,by_difference = 0.,0.
    for seed in seeds:
        x = start.detach().clone().requires_grad_()
        gradient, = torch.autograd.grad(picture(x, seed), x)
        assert gradient is not None and gradient.isfinite().all()
        by_autograd += float((gradient*direction).sum())/len(seeds)
        with torch.no_grad():
            by_difference += float(picture(start+step*direction, seed)
                -picture(start-step*direction, seed))/(2*step)/len(seeds)
    return by_autograd,by_difference

STRIPES = .4+.2*torch.sin(torch.linspace(0, 3, TEXTURE))[None,:,None]*torch.cos(torch.linspace(0, 4,
    TEXTURE))[:,None,None].expand(TEXTURE, TEXTURE, 3)

@pytest.mark.parametrize('name, direction, step', [
    ('diffuse', smooth((TEXTURE, TEXTURE, 3), 0).abs(), .02), ('specular', smooth((TEXTURE, TEXTURE, 3), 1).abs(), .02),
    ('roughness', smooth((TEXTURE, TEXTURE, 1), 2).abs(), .02),
    ('environment', smooth((LIGHT, 2*LIGHT, 3), 3).abs(), .05)])
def test_gradients_of_maps_and_light_are_slopes(renderer, name, direction, step):
    by_autograd,by_difference = slopes(renderer, name, direction, step)
    assert by_autograd==pytest.approx(by_difference, rel=.1) and abs(by_difference)>.01

@pytest.mark.parametrize('name, direction, step', [
    ('vertices', torch.tensor([1.,0,0]).expand(len(FLAT), 3), 2.),
    ('vertices', torch.stack([0*DOME[:,0], 0*DOME[:,0], torch.exp(-((DOME[:,0]-20)**2+DOME[:,1]**2)/40**2)], 1), 1.5),
    ('focal', torch.tensor(1.), 1.), ('principal', torch.tensor([1.,.5]), .3)],
    ids=['sideways', 'a bump', 'focal', 'principal'])
def test_gradients_of_geometry_and_camera_are_slopes(renderer, name, direction, step):
    by_autograd,by_difference = slopes(renderer, name, direction, step, diffuse=STRIPES.contiguous())
    # shadows move, which the gradient does not see
    assert by_autograd==pytest.approx(by_difference, rel=.15) and abs(by_difference)>1e-3

def test_the_outline_has_a_gradient(renderer):
    "A square that grows by 1 % covers 2 % more"
    size = torch.tensor(.5, requires_grad=True)
    small = lambda size: FLAT*torch.stack([size, size*.8, torch.ones(())])+torch.tensor([13.,-7,0])
    by_autograd, = torch.autograd.grad(renderer.coverage(small(size), CAMERA, 8).sum(), size)
    (x0,y0),(x1,y1) = project(small(size.detach()), CAMERA).amin(0),project(small(size.detach()), CAMERA).amax(0)
    assert float(by_autograd*size.detach())==pytest.approx(2*float((x1-x0)*(y1-y0)), rel=.05)

# ---- noise-free transport

def test_light_transport_knows_shadows(renderer):
    "Behind a steep hill under grazing light, against the ray tracer"
    hill = grid(lambda x,y: 90*torch.exp(-(x**2+y**2)/25**2))[0]
    light = environment_map(project_environment(towards((1,0,.3), 6.), 5), LIGHT)
    given = arguments(hill, .5, .1, .4, light)
    transfer = Transfer(renderer, hill, vertex_normals(hill, TRIANGLES), CAMERA, TEXTURE, bands=5)
    seen = transfer.gather(torch.cat([given['diffuse'], given['specular'], given['roughness']], -1))
    colours = transfer.shade(transfer.lit(light), seen[:,:3], seen[:,3:6], seen[:,6:])
    traced = renderer.render_converged(**given, samples=256)[...,:3].reshape(-1, 3)[transfer.pixels]
    assert float((colours-traced).abs().mean()/traced.mean())<.055

# ---- noise

def test_seeds_repeat_and_differ(renderer):
    first,again,other = (renderer.render(**arguments(specular=.1), samples=4, seed=seed) for seed in (5, 5, 6))
    assert torch.allclose(first, again, atol=1e-5) and (first-other).abs().max()>1e-3

def test_a_converged_picture_is_the_mean_of_many(renderer):
    given = arguments(environment=towards((.5,.5,.7)))
    many,few = renderer.render_converged(**given, samples=256),renderer.render(**given, samples=8, seed=1)
    inside = (slice(10, 22), slice(10, 22))
    assert float(many[inside].mean())==pytest.approx(float(few[inside].mean()), rel=.03)
    # noise left: between two independent pictures
    assert float((renderer.render_converged(**given, samples=256, seed=9)-many)[inside].std())<.4*float(
        (renderer.render(**given, samples=8, seed=2)-few)[inside].std())
