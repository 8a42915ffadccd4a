"Stage 2 has one energy: Gauss-Newton steps and ray-traced ones go down the same, to the same face"
from dataclasses import replace
import numpy as np, pytest, torch
from nextgenface_nb.config import Config
from nextgenface_nb.evaluation.synthetic import studio_light, synthetic_face
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.optim.landmarks import (POSE, TYPICAL_FOCAL, LandmarkProblem, LandmarkSettings, Rows, put_back,
    residual_rows, unturned_eye_distance)
from nextgenface_nb.metrics import eye_distance
from nextgenface_nb.optim.losses import (Candidate, ROW_TERMS, charbonnier, charbonnier_weight, exposure_gain, perceptual,
    perceptual_slope, row_energies, row_share, stage_problem, weighed)
from nextgenface_nb.optim.shading import ShadingSolver, SkinPixels, seen_beside, skin_pixels
from nextgenface_nb.optim.stages import TracedSolver, make_stages
from nextgenface_nb.optim.state import StageState, solve
from nextgenface_nb.pipeline import Pipeline

SMALL = dict(device='cpu', renderer='vertex', texture_resolution=64, max_resolution=64, bands=3, environment_height=16,
    samples_train=1, samples_final=1)
MODEL = toy_model(29, 21)

def pipeline(**settings): return Pipeline(MODEL, Config(**SMALL|settings))

@pytest.fixture(scope='module')
def own(): return pipeline()

@pytest.fixture(scope='module')
def truth(own): return synthetic_face(own, seed=1, size=64, light=studio_light(.6, bands=3), samples=1).face

def beside(truth):
    "Where no term is zero: turned, the points moved, bumps"
    face = truth.copy()
    face.identity.diffuse = face.identity.specular = face.identity.roughness = None
    face.identity.displacement = .2*torch.ones(len(pipeline().displacement))
    frame = face.frames[0]
    frame.rotation = frame.rotation+torch.tensor([.02, -.03, .01])
    frame.camera = replace(frame.camera, focal=1.1*frame.camera.focal)
    frame.landmarks = replace(frame.landmarks, points=frame.landmarks.points+torch.tensor([1., -.5]))
    return face

# ---- a number that can be checked by hand

def lowest(energy, low=-3., high=3.):
    "By cutting an interval"
    for _ in range(200):
        a,b = low+.382*(high-low),low+.618*(high-low)
        low,high = (low, b) if energy(a)<energy(b) else (a, high)
    return (low+high)/2

@pytest.mark.parametrize('far', [.004, .05, .6])
def test_the_fixed_point_of_reweighting_is_the_minimum_of_photo_plus_prior(far):
    "One unknown, one pixel, one prior: to five digits"
    prior,x = .8,torch.tensor(0., dtype=torch.float64)
    for _ in range(400):
        weight = charbonnier_weight(x-far)
        x = weight*far/(weight+prior)                         # of weight (x - far)^2 + prior x^2
    energy = lambda x: float(charbonnier(torch.tensor(x-far, dtype=torch.float64)))+prior*x**2
    assert float(x)==pytest.approx(lowest(energy), rel=1e-5)

def test_the_curve_has_no_kink_and_its_slope_is_its_derivative():
    x = torch.linspace(-.02, .02, 2001, dtype=torch.float64, requires_grad=True)
    slope = torch.autograd.grad(perceptual(x).sum(), x)[0]
    assert float(slope.diff().abs().max())<.01
    torch.testing.assert_close(slope, perceptual_slope(x).detach(), rtol=1e-9, atol=0)

def test_rows_are_weighed_by_their_energy():
    columns,r,J = Rows('shape', None, np.arange(2), np.array([1., 2.]), np.eye(2)).times(4.)
    assert r@r==pytest.approx(4*5) and np.allclose(J, 2*np.eye(2)) and list(columns)==[0, 1]

# ---- written once

def test_rows_and_numbers_are_the_same_terms(own, truth):
    "What a Gauss-Newton step adds up as squares, a ray-traced step adds up as terms; the slopes as well"
    face,stage = beside(truth),make_stages(own.config)[1]
    solver = ShadingSolver(own, face, stage)
    x = solver.problem.start(face)
    free = torch.tensor(x, requires_grad=True)
    other = face.copy()
    put_back(solver.problem, free, other)
    now = weighed([t for t in stage.terms if t.name in ROW_TERMS], stage.weights, Candidate(own, other, stage.rates))
    names = [rows.name for rows in residual_rows(solver.problem, x)]
    squares,slope = {},np.zeros(len(x))
    for name,(columns,r,J) in zip(names, solver.system([], x)):
        squares[name] = squares.get(name, 0.)+float(r@r)
        slope[columns] += 2*r@J
    assert set(squares)==set(ROW_TERMS)==set(now) and min(squares.values())>1e-7
    for name in ROW_TERMS: assert float(now[name].detach())==pytest.approx(squares[name], rel=1e-4), name
    found = torch.autograd.grad(sum(now.values()), free)[0].numpy()
    assert np.abs(found-slope).max()<1e-3*np.abs(slope).max()

def test_both_solvers_judge_a_face_alike(own, truth):
    stage = make_stages(own.config)[1]
    judged = []
    for make in (ShadingSolver, TracedSolver):
        face = beside(truth)
        solver = make(own, face, stage)
        terms = solver.terms([]) if make is ShadingSolver else solver.losses(0)
        judged.append({n:float(v) for n,v in terms.items() if n!='photo'})
    assert set(judged[0])==set(ROW_TERMS) and judged[0]==pytest.approx(judged[1], rel=1e-5)

def test_a_step_has_the_slope_of_the_photos_term(own, truth):
    "Twice residual times Jacobian of the reweighted pixels is the chain rule through the Charbonnier distance"
    face,stage = beside(truth),make_stages(own.config)[1]
    solver = ShadingSolver(own, face, stage)
    pixels = skin_pixels(own, face, stage, 200)
    _,r,J = solver.pixel_block(0, pixels[0])
    step = np.random.default_rng(0).standard_normal(J.shape[1])
    share = pixels[0].weight/(3*pixels[0].weight.sum())
    weight = torch.sqrt(share*charbonnier_weight(torch.zeros(1))).repeat(1, 3)
    colour,photo,_ = seen_beside(own, face, 0, pixels[0])
    plain = solver.terms(pixels)['photo']
    gain = exposure_gain(face.frames[0])
    assert plain==pytest.approx(float((share*charbonnier(perceptual(gain*colour)-perceptual(gain*photo))).sum()), rel=1e-5)
    assert plain>1e-4 and weight.numel()==len(r)
    seen = lambda d: float((share*charbonnier(d)).sum())
    # the residuals themselves, from their weighed ones: r w = q with w^2 = share weight(r)
    q = torch.as_tensor(r).reshape(-1, 3)
    d = torch.full_like(q, .1)
    for _ in range(200): d = q/(share*charbonnier_weight(d)).sqrt()
    assert seen(d)==pytest.approx(plain, rel=1e-3)
    root = (share*charbonnier_weight(d)).sqrt()
    along = torch.as_tensor(J@step).reshape(-1, 3)/root
    h = 1e-6
    assert (seen(d+h*along)-seen(d-h*along))/(2*h)==pytest.approx(float(2*r@J@step), rel=1e-3)

def test_landmarks_count_in_parts_of_the_face(own, truth):
    "The same face seven times as large in the picture: all terms as before"
    face = beside(truth)
    frame,large = face.frames[0],face.copy()
    camera = frame.camera
    large.frames[0].camera = replace(camera, focal=7*camera.focal, principal=7*camera.principal,
        width=7*camera.width, height=7*camera.height)
    large.frames[0].landmarks = replace(frame.landmarks, points=7*frame.landmarks.points)
    one,other = (row_energies(stage_problem(own, f, {}), f) for f in (face, large))
    for name in ROW_TERMS: assert float(other[name])==pytest.approx(float(one[name]), rel=1e-4), name

def test_a_coefficient_costs_as_much_however_many_others_there_are(own, truth):
    "Its prior is its own: that of a model cut down to its first coefficients is no firmer"
    few = pipeline(components=4)
    assert len(few.model.prior.shape)<len(own.model.prior.shape)
    def cost(pipeline):
        face = truth.copy()
        face.identity.shape = torch.zeros(len(pipeline.model.prior.shape))
        face.identity.shape[0] = 2*pipeline.model.prior.shape[0].sqrt()
        return float(row_energies(stage_problem(pipeline, face, {}), face)['shape'])
    assert cost(own)>0 and cost(few)==pytest.approx(cost(own), rel=1e-4)

# ---- the lens of which nothing is known

def test_the_prior_of_an_unknown_lens_stays_where_it_is(own, truth):
    "A stage that begins does not centre it on where the last one ended"
    face = truth.copy()
    frame = face.frames[0]
    typical = TYPICAL_FOCAL*unturned_eye_distance(MODEL, frame.landmarks)
    cost = []
    for factor in (1., 1.3):
        frame.camera = replace(frame.camera, focal=torch.tensor(factor*typical))
        problem = LandmarkProblem(MODEL, face, LandmarkSettings())
        cost.append(float(row_energies(problem, face)['focal']))
    share = next(row_share(problem, rows) for rows in residual_rows(problem, problem.start(face)) if rows.name=='focal')
    assert cost[0]==pytest.approx(0, abs=1e-6) and cost[1]==pytest.approx(share*(np.log(1.3)/.1)**2, rel=1e-3)

# ---- a step is taken if the energy falls

def test_a_step_that_makes_it_worse_is_taken_back(own, truth, monkeypatch):
    "Every try leads nowhere good: the face is as it was, the damping is not"
    face,stage = beside(truth),make_stages(own.config)[1]
    solver = ShadingSolver(own, face, stage)
    pixels = skin_pixels(own, face, stage, 100)
    before,told = face.copy().parameters(),solver.terms(pixels)
    worse = iter([1e3*(k+1) for k in range(10)])
    monkeypatch.setattr(ShadingSolver, 'terms',
        lambda self,pixels,own=ShadingSolver.terms: own(self, pixels)|dict(worse=next(worse)))
    after = solver.advance(pixels, 3)
    assert after['worse']==1e3 and {k:v for k,v in after.items() if k!='worse'}==pytest.approx(told)
    for name,value in face.parameters().items(): assert torch.equal(value, before[name]), name
    assert float(solver.damping)>100*solver.DAMPING and solver.refused==[3]

def test_the_energy_never_rises_in_a_step(own, truth):
    "From far away, where the parabola is no good guide: pixels, light and albedo stand still"
    face,stage = beside(truth),make_stages(own.config)[1]
    face.frames[0].rotation = face.frames[0].rotation+torch.tensor([.3, -.5, .3])
    solver = ShadingSolver(own, face, stage)
    pixels = skin_pixels(own, face, stage, 200)
    energies = [sum(solver.terms(pixels).values())]
    for number in range(6):
        energies.append(sum(solver.advance(pixels, number).values()))
        pixels = [p.moved(own, face, 0) for p in pixels]
    assert all(b<=a*(1+1e-6) for a,b in zip(energies, energies[1:])) and energies[-1]<.8*energies[0], energies

def test_the_damping_goes_on_with_an_interrupted_stage(own, truth):
    face,stage,state = beside(truth),make_stages(own.config)[1],StageState()
    make = lambda: ShadingSolver(own, face, stage, count=100)
    for _ in solve(make, face, 1, state): state.carried['geometry'].damping.fill_(.25)
    again = StageState({n:v.clone() for n,v in state.tensors().items()})
    for _ in solve(make, face, 1, again): pass
    assert float(again.carried['geometry'].damping)==.25

# ---- which pixels

def test_a_pixel_more_exchanges_one_of_those_that_are_drawn(own, truth):
    "Not all of them: which one is taken hangs on itself, not on its neighbours"
    face = truth.copy()
    frame = face.frames[0]
    def drawn():
        pixels = SkinPixels(own, face, 0, 100, torch.Generator().manual_seed(0))
        return set(pixels.transfer.pixels.tolist())
    frame.mask = torch.ones(64, 64)
    first = drawn()
    frame.mask = frame.mask.clone()
    frame.mask.reshape(-1)[min(first)] = 0
    assert len(first&drawn())==len(first)-1

# ---- a small fit: points to the right, the photo where it was

class Sideways(ShadingSolver):
    "Only right and left are free"
    @property
    def bounds(self):
        x = self.problem.start(self.face)
        low,high,k = x.copy(),x.copy(),self.problem.shape_size+3
        low[k],high[k] = -np.inf,np.inf
        return x,low,high

def test_both_ways_have_the_same_minimum(own, truth):
    ("Landmarks pull to the right, the photo to the left: where Gauss-Newton steps come to rest is where the energy of "
     "the ray-traced steps is least. With the photo counted twice they came to rest nearer to it")
    face,stage,shift = truth.copy(),make_stages(own.config)[1],.06
    frame,eyes = face.frames[0],eye_distance(truth.frames[0].landmarks)
    frame.landmarks = replace(frame.landmarks, points=frame.landmarks.points+torch.tensor([shift*eyes, 0.]))
    stage.weights['landmarks'] = 4e-4
    solver,traced = Sideways(own, face, stage),TracedSolver(own, face, stage)
    start,unit = frame.translation.clone(),-float(frame.translation[2]/frame.camera.focal)*eyes
    seed = torch.Generator().manual_seed(0)
    pixels = [SkinPixels(own, face, 0, 700, seed, margin=3, blurred=traced.blurs[0]).only_skin(face, 0)]
    for number in range(8):
        solver.advance(pixels, number)
        pixels = [p.moved(own, face, 0) for p in pixels]
    found = float((frame.translation-start)[0])/unit
    places,energies = np.linspace(0, shift, 13),[]
    for place in places:
        frame.translation = start+torch.tensor([float(place*unit), 0., 0.])
        with torch.no_grad(): energies.append(sum(float(v) for v in traced.losses(0).values()))
    k = min(max(int(np.argmin(energies)), 2), len(places)-3)
    curve = np.polyfit(places[k-2:k+3], energies[k-2:k+3], 2)
    assert .2*shift<found<.8*shift and found==pytest.approx(-curve[1]/2/curve[0], abs=.1*shift)
