"The material by itself: what it sends back, both ways alike, drawn as it claims."
import math
import numpy as np
import pytest
from nextgenface_nb.rendering.material import make_material
from nextgenface_nb.rendering.variant import use_variant

use_variant('cpu')
import drjit as dr, mitsuba as mi

def seen_at(degrees, n=1):
    "A surface point seen at an angle from its normal"
    angle = mi.Float(math.radians(degrees))
    si = dr.zeros(mi.SurfaceInteraction3f, n)
    si.n = mi.Normal3f(0, 0, 1)
    si.sh_frame = mi.Frame3f(si.n)
    si.uv = mi.Point2f(.5)
    si.wi = mi.Vector3f(dr.sin(angle), 0, dr.cos(angle))
    return si

def sent_back(values, degrees, n=400000):
    "Of light of 1 from everywhere, by drawn directions"
    random = mi.PCG32(size=n)
    _,weight = make_material(2, values).sample(mi.BSDFContext(), seen_at(degrees, n), random.next_float32(),
        mi.Point2f(random.next_float32(), random.next_float32()))
    return float(dr.mean(weight.x)[0])

def single_scattering(roughness, degrees, rows=2000, columns=800):
    ("What facets of reflectance 1 send back when light that meets a second facet is lost: the formulas of "
     "Trowbridge-Reitz and Smith, summed over the hemisphere")
    alpha,angle = roughness**2,math.radians(degrees)
    theta,phi = np.meshgrid((np.arange(rows)+.5)/rows*np.pi/2, (np.arange(columns)+.5)/columns*2*np.pi, indexing='ij')
    out = np.stack((np.sin(theta)*np.cos(phi), np.sin(theta)*np.sin(phi), np.cos(theta)))
    into = np.array([math.sin(angle), 0, math.cos(angle)])
    half = out+into[:,None,None]
    half /= np.linalg.norm(half, axis=0)
    masking = lambda z: 2/(1+np.sqrt(1+alpha**2*(1/z**2-1)))
    density = alpha**2/(np.pi*((alpha**2-1)*half[2]**2+1)**2)
    return float((density*masking(into[2])*masking(out[2])/(4*into[2])*np.sin(theta)).sum()*(np.pi/2/rows)*(
        2*np.pi/columns))

# ---- the white furnace

@pytest.mark.parametrize('degrees', [0, 30, 60, 80])
def test_a_matt_surface_sends_back_its_albedo(degrees):
    for albedo in (.3, 1.): # With F0 = 0 Schlick leaves a little at grazing angles; it comes on top
        assert sent_back((albedo, 0, .5), degrees)-sent_back((0, 0, .5), degrees)==pytest.approx(albedo, rel=.01)

@pytest.mark.parametrize('degrees', [0, 30, 60])
@pytest.mark.parametrize('roughness', [.3, .5, .7, 1.])
def test_a_mirror_of_facets_loses_what_single_scattering_loses(roughness, degrees):
    ("The furnace of F0 = 1 is not 1: light that one facet sends to another is not followed. It must be lost by the "
     "formula, and nothing besides")
    assert sent_back((0, 1, roughness), degrees)==pytest.approx(single_scattering(roughness, degrees), rel=.01)

def test_how_much_single_scattering_loses():
    assert sent_back((0, 1, .1), 0)==pytest.approx(1, abs=.01) and sent_back((0, 1, .3), 0)==pytest.approx(1, abs=.01)
    assert .9<single_scattering(.5, 0)<.95 and .28<single_scattering(1., 0)<.33 # 8 % is lost at 0.5, 69 % at 1

@pytest.mark.parametrize('f0', [.02, .04, .08, .5])
def test_normal_incidence_reflects_f0(f0):
    assert sent_back((0, f0, .1), 0)==pytest.approx(f0, rel=.01)

def test_black_stays_black():
    assert sent_back((0, 0, .1), 0)<1e-3

# ---- both ways alike

@pytest.mark.parametrize('values', [(.5, 0, .5), (0, .3, .2), (.4, .1, .6), (0, 1, 1)])
def test_reciprocity(values):
    "f(a, b) = f(b, a) for a thousand pairs of directions that are not grazing"
    random,n = mi.PCG32(size=1000),1000
    draw = lambda: mi.warp.square_to_cosine_hemisphere(mi.Point2f(random.next_float32(), random.next_float32()))
    a,b = draw(),draw()
    material,there,back = make_material(2, values),seen_at(0, n),seen_at(0, n)
    there.wi,back.wi = a,b
    one,other = ((material.eval(mi.BSDFContext(), there, b)/b.z).numpy(),
        (material.eval(mi.BSDFContext(), back, a)/a.z).numpy())
    usable = (a.z.numpy()>.02)&(b.z.numpy()>.02)
    assert usable.sum()>900
    np.testing.assert_allclose(one[:,usable], other[:,usable], rtol=2e-4, atol=1e-6)

# ---- drawn as it claims

def chi_square(drawn_from, claimed, degrees, count=300000):
    "Mitsuba's own test, as for its own materials"
    from mitsuba.chi2 import ChiSquareTest,SphericalDomain
    def sample(numbers):
        n = dr.width(numbers[0])
        drawn,_ = drawn_from.sample(mi.BSDFContext(), seen_at(degrees, n), numbers[0],
            mi.Point2f(numbers[1], numbers[2]))
        return drawn.wo,dr.select(drawn.pdf>0, mi.Float(1), 0)
    test = ChiSquareTest(domain=SphericalDomain(), sample_func=sample, sample_dim=3, sample_count=count, res=101,
        ires=16,
        pdf_func=lambda wo: claimed.pdf(mi.BSDFContext(), seen_at(degrees, dr.width(wo)), wo))
    return test.run(significance_level=.01, test_count=8, quiet=True)

@pytest.mark.parametrize('values, degrees',
    [((.5, 0, .5), 30), ((.3, .3, .6), 50), ((.5, .03, .4), 20), ((.05, .5, .8), 75)])
def test_drawn_directions_follow_their_density(values, degrees):
    material = make_material(2, values)
    assert chi_square(material, material, degrees)

def test_another_density_is_noticed():
    assert not chi_square(make_material(2, (.3, .3, .6)), make_material(2, (.3, .3, .55)), 50)
