"The table of evaluation.gradients, asserted; and renderers that are wrong on purpose, which it must find."
import pytest
import torch
from nextgenface_nb.errors import RenderError
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.geometry.camera import Camera
from nextgenface_nb.geometry.harmonics import environment_directions
from nextgenface_nb.geometry.mesh import vertex_normals
from nextgenface_nb.evaluation.gradients import Setting,geometric,gradient_table,parts,smooth_map
from nextgenface_nb.rendering.renderer import Renderer

MODEL = toy_model()
SETTINGS = {name:Setting(MODEL, **pose)
    for name,pose in {'centred':{}, 'at the border':dict(translation=(34., 0, -600.)),
    'leaving the picture':dict(translation=(60., -70., -560.), zoom=3.2),
    'half profile':dict(rotation=(0., .6, .17))}.items()}

def renderer(*arguments, **options): return Renderer(*arguments, device='cpu', **options)
def without_shadows(*arguments): return renderer(*arguments, shadows=False)
def good(table, noise=0.): return not [row for row in table if not row.error<row.allowed+noise*row.noise]

# ---- a part of the table, for every run

def test_maps_and_light():
    table = gradient_table(renderer, SETTINGS['centred'], ['albedo', 'diffuse', 'specular', 'roughness', 'light'],
        ['shading'], samples=64, difference_samples=64)
    assert good(table), table

def test_coverage_by_geometry_and_camera():
    "Silhouettes alone: 10 % are allowed; the principal point must be far better, since the outline only shifts"
    table = gradient_table(renderer, SETTINGS['centred'], geometric, ['coverage'], difference_samples=128)
    assert good(table, 1.), table
    assert {row.variable:row.error for row in table}['principal']<.02, table

def test_shading_by_geometry():
    table = gradient_table(without_shadows, SETTINGS['centred'], ['vertices', 'shape', 'translation'], ['shading'],
        samples=256, difference_samples=64)
    assert good(table, 1.5), table

@pytest.mark.parametrize('name', ['at the border', 'leaving the picture'])
def test_the_whole_picture_at_the_border(name):
    table = gradient_table(without_shadows, SETTINGS[name], ['vertices', 'translation', 'focal'],
        ['picture', 'coverage'], directions=3, samples=128, difference_samples=64)
    assert good(table, 1.), table

# ---- all of it

@pytest.mark.slow
@pytest.mark.parametrize('name', list(SETTINGS))
def test_every_variable(name):
    # There the outline of the nose lies inside the face
    kinds = ['coverage', 'picture'] if name=='half profile' else list(parts)
    table = gradient_table(without_shadows, SETTINGS[name], kinds=kinds, samples=1024, difference_samples=512)
    assert good(table, 2.), table

@pytest.mark.slow
def test_every_variable_with_shadows():
    table = gradient_table(renderer, SETTINGS['centred'], shadow_edges=1024, samples=1024, difference_samples=512)
    assert good(table, 2.), table

# ---- a shadow that moves

def hill(n=41, width=200.):
    u = torch.linspace(-.5, .5, n)
    y,x = torch.meshgrid(u*width, u*width, indexing='ij')
    i = torch.arange(n*n).reshape(n, n)
    a,b,c,d = i[:-1,:-1].reshape(-1),i[:-1,1:].reshape(-1),i[1:,1:].reshape(-1),i[1:,:-1].reshape(-1)
    bump = torch.exp(-(x**2+y**2)/22**2)
    return torch.stack((x, y, 50*bump-600), -1).reshape(-1,
        3),torch.cat((torch.stack((a, b, c), 1), torch.stack((a, c, d), 1))),torch.stack((x/width+.5, y/width+.5),
        -1).reshape(-1, 2),bump.reshape(-1)

@pytest.mark.parametrize('way', [(0., 0, 1), (1., 0, 0)], ids=['grows', 'moves aside'])
def test_shadow_edges(way):
    "A hill in light from the side. Without its shadow's edges the derivative is half or twice what it should be"
    vertices,triangles,uvs,bump = hill()
    size,T,L = 32, 8, 16
    light = (environment_directions(L)@torch.nn.functional.normalize(torch.tensor([1., .3, .8]),
        dim=0)).clamp(min=0).pow(8)[...,None].expand(-1, -1, 3).contiguous()
    maps = [torch.full((T, T, channels), value) for channels,value in ((3, .5), (3, 0.), (1, .5))]
    weights,camera,motion = smooth_map(size, size, 3, torch.Generator().manual_seed(0)),Camera.centred(size, size,
        70.),bump[:,None]*torch.tensor(way)
    eye = Renderer(triangles, uvs, size, size, T, (L, 2*L), device='cpu')
    value = lambda s,samples,seed,**options: (eye.render(vertices+s*motion, None, *maps, light, camera, samples, seed,
        **options)[...,:3]*weights).sum()
    def slope(**options):
        s = torch.zeros((), requires_grad=True)
        return sum(float(torch.autograd.grad(value(s, 64, seed, silhouettes=True, **options), s)[0])
            for seed in range(6))/6
    with torch.no_grad():
        difference = sum(float(value(1., 512, seed)-value(-1., 512, seed)) for seed in range(50, 54))/8
    assert slope(shadow_edges=128)==pytest.approx(difference, rel=.12)
    assert abs(slope()-difference)>.3*abs(difference)

# ---- the table can fail

class Wrong:
    "Right pictures, wrong gradients"
    def __init__(self, inner, fault): self.inner,self.fault = inner,fault
    def render(self, vertices, normals, diffuse, specular, roughness, environment, camera, samples=None, seed=0,
        **options):
        if self.fault=='no roughness': roughness = roughness.detach()
        if self.fault=='zero roughness': roughness = roughness.detach()+0*roughness
        if self.fault=='no outline': options = {name:False for name in options}
        if self.fault=='normals':
            normals = vertex_normals(vertices, MODEL.triangles)
            normals = 2*normals.detach()-normals
        if self.fault=='camera': camera = camera.detach()
        image = self.inner.render(vertices, normals, diffuse, specular, roughness, environment, camera, samples, seed,
            **options)
        return image+.9*(image-image.detach()) if self.fault=='1.9 times' else image

FEW = dict(directions=3, samples=32, difference_samples=32)
def wrong(fault): return lambda *arguments: Wrong(without_shadows(*arguments), fault)

@pytest.mark.parametrize('fault, variable, part',
    [('1.9 times', 'diffuse', 'shading'), ('1.9 times', 'translation', 'coverage'), ('normals', 'vertices', 'shading'),
    ('no outline', 'translation', 'picture')])
def test_a_wrong_gradient_is_found(fault, variable, part):
    table = gradient_table(wrong(fault), SETTINGS['centred'], [variable], [part], **FEW)
    assert all(row.error>2*row.allowed+2*row.noise for row in table) and table.failures(2), table

@pytest.mark.parametrize('fault, variables, words',
    [('no roughness', ['roughness', 'light'], 'roughness: the gradient of the shading is missing'),
    ('zero roughness', ['roughness'], 'roughness: the gradient of the shading is zero'),
    ('camera', ['focal', 'light'], 'focal: the gradient of the shading is missing')])
def test_a_gradient_that_is_not_there_is_found(fault, variables, words):
    with pytest.raises(RenderError, match=words):
        gradient_table(wrong(fault), SETTINGS['centred'], variables, ['shading'], **FEW)
