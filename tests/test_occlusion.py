"What lies before the skin stays out of the maps; what belongs to the skin stays in."
from dataclasses import replace
import numpy as np, pytest, torch
from nextgenface_nb.config import Config
from nextgenface_nb.face import PROVENANCE
from nextgenface_nb.optim.occlusion import darkness, find_occluders
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.optim.stages import make_stages, run
from nextgenface_nb.output.card import frame_card, frame_warnings
from nextgenface_nb.evaluation.synthetic import studio_light, synthetic_face

SMALL = dict(texture_resolution=64, components=10, bands=5, displacement=0, steps_texture=30)

@pytest.fixture(scope='module')
def truth():
    return synthetic_face(Pipeline(None, Config(**SMALL)), 3, light=studio_light(.4, bands=5), size=128,
        samples=32).face

def barred(truth, width=9):
    "A dark bar over the bridge of the nose and the cheeks below the eyes, and where it is"
    face = truth.copy()
    frame = face.frames[0]
    own = face.identity
    own.diffuse = own.specular = own.roughness = None
    points = {int(i):p for i,p in zip(frame.landmarks.ids, frame.landmarks.points)}
    top = int(points[5][1])-width//2
    left,right = int(points[50][0]),int(points[280][0])
    pixels = frame.photo.pixels.clone()
    bar = torch.zeros(pixels.shape[:2], dtype=torch.bool)
    bar[top:top+width,left:right] = True
    pixels[bar] = .004
    frame.photo = replace(frame.photo, pixels=pixels)
    return face,bar

def painted(face, **settings):
    "Stage 3 alone"
    pipeline = Pipeline(None, Config(**SMALL, **settings))
    for _ in run(make_stages(pipeline.config)[2], pipeline, face): pass
    return pipeline,face

def shown(pipeline, face, bar): return pipeline.flat(face, 0, face.identity.diffuse)[...,:3][bar].mean(-1)

def test_a_dark_bar_stays_out_of_the_diffuse_map(truth):
    face,bar = barred(truth)
    true = shown(Pipeline(None, Config(**SMALL)), truth, bar)
    pipeline,found = painted(face)
    clean = shown(pipeline, found, bar)
    hidden = found.frames[0].hidden
    assert (hidden[bar]>.5).float().mean()>.95 and (hidden>.5).sum()<2*bar.sum()
    assert float((clean/true).median())>.7                                     # skin goes on behind it
    _,other = painted(barred(truth)[0], leave_out='nothing')
    assert float(other.frames[0].hidden.max())==0 and float((shown(pipeline, other, bar)/true).median())<.4
    kind = pipeline.flat(found, 0, (found.identity.provenance==PROVENANCE['seen']).float()[...,None])[...,0]
    # its edge shares texels with what is seen
    rows = bar.any(1).nonzero()[2:-2,0]
    middle = kind[rows][bar[rows]]
    assert float((middle<.5).float().mean())>.7                                # marked as not seen

def test_nothing_is_found_where_nothing_is(truth):
    face = truth.copy()
    face.identity.diffuse = face.identity.specular = face.identity.roughness = None
    assert float(painted(face)[1].frames[0].hidden.max())==0

def test_figures_are_given_with_and_without_it_and_the_card_says_so(truth):
    pipeline,face = painted(barred(truth)[0])
    from nextgenface_nb.output.report import frame_measures
    figures = frame_measures(pipeline, face, 0, pipeline.render(face, 0, 16, final=True)[...,:3])
    assert figures['psnr']>figures['psnr_all']+3 and figures['ssim']>figures['ssim_all']+.01
    card = frame_card(pipeline, face, 0, figures)
    assert .02<card['occluders']<.2 and abs(card['hidden']-card['occluders'])<1e-6
    assert any('glasses' in w for w in frame_warnings(card)) and not any('glasses' in w
        for w in frame_warnings(card|dict(occluders=.01)))

def test_dark_places_that_are_usual_are_no_occluders():
    face = np.ones((64, 64), bool)
    none = np.zeros_like(face)
    brow = none.copy()
    brow[20:26,10:50] = True
    assert not find_occluders(2.*brow, face, brow, none, 40.)[0].any()
    assert find_occluders(2.*brow, face, none, none, 40.)[0].sum()==brow.sum()
    speck = none.copy()
    speck[40:43,40:43] = True
    assert not find_occluders(2.*speck, face, none, none, 40.)[0].any()           # a mole

def test_hair_is_told_from_a_thing_by_how_much_of_the_hairline_it_touches():
    face = np.ones((64, 64), bool)
    hair = np.zeros_like(face)
    face[:10],hair[:10] = False,True
    fringe,handle = np.zeros_like(face),np.zeros_like(face)
    fringe[10:16,8:56] = True
    handle[10:60,30:34] = True
    for what,is_hair in ((fringe, True), (handle, False)):
        occluder,on_face = find_occluders(2.*what, face, np.zeros_like(face), hair, 40.)
        assert on_face.any()==is_hair and occluder.any()!=is_hair

def test_light_that_is_brighter_than_predicted_is_no_thing():
    assert float(darkness(torch.full((4, 3), .8), torch.full((4, 3), .1)).max())==0

def test_a_prediction_that_is_wrong_nearly_everywhere_hides_nothing():
    face = np.ones((64, 64), bool)
    none = np.zeros_like(face)
    assert not np.any(find_occluders(2.*face, face, none, none, 40.))

def test_a_model_that_does_not_know_brows_and_beard_loses_neither(truth):
    from nextgenface_nb.optim.occlusion import hidden_share
    pipeline,(face,bar) = Pipeline(None, Config(**SMALL)),barred(truth)
    frame = face.frames[0]
    pixels = torch.arange(bar.numel())
    one,zero = torch.ones(len(pixels)),torch.zeros(len(pixels))
    regions = dict(face=one, eyes=zero, lips=zero, mouth=zero, skull=zero)
    look = lambda regions: float(hidden_share(pipeline, frame, pixels, .3+0*frame.photo.pixels.reshape(-1, 3),
        regions).max())
    assert look(regions)==0 and look(regions|dict(brows=zero, beard=zero))>.5

@pytest.mark.parametrize('leave_out, gone',
    [('nothing', ()), ('occluders', ('bar',)), ('hair', ('bar', 'fringe', 'skull'))])
def test_what_is_left_out_is_what_the_config_says(truth, leave_out, gone):
    "An occluder on the cheek, a fringe that hangs into the face, and hair where it grows"
    from nextgenface_nb.optim.occlusion import hidden_share
    H,W = truth.frames[0].photo.pixels.shape[:2]
    places = {n:torch.zeros(H, W, dtype=torch.bool) for n in ('bar', 'fringe', 'skull', 'cheek')}
    places['skull'][:H//4] = True
    places['fringe'][H//4:H//4+H//8,W//8:-W//8] = True
    places['bar'][3*H//4:3*H//4+H//12,W//4:W//2] = True
    places['cheek'][H//2:5*H//8] = True
    pixels = torch.full((H, W, 3), .3)
    pixels[places['bar']|places['fringe']] = .004
    frame = replace(truth.frames[0], photo=replace(truth.frames[0].photo, pixels=pixels))
    nowhere = torch.zeros(H*W)
    skull = places['skull'].reshape(-1).float()
    regions = dict(dict.fromkeys(('eyes', 'lips', 'mouth', 'brows', 'beard'), nowhere), face=1-skull, skull=skull)
    hidden = hidden_share(Pipeline(None, Config(**SMALL, leave_out=leave_out)), frame, torch.arange(H*W),
        torch.full((H*W, 3), .3), regions)
    for name,place in places.items():
        share = float((hidden[place]>.5).float().mean())
        assert share>.9 if name in gone else share<.1, (name, share)
