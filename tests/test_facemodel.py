"Face models of real size, damaged files, and landmarks found by a real detector"
import time
import warnings

import h5py
import numpy as np
import pytest
import torch

from nextgenface_nb.errors import ModelError
from nextgenface_nb.facemodel.model import FaceModel, load_model, toy_model
from nextgenface_nb.facemodel.texture import check_uvs, uv_areas

VERTICES, TRIANGLES, SHAPE, EXPRESSION, ALBEDO = 28588, 56572, 199, 100, 145 # BFM 2017 face12 and AlbedoMM


def bfm_sized_mesh():
    "A symmetric head with exactly as many vertices and triangles as BFM 2017 face12"
    toy = toy_model(columns=151, rows=152)
    corners = toy.shape_mean[toy.triangles]
    right = (toy.uvs[toy.triangles].mean(1)[:,0]>.5).nonzero()[:,0]
    index = {tuple(sorted(t)):k for k,t in enumerate(toy.triangles.tolist())}
    splits = right[::7][:(VERTICES-len(toy.shape_mean))//2].tolist() # triangles of one side, and their mirror images
    twins = [index[tuple(sorted(toy.mirror[toy.triangles[k]].tolist()))] for k in splits]
    both = torch.tensor(splits+twins)
    new = torch.arange(len(both))+len(toy.shape_mean)
    a,b,c = toy.triangles[both].unbind(1)
    keep = torch.ones(len(toy.triangles),dtype=torch.bool); keep[both] = False
    pieces = [torch.stack(t,1) for t in ((a,b,new),(b,c,new),(c,a,new))]
    return torch.cat([toy.shape_mean,corners[both].mean(1)]), torch.cat([toy.triangles[keep],*pieces])


@pytest.fixture(scope='module')
def bfm(tmp_path_factory):
    "A folder with generated files of the names, layout and sizes of BFM 2017 and AlbedoMM"
    folder = tmp_path_factory.mktemp('bfm')
    vertices,triangles = bfm_sized_mesh()
    points = vertices.numpy(); random = np.random.default_rng(0)
    waves = np.cos(points@random.normal(0,.02,(3,24))+random.uniform(0,6,24)).astype(np.float32) # smooth functions on the head, [V,24]
    def basis(size, scale): return (scale*np.einsum('vj,jck->vck',waves,random.normal(0,1,(24,3,size)).astype(np.float32))).reshape(-1,size)
    def linear(file, group, mean, size, scale):
        file[f'{group}/mean'] = mean.ravel(); file[f'{group}/pcaBasis'] = basis(size,scale)
        file[f'{group}/pcaVariance'] = np.geomspace(1000,1,size).astype(np.float32)
    with h5py.File(folder/'model2017-1_face12_nomouth.h5','w') as file:
        linear(file,'shape/model',points,SHAPE,.003)
        linear(file,'expression/model',np.full_like(points,.25),EXPRESSION,.003)
        file['shape/representer/cells'] = triangles.T.numpy().astype(np.int32)
        file['shape/model/noiseVariance'] = 0.; file['color/model/mean'] = np.zeros(3*VERTICES,np.float32)
    with h5py.File(folder/'albedoModel2020_face12_albedoPart.h5','w') as file:
        linear(file,'diffuseAlbedo/model',np.full_like(points,.4),ALBEDO,1e-5)
        linear(file,'specularAlbedo/model',np.full_like(points,.03),ALBEDO,1e-6)
    return folder


@pytest.fixture(scope='module')
def bfm_model(bfm): return load_model(bfm)


def test_bfm_sizes(bfm, bfm_model):
    m = bfm_model
    assert (len(m.shape_mean),len(m.triangles)) == (VERTICES,TRIANGLES)
    assert (len(m.shape_variance),len(m.expression_variance),len(m.albedo_variance)) == (SHAPE,EXPRESSION,ALBEDO)
    with h5py.File(bfm/'model2017-1_face12_nomouth.h5') as file: # the layout [3V,K] with x, y, z in turn
        column = file['shape/model/pcaBasis'][:,7]
    np.testing.assert_array_equal(m.shape_basis[7].numpy(), column.reshape(-1,3))
    coefficients = torch.zeros(SHAPE); coefficients[7] = 2
    torch.testing.assert_close(m.vertices(coefficients), m.shape_mean+.25+2*m.shape_basis[7]) # the mean expression counts
    assert m.sample(2).expression.abs().max()>0
    assert not m.is_blendshape.any()


def test_bfm_gets_what_it_lacks(bfm_model):
    m = bfm_model
    flip = torch.tensor([-1.,1,1])
    assert (m.shape_mean[m.mirror]*flip-m.shape_mean).norm(dim=1).max()<.01
    report = check_uvs(m.triangles, m.uvs, m.mirror)
    assert report['flipped']==0 and report['overlap']==0 and report['asymmetry']<1e-4 and report['coverage']>.5
    assert (uv_areas(m.triangles,m.uvs)>0).all()
    for name in ('face','skull','ears','neck','eyes','lips','mouth'): assert m.regions[name].shape==(VERTICES,)
    for name in ('face','eyes','lips'): assert .001<m.regions[name].mean()<.9
    assert m.texture_map(256).bake(m.diffuse_albedo()).shape==(256,256,3)


def test_bfm_trimmed_saved_and_read_back(bfm_model, tmp_path):
    small = bfm_model.trimmed(80)
    assert [len(x) for x in (small.shape_basis,small.expression_basis,small.diffuse_basis)] == [80,80,80]
    small = bfm_model.trimmed(5)
    small.save(tmp_path/'one.h5', compact=True)
    again = load_model(tmp_path/'one.h5')
    assert again.fingerprint==small.fingerprint!=bfm_model.fingerprint
    torch.testing.assert_close(again.uvs, small.uvs)


def test_bfm_file_or_folder(bfm, bfm_model):
    assert load_model(bfm/'model2017-1_face12_nomouth.h5',components=3).fingerprint==bfm_model.trimmed(3).fingerprint


def test_bfm_without_albedo(bfm, tmp_path):
    (tmp_path/'model2017-1_face12_nomouth.h5').symlink_to(bfm/'model2017-1_face12_nomouth.h5')
    with pytest.raises(ModelError, match='no albedo model beside it'): load_model(tmp_path)


def test_albedo_of_another_mesh(bfm, tmp_path):
    (tmp_path/'a.h5').symlink_to(bfm/'model2017-1_face12_nomouth.h5')
    with h5py.File(tmp_path/'b.h5','w') as file: file['diffuseAlbedo/model/mean'] = np.zeros(99)
    with pytest.raises(ModelError, match=r'has the shape \[99\], expected \[85764\]'): load_model(tmp_path)


def test_bad_paths(tmp_path):
    with pytest.raises(ModelError, match='no such file'): load_model(tmp_path/'none.h5')
    with pytest.raises(ModelError, match='no face model'): load_model(tmp_path)
    (tmp_path/'text.h5').write_text('this is no HDF5')
    with pytest.raises(ModelError, match='text.h5'): load_model(tmp_path/'text.h5')
    (tmp_path/'empty.h5').touch()
    with pytest.raises(ModelError, match='empty.h5'): load_model(tmp_path/'empty.h5')


@pytest.mark.parametrize('share', [.01,.3,.6,.9,.99])
@pytest.mark.parametrize('compact', [False,True])
def test_truncated(tmp_path, share, compact):
    path = tmp_path/'model.h5'
    toy_model(columns=21,rows=17).save(path,compact=compact)
    data = path.read_bytes()
    path.write_bytes(data[:int(share*len(data))])
    with pytest.raises(ModelError): load_model(path)


@pytest.mark.parametrize('seed', range(6))
def test_damaged_bytes(tmp_path, seed):
    "Bytes overwritten anywhere: either a model, or a ModelError, never another exception"
    path = tmp_path/'model.h5'
    toy_model(columns=21,rows=17).save(path,compact=True)
    data = bytearray(path.read_bytes()); random = np.random.default_rng(seed)
    for place in random.integers(0,len(data),40): data[place] = random.integers(256)
    path.write_bytes(data)
    try: load_model(path)
    except ModelError: pass


def test_default_model():
    m = load_model()
    assert 15_000<=len(m.shape_mean)<=20_000 and len(m.shape_variance)>=80 and len(m.expression_names)==52
    report = check_uvs(m.triangles, m.uvs, m.mirror)
    assert report['flipped']==0 and report['overlap']==0 and report['asymmetry']<1e-5
    assert {'face','skull','ears','neck','eyes','lips','mouth'}<=set(m.regions)
    assert len(m.embeddings['mediapipe'])>=460 and m.licence
    from importlib.resources import files
    assert (files('nextgenface_nb')/'data'/'face_model.h5').stat().st_size<=15_000_000


def test_texture_map_is_quick():
    m = load_model()
    best = 1e9
    for _ in range(2):
        start = time.process_time(); m.texture_map(1024); best = min(best,time.process_time()-start)
    assert best<4 # seconds of processor time; about 1 on an idle machine


def test_landmarks_computed_afresh():
    "MediaPipe on drawings of the default model finds what its file says"
    pytest.importorskip('mediapipe')
    from nextgenface_nb.facemodel.embedding import VIEWS, embed_landmarks
    m = load_model()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        found = embed_landmarks(m, views=VIEWS[:3], people=0)
    assert len(found)>=460
    stored = m.embeddings['mediapipe']
    theirs,ours = stored.match(found.ids)
    distance = (found.points(m.shape_mean,m.triangles)[theirs]-stored.points(m.shape_mean,m.triangles)[ours]).norm(dim=1)
    assert distance.median()<2 and distance.quantile(.9)<6
