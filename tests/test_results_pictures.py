"What is done with a result: pictures, other faces, files, and the way to other processes"
import copy, dataclasses, json, multiprocessing, pickle, subprocess, sys, time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
import numpy as np, pytest, torch
from PIL import Image
import nextgenface_nb as ngf
from nextgenface_nb.evaluation.synthetic import synthetic_face
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.optim.texture import mouth_opening
from nextgenface_nb.results.files import kept_pipeline
ROOT = Path(__file__).resolve().parent.parent
PORTRAIT = ROOT/'tests'/'old_results'/'portrait.jpg'

@pytest.fixture(scope='module')
def portrait(): return ngf.load(PORTRAIT)

@pytest.fixture(scope='module')
def toy():
    config = ngf.Config(renderer='vertex', texture_resolution=64, environment_height=16, bands=5)
    pipeline = ngf.Pipeline(toy_model(), config)
    return ngf.Reconstruction(synthetic_face(pipeline, seed=3, size=64, samples=1).face, pipeline)

def fresh(code:str, *arguments)->str:
    "What a new Python prints"
    done = subprocess.run([sys.executable, '-c', code, *map(str, arguments)], capture_output=True, text=True, cwd=ROOT)
    assert not done.returncode, done.stderr
    return done.stdout.strip()

# ---- who has the methods

def test_a_result_has_its_methods_however_it_was_come_by(tmp_path, toy):
    "By a public name, and out of a pickle in a process that has imported nothing"
    names = 'render with_ mesh to_glb to_obj to_usd view compare distance'
    code = 'import nextgenface_nb as n, sys; print([x for x in sys.argv[1].split() if not hasattr(n.Reconstruction, x)])'
    assert fresh(code, names)=='[]'
    (tmp_path/'face').write_bytes(pickle.dumps(toy))
    code = 'import pickle, sys; print(pickle.load(open(sys.argv[1], "rb")).render(size=32).size)'
    assert fresh(code, tmp_path/'face')=='(32, 32)'

@pytest.mark.parametrize('name', ['load', 'fit', 'reconstruct', 'Optimizer'])
def test_whoever_gives_a_result_gives_it_with_all_its_methods(name):
    code = """import sys, nextgenface_nb as n
getattr(n, sys.argv[1])
print([m for m in n._WITH['reconstruction'] if f'nextgenface_nb.{m}' not in sys.modules])"""
    assert fresh(code, name)=='[]'

LOWER = """import sys
from nextgenface_nb.reconstruction import Reconstruction
from nextgenface_nb.pipeline import Pipeline
class Broken(Pipeline):
    def __init__(self): pass
r = Reconstruction(None, Broken())
def said(name):
    try: getattr(r, name)
    except AttributeError as e: return str(e)
"""

def test_whoever_takes_the_class_from_its_module_is_told_where_the_other_names_are():
    "And `hasattr` holds; with the package loaded a fault within a property keeps its own words"
    code = LOWER+"""print(said('vertices'))
print(hasattr(r, 'render'), 'nextgenface_nb.results.arrays' in sys.modules, r.history, said('_hidden'))
import nextgenface_nb.results.files
print(said('triangles'))
print(said('verteces'))
print(said('faces'), said('to_ply'))"""
    first,second,third,fourth,fifth = fresh(code).split('\n')
    assert "no 'vertices'" in first and 'from nextgenface_nb import reconstruct' in first
    assert second=="False False [] 'Reconstruction' object has no attribute '_hidden'"
    assert 'Did you mean vertices?' in fourth and 'Did you mean triangles?' in fifth and "export('me.ply')?" in fifth
    assert 'model' in third and "no attribute 'verteces'" in fourth and 'from nextgenface_nb' not in third+fourth

def test_what_is_said_of_names_elsewhere_is_true():
    "The way that the words name gives the names, also to objects that are there"
    code = LOWER+"""from nextgenface_nb import reconstruct
print(all(hasattr(Reconstruction, n) for n in ('vertices', 'maps', 'render', 'to_glb')), said('vertices'))"""
    assert fresh(code).startswith('True ') and 'comes with' not in fresh(code)

def test_a_model_takes_names_and_loads_nothing_for_it():
    code = '''import sys, nextgenface_nb as n
model = n.load_model()
smile = model.vertices(expression=dict(mouthSmileLeft=1))
print((smile-model.vertices()).norm(dim=1).max()>1, 'nextgenface_nb.reconstruction' in sys.modules)'''
    assert fresh(code)=='tensor(True) False'

# ---- how far apart two are

class Moved(ngf.Reconstruction):
    "One whose vertices at rest are known"
    places = None
    @property
    def neutral(self): return self.places

def moved(face, offset, turn=0., grown=1.):
    "The same person with offsets [V, 3] in mm, then turned, grown and put elsewhere"
    c,s = np.cos(turn),np.sin(turn)
    found = Moved(face.face, face.pipeline)
    found.places = grown*(face.neutral+offset)@np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T+np.array([3., -2., 5.])
    return found

def test_a_known_displacement_is_found(toy):
    "4 mm at the skull, whatever the other one's place, turn and size; nothing elsewhere"
    inside = toy.pipeline.model.regions['face'].numpy()>.5
    offset = np.zeros((len(inside), 3))
    offset[np.flatnonzero(~inside)[:50],2] = 4
    away = toy.distance(moved(toy, offset, .7, 1.3))
    assert np.abs(away.array-np.linalg.norm(offset, axis=1)).max()<1e-3
    assert away.median<1e-3 and away.face.shape==(inside.sum(),) and away.array.dtype==np.float32
    assert np.array_equal(np.asarray(away), away.array) and len(away)==len(inside)

def test_the_size_counts_where_it_is_asked_for(toy):
    "A head that is a tenth larger: the distances from the middle of the face, by a tenth"
    inside = toy.pipeline.model.regions['face'].numpy()>.5
    other = moved(toy, 0, .3, 1.1)
    assert toy.distance(other).array.max()<1e-3
    wanted = .1*np.linalg.norm(toy.neutral-toy.neutral[inside].mean(0), axis=1)
    away = toy.distance(other, scale=False)
    assert np.abs(away.array-wanted).max()<1e-3
    assert away.median==pytest.approx(np.median(wanted[inside]), abs=1e-3)
    assert away.mean==pytest.approx(wanted[inside].mean(), abs=1e-3)

def test_expressions_count_where_they_are_asked_for(toy):
    open_mouth = toy.with_(expression=dict(jawOpen=1))
    assert toy.distance(open_mouth).array.max()<1e-3
    away = toy.distance(open_mouth, neutral=False)
    assert away.array.max()>2 and 'at rest' not in repr(away) and 'at rest' in repr(toy.distance(open_mouth))
    seen = np.asarray(away.image(size=96), float)
    redness = lambda image: (image[...,0]-image[...,1]).max()
    assert redness(seen)>50 and redness(np.asarray(toy.distance(open_mouth).image(size=96), float))<5
    assert away._repr_png_().startswith(b'\x89PNG')
    shown = lambda **more: np.asarray(toy.compare(open_mouth, size=128, samples=1, **more), float)[-128:,-128:]
    assert redness(shown(neutral=False))>50>5>redness(shown())

def test_a_distance_to_what_has_no_such_mesh(toy):
    other = ngf.Reconstruction(synthetic_face(ngf.Pipeline(toy_model(29, 21), toy.pipeline.config), size=64, samples=1).face,
        ngf.Pipeline(toy_model(29, 21), toy.pipeline.config))
    with pytest.raises(ngf.ConfigError, match='different meshes'): toy.distance(other)
    with pytest.raises(ngf.ConfigError, match='distance to ndarray'): toy.distance(toy.vertices)

# ---- pictures

def test_every_kind_of_picture_shows_the_head(portrait):
    for kind in 'face clay normal depth uv albedo specular roughness wireframe'.split():
        image = np.asarray(portrait.render(kind, yaw=0, size=96, samples=2), float)
        assert image.shape==(96, 96, 3), kind
        assert image.std()>2 and (image[0]==image[0,0]).all(), kind

def test_no_angle_is_the_photo(portrait):
    "The same crop, so that the picture lies over the photo"
    seen = portrait.render(size=64, samples=64, as_array=True)
    photo = portrait.face.frames[0].photo.pixels.numpy()
    mask = portrait.pipeline.face_mask(portrait.face).numpy()
    assert np.abs(seen[...,:3]-photo)[mask].mean()<.04
    assert seen.shape==(64, 64, 4) and portrait.render(size=32, samples=1).size==(32, 32)

def test_a_mouth_that_opens_shows_no_stretched_teeth(portrait):
    "And one that does not keeps what the photo showed"
    wide = portrait.with_(expression=dict(jawOpen=.8))
    assert mouth_opening(portrait.pipeline, wide.face)>2*mouth_opening(portrait.pipeline, portrait.face)
    teeth = portrait.pipeline.texture_map.bake(portrait.pipeline.model.regions['teeth'][:,None])>.5
    changed = (wide.face.identity.diffuse!=portrait.face.identity.diffuse).any(-1, keepdim=True)&~teeth
    dark = [f.face.identity.diffuse[changed[...,0]].mean() for f in (wide, portrait)]
    assert changed.sum()>4 and dark[0]<dark[1]   # the lips' rim, of few texels here
    brow = portrait.with_(expression=dict(browInnerUp=.5))
    assert torch.equal(brow.face.identity.diffuse, portrait.face.identity.diffuse)

@pytest.mark.parametrize('use,words', [
    (lambda f: f.render('clai'), "Did you mean 'clay'"),
    (lambda f: f.render(light='studoi'), "Did you mean 'studio'"),
    (lambda f: f.render(light='no.exr'), 'no.exr'),
    (lambda f: f.render(size=0), '16 to 4096'),
    (lambda f: f.render(size=100_000), '16 to 4096'),
    (lambda f: f.render(frame=7), 'no photo 7'),
    (lambda f: f.render(samples=0), '0 rays per pixel'),
    (lambda f: f.render(background='white', size=32), "a background 'white'"),
    (lambda f: f.with_(maps=dict(difuse=1)), "Did you mean 'diffuse'"),
    (lambda f: f.with_(expression=dict(jawOpen=60)), 'go from 0 to 1'),
    (lambda f: f.with_(expression=dict(jawopen=1)), "Did you mean 'jawOpen'"),
    (lambda f: f.with_(frame=1), 'photo 1'),
    (lambda f: f.to_glb('face.stl'), '.glb'),
    (lambda f: f.export('face.fbx'), "no format has the ending '.fbx'"),
    (lambda f: f.strip(1), 'no photo 1 in this result'),
    (lambda f: f.light.turned(None), 'yaw None'),
    (lambda f: ngf.load(ROOT/'tests'), 'no result in this folder'),
    (lambda f: ngf.load(PORTRAIT.parent), 'no result itself, but 1 in its folders'),
    (lambda f: ngf.load(PORTRAIT.with_name('portrai.jpg')), "Did you mean 'portrait.jpg'"),
    (lambda f: ngf.load('nowhere'), 'nowhere')])
def test_wrong_use_is_answered_in_words(toy, use, words):
    with pytest.raises(ngf.FaceError) as told: use(toy)
    assert words in str(told.value)

@pytest.mark.parametrize('light', ['left', 'front', 'studio', 'top'])
def test_clay_in_a_light_by_name_burns_out_nowhere(portrait, light):
    "The photo's own light was so bright that nine tenths of it did"
    for kind in ('clay', 'wireframe'):
        seen = portrait.render(kind, light=light, yaw=0, size=96, samples=16, as_array=True)
        values = seen[seen[...,3]>.99][:,:3]
        assert (values>=1).mean()<.01 and values.max()>.3, kind

def test_what_is_printed_is_short(portrait, toy):
    "A line each, and not the numbers"
    for result in (portrait, toy):
        frame = result.face.frames[0]
        for thing in (result, result.face, result.face.identity, frame, frame.light, frame.camera, result.pipeline.model):
            assert len(repr(thing))<200 and '\n' not in repr(thing), type(thing)
    assert repr(portrait.face).startswith('Face(portrait.jpg; Identity(80 shape')
    assert 'harmonic light' in repr(portrait.face.frames[0])

def test_a_face_says_where_it_comes_from(portrait):
    assert 'made by with_: other expression' in repr(portrait.with_(expression='neutral'))
    assert 'steps in' in repr(portrait) and 'steps' not in repr(portrait.with_(light='left'))
    assert 'made by with_' in repr(pickle.loads(pickle.dumps(portrait.with_(yaw=3))))

def test_the_light_of_a_face_turned(toy):
    "From the left and from the right: mirror images, as far as the head is one"
    lamp = toy.with_(light='left').light
    other = toy.render(light=lamp.turned(130), yaw=0, size=64, as_array=True)
    assert other[:,32:,:3].sum()>1.5*other[:,:32,:3].sum()
    assert lamp.image(16).size==(32, 16)

def test_a_file_by_its_ending(toy, tmp_path):
    for name in ('me.glb', 'me.obj', 'me.ply'): assert toy.export(tmp_path/name).stat().st_size>1000
    names = {p.name for p in tmp_path.iterdir()}
    assert names=={'me.glb', 'me.obj', 'me.mtl', 'me.ply', *(f'me_{n}.png' for n in ('diffuse', 'specular', 'roughness'))}
    assert toy.export(tmp_path/'frontal.obj', neutral=True).exists()

def test_light_from_an_array_in_any_order_of_memory_and_from_a_picture(toy):
    "Bytes are sRGB, as everywhere"
    values = toy.light.environment(16)+.1
    flipped = toy.render(light=values[:,::-1], size=32, as_array=True)
    assert (flipped==toy.render(light=values[:,::-1].copy(), size=32, as_array=True)).all()
    grey = [toy.render(light=x, size=32, as_array=True) for x in (Image.new('RGB', (32, 16), (188,)*3), np.full((16, 32, 3), .5))]
    assert np.allclose(*grey, atol=.01)

def test_what_a_model_samples_are_heads(toy):
    model = toy.pipeline.model
    some = model.sample(2, seed=1)
    assert model.vertices(some).shape==(2, len(model.uvs), 3)
    assert torch.equal(model.vertices(some, 'neutral'), model.vertices(some.shape))

def test_the_diffuse_map_under_both_its_names(toy):
    assert toy.render('diffuse', size=32)==toy.render('albedo', size=32)

# ---- there and back

def same(a, b, within:float=0.)->bool:
    "Every number of two results"
    there = b.face.parameters()
    return all((x-there[n]).abs().max()<=within for n,x in a.face.parameters().items() if x.numel())

def test_a_result_comes_back_from_its_folder(tmp_path, portrait):
    portrait.save(tmp_path/'me', formats=['checkpoint', 'report'], samples=1)
    back = ngf.load(tmp_path/'me')
    assert same(portrait, back) and back.pipeline.config.to_dict()==portrait.pipeline.config.to_dict()
    assert len(back.history)==len(portrait.history) and back.timings and back.warnings==portrait.warnings!=[]
    assert back.pipeline is portrait.pipeline   # its settings are the same, so its scenes are of use

def test_what_was_saved_without_a_checkpoint_says_what_is_missing(tmp_path, toy):
    toy.save(tmp_path/'me', formats=['report', 'maps'], samples=1)
    with pytest.raises(ngf.CheckpointError) as told: ngf.load(tmp_path/'me')
    assert 'there is a report, but no checkpoint' in str(told.value) and "formats=['checkpoint'" in str(told.value)
    toy.save(tmp_path/'you', formats=['maps'])
    with pytest.raises(ngf.ConfigError, match='writes one'): ngf.load(tmp_path/'you')

def test_a_result_is_found_by_the_name_of_its_photo(tmp_path, portrait):
    "As `face.save('results'); ngf.load('results/me.jpg')` reads"
    portrait.save(tmp_path/'results', formats=['report', 'checkpoint'])
    found = ngf.load(tmp_path/'results'/Path(portrait.photo.path).name)
    assert found.photo.path==portrait.photo.path
    with pytest.raises(ngf.CheckpointError, match='there is no such file'): ngf.load(tmp_path/'results'/'you.jpg')

def test_a_loaded_result_does_not_share_a_pipeline_that_was_changed(portrait):
    other = ngf.load(PORTRAIT)
    before = other.pipeline.config.samples_final
    other.pipeline.config.samples_final = before+1
    try: assert ngf.load(PORTRAIT).pipeline.config.samples_final==before
    finally: other.pipeline.config.samples_final = before

def middle_pixel(face)->tuple: # In another process
    return face.render(size=32, samples=4).getpixel((16, 16)),face.with_(expression=dict(jawOpen=1.)).mesh().extents[1]

def test_a_face_goes_to_a_spawned_worker(toy):
    with ProcessPoolExecutor(1, multiprocessing.get_context('spawn')) as pool:
        pixel,height = pool.submit(middle_pixel, toy).result()
    here = middle_pixel(toy)
    assert np.abs(np.subtract(pixel, here[0])).max()<=1 and abs(height-here[1])<1e-3

def test_a_pickle_is_small_and_leaves_the_model_at_home(portrait):
    sent = pickle.dumps(portrait)
    assert len(sent)<1e6 and pickle.loads(sent).pipeline.model.fingerprint==portrait.pipeline.model.fingerprint
    assert same(portrait, pickle.loads(sent), 1e-3)

def test_a_model_that_two_settings_share_stays_at_home_too(portrait):
    "The second pipeline takes the model from the first: it has a place all the same"
    first,second = (kept_pipeline(ngf.Config(samples_final=n)) for n in (5, 6))
    assert second.model is first.model and second.model_place==first.model_place!=None
    assert len(pickle.dumps(dataclasses.replace(portrait, pipeline=second)))<1e6

def test_a_pickle_of_another_model_is_refused(portrait, monkeypatch):
    sent = pickle.dumps(portrait)
    from nextgenface_nb.results import files
    monkeypatch.setattr(files, 'kept_pipeline', lambda config: ngf.Pipeline(toy_model(), config))
    with pytest.raises(ngf.ModelError, match='is not that of the face'): pickle.loads(sent)

def test_a_copy_is_exact_and_alone(toy):
    other = copy.deepcopy(toy)
    assert same(toy, other) and other.pipeline is toy.pipeline
    for x in other.face.parameters().values(): x.zero_()
    assert toy.face.identity.diffuse.any() and other.face.frames[0].photo is not toy.face.frames[0].photo

# ---- what reconstruct takes

def test_a_photo_in_any_shape_is_the_same_photo(tmp_path):
    codes = np.random.default_rng(1).integers(0, 256, (32, 32, 3), np.uint8)
    Image.fromarray(codes).save(tmp_path/'a.png')
    linear = ngf.load_photo(tmp_path/'a.png').pixels
    shapes = [str(tmp_path/'a.png'), (tmp_path/'a.png').read_bytes(), Image.fromarray(codes), codes, linear.numpy(), linear]
    assert all(torch.allclose(ngf.load_photo(s).pixels, linear, atol=1e-6) for s in shapes)

def test_what_is_meant_by_other_names_is_there():
    "Every name that the words for a wrong one give"
    from nextgenface_nb import Reconstruction
    from nextgenface_nb.reconstruction import MEANT
    from nextgenface_nb.results.arrays import FoundLight, Maps, PhotoCamera
    parts = dict(maps=Maps, light=FoundLight, camera=PhotoCamera)
    for wrong,meant in MEANT.items():
        name,_,part = meant.partition('(')[0].partition('.')
        assert not hasattr(Reconstruction, wrong) and hasattr(Reconstruction, name), wrong
        assert not part or hasattr(parts[name], part), wrong
