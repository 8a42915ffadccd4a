"Texture maps, photos and measures on values that are known. tests/mutants.py breaks each of them."
import math
import pytest
import torch
from torch import tensor
from nextgenface_nb import metrics as measures
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.facemodel.texture import TextureMap
from nextgenface_nb.imaging import Photo, from_srgb, to_srgb

MODEL = toy_model(31, 23)
T = 64
MAP = TextureMap(MODEL.triangles, MODEL.uvs, T, MODEL.mirror)

def test_a_baked_map_of_coordinates_is_its_own_coordinates():
    "Texel (row, column) has its centre at u = (column+.5)/T, v = 1-(row+.5)/T: no half-texel shift, no turn"
    baked = MAP.bake(MODEL.uvs)
    row,column = torch.meshgrid(*[(torch.arange(T)+.5)/T]*2, indexing='ij')
    expected = torch.stack([column, 1-row], -1)
    assert MAP.valid.float().mean()>.5
    torch.testing.assert_close(baked[MAP.valid], expected[MAP.valid], atol=1e-4, rtol=0)

def test_texels_outside_the_mesh_repeat_the_nearest_inside():
    baked = MAP.bake(torch.ones(len(MODEL.uvs), 2))
    torch.testing.assert_close(baked, torch.ones(T, T, 2))

def test_the_mirror_of_a_map_is_the_map_of_the_mirror():
    # x changes its sign, y does not
    values = torch.stack([MODEL.shape_mean[:,0], MODEL.shape_mean[:,1]], 1)/100
    here,there = MAP.bake(values),MAP.mirrored(MAP.bake(values))
    inside = MAP.valid
    torch.testing.assert_close(there[inside][:,1], here[inside][:,1], atol=.02, rtol=0)
    torch.testing.assert_close(there[inside][:,0], -here[inside][:,0], atol=.02, rtol=0)

def test_the_model_is_linear_in_its_coefficients():
    shape,expression = torch.zeros(len(MODEL.shape_variance)),torch.zeros(len(MODEL.expression_variance))
    torch.testing.assert_close(MODEL.vertices(shape, expression), MODEL.shape_mean+MODEL.expression_mean)
    shape[1],expression[2] = 2.,.5
    torch.testing.assert_close(MODEL.vertices(shape, expression), MODEL.shape_mean+MODEL.expression_mean
        +2*MODEL.shape_basis[1]+.5*MODEL.expression_basis[2], atol=1e-3, rtol=1e-5)
    albedo = torch.zeros(len(MODEL.albedo_variance))
    albedo[0] = .01
    torch.testing.assert_close(MODEL.diffuse_albedo(albedo),
        (MODEL.diffuse_mean+.01*MODEL.diffuse_basis[0]).clamp(0, 1))
    torch.testing.assert_close(MODEL.specular_albedo(albedo),
        (MODEL.specular_mean+.01*MODEL.specular_basis[0]).clamp(0, 1))

def test_srgb_is_the_true_curve():
    "18 % grey is 0.461 in sRGB, not 0.459 as a power of 2.2 has it; near black the curve is straight"
    torch.testing.assert_close(to_srgb(tensor([0., .001, .18, 1.])), tensor([0., .01292, .4613561, 1.]), atol=1e-5,
        rtol=0)
    x = torch.linspace(0, 1, 101)
    torch.testing.assert_close(from_srgb(to_srgb(x)), x, atol=1e-5, rtol=0)

def test_a_crop_and_its_original_are_one_photo():
    "A bright pixel keeps its place, and so does a point"
    # centre at (125, 85)
    pixels = torch.zeros(200, 300, 3)
    pixels[80:90,120:130] = 1
    photo = Photo(pixels)
    face = tensor([[90.,50],[160,50],[160,120],[90,120]])
    crop = photo.crop_face(face, 128)
    assert crop.width==crop.height<=128
    where = crop.from_original(tensor([125.,85.]))
    torch.testing.assert_close(crop.to_original(where), tensor([125.,85.]), atol=1e-3, rtol=0)
    rows,columns = torch.meshgrid(*[torch.arange(float(crop.width))+.5]*2, indexing='ij')
    light = crop.pixels[...,0]
    centre = torch.stack([(light*columns).sum(), (light*rows).sum()])/light.sum()
    torch.testing.assert_close(centre, where, atol=.3, rtol=0)
    torch.testing.assert_close(crop.principal_point(), crop.from_original(tensor([150.,100.])))

def test_measures_by_hand():
    a,b = torch.zeros(16, 16, 3),torch.full((16, 16, 3), .1)
    assert measures.psnr(a, b)==pytest.approx(20, abs=1e-4)
    mask = torch.zeros(16, 16)
    mask[:8] = 1
    b[8:] = 1
    assert measures.psnr(a, b, mask)==pytest.approx(20, abs=1e-4)
    assert measures.ssim(b, b)==pytest.approx(1) and measures.psnr(a, a)==math.inf
    assert measures.ssim(torch.rand(16, 16, 3, generator=torch.Generator().manual_seed(0)),
        torch.rand(16, 16, 3, generator=torch.Generator().manual_seed(1)))<.3

def test_a_shadow_costs_as_much_on_dark_skin_as_on_light():
    "Half the albedo in twice the light is the same photo: each term is what it was; of usual skin a small distance is that of its albedo"
    from nextgenface_nb.optim.texture import USUAL, TexturePrior
    T = 16
    mirror = torch.arange(T*T).reshape(T, T).flip(1).reshape(-1)
    change = .05*torch.rand(T, T, 3, generator=torch.Generator().manual_seed(0))
    def terms(albedo):
        skin = torch.cat([albedo*torch.tensor([1.4, .9, .7]).expand(T, T, 3), torch.full((T, T, 2), .1)], -1)
        changed = torch.cat([skin[...,:3]*(1+change), skin[...,3:]], -1)
        prior = TexturePrior(skin, torch.ones(T, T, dtype=torch.bool), mirror)
        return {n:float(v) for n,v in prior.terms(changed).items()}
    light,dark = terms(.4),terms(.05)
    for name in ('symmetry', 'consistency', 'smoothness'):
        assert dark[f'diffuse_{name}'] == pytest.approx(light[f'diffuse_{name}'], rel=1e-3)
    usual = torch.full((T, T, 5), USUAL)
    prior = TexturePrior(usual, torch.ones(T, T, dtype=torch.bool), mirror)
    far = prior.compressed(usual+torch.tensor([.001, .001, .001, 0, 0]))-prior.compressed(usual)
    assert far[...,:3].mean() == pytest.approx(.001, rel=.01)

def test_a_shadow_left_in_the_albedo_costs_its_colours_alike():
    ("On the photo's curve a cheek half as bright is as far in blue as in red, though red skin is the brighter one; "
     "linear, red would be 2.4 times as far")
    from nextgenface_nb.optim.texture import TexturePrior
    T = 8
    skin = torch.tensor([.4, .25, .17, .03, .5]).expand(T, T, 5)
    prior = TexturePrior(skin, torch.ones(T, T, dtype=torch.bool), torch.arange(T*T).reshape(T, T).flip(1).reshape(-1))
    def far(channel, factor):
        maps = skin.clone()
        maps[..., channel] *= factor
        return float(prior.terms(maps)['diffuse_consistency'])
    # the root of .4/.17 with the dark end lifted
    assert far(0, .5)/far(2, .5) == pytest.approx(1.5, abs=.1)
    assert far(0, .99)/far(0, .5) < .02                                             # nearly nothing for a small change
