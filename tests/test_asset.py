"What a photo has painted where another expression shows skin is skin in what shows other expressions, and nowhere else"
from dataclasses import replace
from zipfile import ZipFile
import numpy as np, pytest, torch, trimesh
from PIL import Image
from test_export import Glb
from nextgenface_nb import cli_export
from nextgenface_nb.config import Config
from nextgenface_nb.errors import ConfigError
from nextgenface_nb.evaluation.synthetic import synthetic_face
from nextgenface_nb.face import Face, PROVENANCE
from nextgenface_nb.facemodel.interface import expression_vector
from nextgenface_nb.facemodel.lashes import lashes
from nextgenface_nb.facemodel.model import load_model, toy_model
from nextgenface_nb.imaging import from_srgb
from nextgenface_nb.optim.texture import shut_mouth
from nextgenface_nb.output.asset import as_asset, bare_lids, hidden_skin, lid_rims, lids_close, membrane
from nextgenface_nb.output.checkpoint import save_face
from nextgenface_nb.output.export import export_face, save_usdz
from nextgenface_nb.output.glb import face_glb
from nextgenface_nb.output.replay import Path3D, expressions, turntable
from nextgenface_nb.output.surface import WET
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.reconstruction import Reconstruction

BLINK = dict(eyeBlinkLeft=1., eyeBlinkRight=1.)
LASH = torch.tensor([.06, .045, .04])

@pytest.fixture(scope='module')
def pipeline():
    return Pipeline(load_model(), Config(device='cpu', texture_resolution=256, environment_height=16, bands=5))

@pytest.fixture(scope='module')
def truth(pipeline): return synthetic_face(pipeline, seed=5, size=64, samples=1, expression=False).face

@pytest.fixture(scope='module')
def lids(pipeline, truth): # [T, T] bool
    hidden = hidden_skin(pipeline, truth, lid_rims(pipeline.model))
    return pipeline.texture_map.bake(hidden.float()[:,None])[...,0]>.5

@pytest.fixture(scope='module')
def painted(pipeline, truth):
    "As a photo shows it: dark to 1.5 mm beyond the folded lids"
    rest = pipeline.person(truth)
    hidden = hidden_skin(pipeline, truth, lid_rims(pipeline.model))
    far = torch.cdist(rest, rest[hidden]).amin(1)[:,None]
    dark = pipeline.texture_map.bake(torch.cat([hidden[:,None].float(), far], 1))
    maps = torch.where(((dark[...,0]>.3)|(dark[...,1]<1.5))[...,None], LASH, truth.identity.diffuse)
    seen = torch.full(maps.shape[:2], PROVENANCE['seen'], dtype=torch.uint8)
    return replace(truth, identity=replace(truth.identity, diffuse=maps, provenance=seen))

@pytest.fixture(scope='module')
def asset(pipeline, painted): return as_asset(pipeline, painted)

def with_expression(face, model, **weights):
    return Face(face.identity, [replace(face.frames[0], expression=expression_vector(model, weights))])

# ---- lids

def test_painted_lashes_are_skin_again(truth, painted, asset, lids):
    "As the person's lids were before they were painted, in all three maps"
    off = lambda face: float((face.identity.diffuse-truth.identity.diffuse)[lids].abs().max())
    print(f'off the truth by {off(painted):.3f} before, {off(asset):.3f} after')
    assert off(painted)>.08 and off(asset)<.05
    for name in ('specular', 'roughness'):
        assert (getattr(asset.identity, name)-getattr(truth.identity, name))[lids].abs().max()<.03, name

def test_what_was_filled_is_a_guess_and_all_else_stays(pipeline, painted, asset, lids):
    before = shut_mouth(pipeline, painted)[0]
    changed = (asset.identity.diffuse-before).abs().amax(2)>1e-5
    guess = asset.identity.provenance==PROVENANCE['guessed']
    assert (changed<=guess).all() and (lids&changed).sum()>.9*lids.sum() and guess.float().mean()<.1
    assert (painted.identity.provenance==PROVENANCE['seen']).all()                        # the photo's own face
    assert bare_lids(pipeline, asset) and not bare_lids(pipeline, painted)

def test_lids_that_a_photo_shows_are_not_filled(pipeline, painted, asset, lids):
    "Closed in the photo, they are what is seen: the band that closing stretches stays"
    asleep = with_expression(painted, pipeline.model, **BLINK)
    kept = as_asset(pipeline, asleep).identity.diffuse
    dark = lambda maps: ((maps-LASH).abs().amax(2)<.02)&lids
    assert dark(asset.identity.diffuse).sum()==0<20<dark(kept).sum()

def test_a_bright_rim_is_no_skin_either(pipeline, truth, painted, lids):
    "The white of the eye, where the fit is a little aside"
    white = replace(truth, identity=replace(painted.identity, diffuse=torch.where(
        (painted.identity.diffuse==LASH).all(2)[...,None], torch.tensor(.9), painted.identity.diffuse)))
    found = as_asset(pipeline, white).identity.diffuse
    assert (found-truth.identity.diffuse)[lids].abs().max()<.05

def test_a_model_without_lids_keeps_them():
    pipeline = Pipeline(toy_model(), Config(device='cpu', texture_resolution=64, environment_height=16, bands=5))
    face = synthetic_face(pipeline, seed=1, size=48, samples=1).face
    for x,y in zip(pipeline.maps(as_asset(pipeline, face)), shut_mouth(pipeline, face)): assert torch.equal(x, y)
    assert not lids_close(pipeline, face, face) and not bare_lids(pipeline, face)

def test_a_film_hangs_on_its_rim():
    "The largest and smallest of what is filled lie on the rim (maximum principle); far from it nothing moves"
    random = np.random.default_rng(0).random((30, 30, 1)).astype(np.float32)
    hole = np.zeros((30, 30), bool)
    hole[8:20,8:25] = True
    found = membrane(random, hole, np.ones_like(hole))
    assert random.min()<found[hole].min() and found[hole].max()<random.max()
    mean = (found[7:19,8:25]+found[9:21,8:25]+found[8:20,7:24]+found[8:20,9:26])/4
    np.testing.assert_allclose(found[8:20,8:25], mean, atol=1e-4)
    assert (found[~hole]==random[~hole]).all()

# ---- where it is shown

def test_the_neutral_glb_has_skin_on_its_lids_and_the_photos_has_the_photo(pipeline, painted, truth, lids):
    neutral,posed = (Glb(face_glb(pipeline, painted, posed=p)).maps()[0] for p in (None, 0))
    off = lambda maps: (maps-truth.identity.diffuse)[lids].abs().max()
    assert off(neutral)<.06 and off(posed)>.2

def test_pictures_of_other_expressions(pipeline, painted, asset, lids, monkeypatch):
    "A blink has skin on its lids, and lashes drawn; what does not close them keeps the photo's"
    drawn = []
    monkeypatch.setattr('nextgenface_nb.results.pictures.drawn_over', lambda p, f, seen, *a, **k: drawn.append(1) or seen)
    me = Reconstruction(painted, pipeline)
    look = dict(size=32, samples=1)
    shut = me.with_(expression=BLINK)
    test = lambda face: float((face.face.identity.diffuse-asset.identity.diffuse)[lids].abs().max())
    assert test(shut)<1e-4 and test(me.with_(expression=dict(jawOpen=1.)))>.08 and test(me)>.08
    for face,options,count in ((me, {}, 0), (shut, {}, 1), (me, dict(expression=BLINK), 1), (shut, dict(lashes=False), 0),
            (me, dict(lashes=True), 1), (me, dict(expression=dict(jawOpen=1.)), 0), (shut, dict(kind='clay'), 0)):
        drawn.clear()
        face.render(**look, **options)
        assert len(drawn)==count, options

def test_a_film_of_expressions_shows_the_asset_and_a_turntable_the_photo(pipeline, painted, asset):
    first = lambda film: next(iter(film(pipeline, painted, 0, 32, 4, Path3D())))[0].identity.diffuse
    assert torch.equal(first(expressions), asset.identity.diffuse) and torch.equal(first(turntable), painted.identity.diffuse)

# ---- files

def test_usdz_has_a_material_for_each_kind_of_part(pipeline, painted, truth, lids, tmp_path):
    "Every face belongs to one part; eyes are wetter than skin; its maps are the asset's"
    pytest.importorskip('pxr', reason="usd-core is not installed: pip install 'nextgenface_nb[usd]'")
    from pxr import Usd, UsdGeom, UsdShade
    save_usdz(tmp_path/'a.usdz', pipeline, painted)
    stage = Usd.Stage.Open(str(tmp_path/'a.usdz'))
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath('/head/face'))
    subsets = {s.GetPrim().GetName():s for s in UsdGeom.Subset.GetGeomSubsets(mesh)}
    assert [*subsets]==[part.replace(' ', '_') for part in pipeline.model.parts]
    faces = np.concatenate([s.GetIndicesAttr().Get() for s in subsets.values()])
    assert sorted(faces)==list(range(len(mesh.GetFaceVertexCountsAttr().Get())))
    material = lambda part: UsdShade.MaterialBindingAPI(subsets[part].GetPrim()).ComputeBoundMaterial()[0].GetPath()
    assert material('left_eye')==material('right_eye')!=material('skin') and len({material(p) for p in subsets})==5
    wet = lambda part: UsdShade.Shader(stage.GetPrimAtPath(f'{material(part)}/roughness')).GetInput('scale').Get()
    assert abs(wet('left_eye')[0]-WET['eye'])<1e-6 and WET['eye']<1 and not UsdShade.Shader(stage.GetPrimAtPath('/head/skin/roughness')).GetInput('scale')
    with ZipFile(tmp_path/'a.usdz') as file, file.open(next(n for n in file.namelist() if 'diffuse' in n)) as picture:
        colours = from_srgb(torch.from_numpy(np.array(Image.open(picture)))/255)
    assert (colours-truth.identity.diffuse)[lids].abs().max()<.06

@pytest.mark.parametrize('wrong', [dict(lashes='no'), dict(cornea='yes'), dict(merged=0), dict(morphs='False')])
def test_a_text_is_no_switch(pipeline, painted, wrong):
    with pytest.raises(ConfigError, match='Give True or False'): face_glb(pipeline, painted, **wrong)

def test_parts_of_a_mesh_have_the_models_names(pipeline, painted):
    "Those of the model beside its regions"
    parts = Reconstruction(painted, pipeline).mesh().parts
    for name,(first,last) in pipeline.model.parts.items(): assert len(parts[name].faces)==last-first, name
    assert len(parts['face'].faces)>1000

def test_obj_has_lashes_where_they_are_asked_for(pipeline, truth, painted, lids, tmp_path):
    "A group behind the others, of one dark colour with its own picture, where the GLB has them; the neutral one with the asset's maps"
    me = Reconstruction(painted, pipeline)
    hair = lashes(pipeline.model)
    me.to_obj(tmp_path/'plain.obj')
    me.to_obj(tmp_path/'me.obj', lashes=True, pose='neutral')
    plain,text = ((tmp_path/name).read_text() for name in ('plain.obj', 'me.obj'))
    assert 'lashes' not in plain and not (tmp_path/'plain_lashes.png').exists()
    loaded = trimesh.load(tmp_path/'me.obj', process=False, split_object=True, group_material=False)
    assert len(loaded.geometry)==len(pipeline.model.parts)+1
    rows = [line.split()[1:] for line in text.split('g lashes\nusemtl lashes\n')[1].splitlines()]
    corners = np.array([[int(c.split('/')[0]) for c in row] for row in rows])
    assert len(rows)==len(hair.triangles) and all(len(set(c.split('/')))==1 for c in rows[0])
    places = np.array([line.split()[1:] for line in text.splitlines() if line.startswith('v ')], float)
    wanted = hair.vertices(pipeline.person(painted))[hair.triangles].numpy()
    np.testing.assert_allclose(places[corners-1], wanted, atol=1e-3)
    own = (tmp_path/'me.mtl').read_text().split('newmtl lashes\n')[1]
    assert 'map_d me_lashes.png' in own and float(own.split('Kd ')[1].split()[0])<.05
    assert (np.array(Image.open(tmp_path/'me_lashes.png'))==hair.texture[...,3]).all()
    colours = lambda name: from_srgb(torch.from_numpy(np.array(Image.open(tmp_path/name)))/255)
    off = [(colours(f'{name}_diffuse.png')-truth.identity.diffuse)[lids].abs().max() for name in ('plain', 'me')]
    assert off[0]>.2 and off[1]<.06

def test_the_command_writes_obj_with_lashes(pipeline, painted, tmp_path):
    save_face(tmp_path/'stage3_output.npz', painted, pipeline.model, dict(config=pipeline.config.to_dict()))
    for flags,there in (([], False), (['--lashes'], True), (['--lashes', '--parts', 'teeth'], False)):
        folder = tmp_path/str(len(flags))
        assert cli_export.main([str(tmp_path/'stage3_output.npz'), '--quiet', '--format', 'obj', '--output', str(folder), *flags])==0
        assert ('g lashes' in (folder/'mesh0.obj').read_text(), (folder/'lashes0.png').exists())==(there, there), flags

def test_maps_of_the_neutral_face_are_the_assets(pipeline, painted, truth, lids, tmp_path):
    off = []
    for pose in ('photo', 'neutral'):
        export_face(pipeline, painted, tmp_path/pose, ['maps'], pose=pose)
        found = from_srgb(torch.from_numpy(np.array(Image.open(tmp_path/pose/'diffuseMap_0.png')))/255)
        off.append((found-truth.identity.diffuse)[lids].abs().max())
    assert off[0]>.2 and off[1]<.06
