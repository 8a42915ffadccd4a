("What cannot be rendered is refused with the tensor's name, its shape and what was expected: no black pictures, no "
 "gradients that are not numbers.")
import subprocess, sys
import pytest
import torch
from nextgenface_nb.errors import RenderError
from nextgenface_nb.geometry.camera import Camera
from nextgenface_nb.rendering.renderer import Renderer

SIZE,T,L,N = 16, 8, 8, 9
u = torch.linspace(-.5, .5, N)
y,x = torch.meshgrid(u, u, indexing='ij')
VERTICES = torch.stack((160*x, 160*y, -600-200*(x**2+y**2)), -1).reshape(-1, 3)
i = torch.arange(N*N).reshape(N, N)
a,b,c,d = i[:-1,:-1].reshape(-1),i[:-1,1:].reshape(-1),i[1:,1:].reshape(-1),i[1:,:-1].reshape(-1)
TRIANGLES,UVS = torch.cat((torch.stack((a, b, c), 1), torch.stack((a, c, d), 1))),torch.stack((x+.5, y+.5),
    -1).reshape(-1, 2)

@pytest.fixture(scope='module')
def renderer(): return Renderer(TRIANGLES, UVS, SIZE, SIZE, T, (L, 2*L), device='cpu', samples=4)

def arguments(**changes):
    full = lambda value,channels: torch.full((T, T, channels), value)
    return dict(dict(vertices=VERTICES, normals=None, diffuse=full(.5, 3), specular=full(.04, 3), roughness=full(.5, 1),
        environment=torch.ones(L, 2*L, 3), camera=Camera.centred(SIZE, SIZE, 40.)), **changes)

def put(tensor, value, at=7):
    tensor = tensor.clone()
    tensor.view(-1)[at] = value
    return tensor

GOOD = arguments()
BAD = {'NaN in vertices': (dict(vertices=put(VERTICES, float('nan'))), ('vertices', '1 of 243', '[81, 3]', 'Finite')),
    'infinite vertex': (dict(vertices=put(VERTICES, float('-inf'), 8)), ('vertices', 'not finite', '[81, 3]')),
    'NaN in normals': (dict(normals=put(VERTICES, float('nan'))), ('normals', 'not finite', '[81, 3]')),
    'NaN in a map': (dict(roughness=put(GOOD['roughness'], float('nan'))), ('roughness', 'not finite', '[8, 8, 1]')),
    'NaN in the light': (dict(environment=put(GOOD['environment'], float('nan'))), ('environment', 'not finite')),
    'too few vertices': (dict(vertices=VERTICES[1:]), ('vertices', '[80, 3]', '[81, 3]')),
    'no vertices': (dict(vertices=VERTICES[:0]), ('vertices', '[0, 3]', '[81, 3]')),
    'map of another size': (dict(diffuse=torch.ones(T, 2*T, 3)), ('diffuse', '[8, 16, 3]', '[8, 8, 3] is expected')),
    'map of other channels': (dict(roughness=torch.ones(T, T, 3)), ('roughness', '[8, 8, 3]', '[8, 8, 1] is expected')),
    'albedo over 1': (dict(diffuse=put(GOOD['diffuse'], 1.2)), ('diffuse', 'largest value 1.2', '[8, 8, 3]', '0 to 1')),
    'albedo under 0': (dict(diffuse=put(GOOD['diffuse'], -.1)),
    ('diffuse', 'smallest value -0.1', '[8, 8, 3]', 'At least 0')),
    'specular over 1': (dict(specular=put(GOOD['specular'], 255.)), ('specular', 'largest value 255', '0 to 1')),
    'roughness over 1': (dict(roughness=put(GOOD['roughness'], 2.)), ('roughness', 'largest value 2', '0 to 1')),
    'light of another size': (dict(environment=torch.ones(2*L, 4*L, 3)), ('environment', '[16, 32, 3]', '[8, 16, 3]')),
    'negative light': (dict(environment=put(GOOD['environment'], -1.)),
    ('environment', 'smallest value -1', 'At least 0')),
    'camera inside the mesh': (dict(vertices=VERTICES+torch.tensor([0., 0, 630])),
    ('vertices', 'of 81', '[81, 3]', 'outside of the mesh')),
    'face behind the near plane': (dict(vertices=VERTICES+torch.tensor([0., 0, 595])),
    ('vertices', 'closer than 10 mm', '[81, 3]')),
    'face behind the camera': (dict(vertices=VERTICES*torch.tensor([1., 1, -1])),
    ('vertices', '81 of 81', 'behind the camera')),
    'double precision': (dict(specular=GOOD['specular'].double()), ('specular', 'float64', 'float32')),
    'no tensor': (dict(diffuse=None), ('diffuse', 'NoneType', '[8, 8, 3]')),
    'another image size': (dict(camera=Camera.centred(2*SIZE, SIZE, 40.)), ('camera', '32 x 16', '16 x 16')),
    'focal length 0': (dict(camera=Camera(torch.tensor(0.), torch.tensor([8., 8]), SIZE, SIZE)),
    ('camera.focal', '0 pixels', 'More than 0')),
    'NaN in the camera': (dict(camera=Camera(torch.tensor(40.), torch.tensor([8., float('nan')]), SIZE, SIZE)),
    ('camera.principal', 'not finite')),
    'no rays': (dict(samples=0), ('samples', '0', 'At least 1'))}

@pytest.mark.parametrize('change, words', BAD.values(), ids=BAD.keys())
def test_refused(renderer, change, words):
    with pytest.raises(RenderError) as caught: renderer.render(**arguments(**change))
    for word in words: assert word in str(caught.value), str(caught.value)

def test_refused_by_the_other_passes(renderer):
    for call in (lambda v: renderer.hits(v, GOOD['camera']), lambda v: renderer.coverage(v, GOOD['camera']),
        lambda v: renderer.clay(v, GOOD['camera'])):
        with pytest.raises(RenderError, match='vertices'): call(put(VERTICES, float('nan')))
    with pytest.raises(RenderError, match='diffuse'):
        renderer.render_converged(**arguments(diffuse=2*GOOD['diffuse']+.5))

@pytest.mark.parametrize('triangles, words',
    [(TRIANGLES[:0], 'without triangles'), (TRIANGLES+60, 'indices 60 to'), (TRIANGLES-1, 'indices -1 to')])
def test_a_mesh_that_is_none(triangles, words):
    with pytest.raises(RenderError, match=words): Renderer(triangles, UVS, SIZE, SIZE, T, (L, 2*L), device='cpu')

def test_a_refused_picture_leaves_the_renderer_as_it_was(renderer):
    before = renderer.render(**GOOD, seed=1)
    with pytest.raises(RenderError): renderer.render(**arguments(vertices=put(VERTICES, float('nan'))))
    torch.testing.assert_close(renderer.render(**GOOD, seed=1), before)

@pytest.mark.parametrize('case', ['a triangle without area', 'all in one plane with the camera', 'out of the picture',
    'no light', 'black'])
def test_gradients_stay_finite(renderer, case):
    "Pictures that may be black for a good reason, but never have gradients that are not numbers"
    vertices = VERTICES.clone()
    if case=='a triangle without area': vertices[TRIANGLES[5]] = vertices[TRIANGLES[5,0]].clone()
    if case=='all in one plane with the camera': vertices[:,0] = 0
    if case=='out of the picture': vertices = vertices+torch.tensor([900., 0, 0])
    changes = dict(environment=0*GOOD['environment']) if case=='no light' else dict(diffuse=0*GOOD['diffuse'],
        specular=0*GOOD['specular'], roughness=0*GOOD['roughness']) if case=='black' else {}
    given = {name:value.clone().requires_grad_() if torch.is_tensor(value) else value
        for name,value in arguments(vertices=vertices, **changes).items()}
    image = renderer.render(**given, silhouettes=True, shadow_edges=8)
    image.square().sum().backward()
    assert image.isfinite().all()
    unseen = 'out of the picture','all in one plane with the camera'
    assert (image[...,3].max()==0)==(case in unseen)
    for name,value in given.items():
        if torch.is_tensor(value) and value.grad is not None: assert value.grad.isfinite().all(), name

SHARED = '''
import pickle, resource, sys, time, numpy as np
from nextgenface_nb.output.legacy import plain_pickle
def nested(levels, kind=list):
    x = kind('x')
    for _ in range(levels): x = kind([x]*10)
    return x
RAW = bytes(1_000_000)
class SharesBytes:
    def __reduce__(self): return plain.__reduce_ex__(5)[0],(RAW, np.dtype('u1'), (len(RAW),), 'C')
plain = np.zeros(3, np.uint8)
key = pickle.dumps({1:2}, 2).replace(b'K\\x01', pickle.dumps(nested(20, tuple), 2)[2:-1])   # a dictionary whose key has 10**20 parts
cases = dict(lists=pickle.dumps(nested(7)), deep=pickle.dumps(nested(20)), tuples=pickle.dumps(nested(7, tuple)), key=key, bytes=pickle.dumps([SharesBytes() for _ in range(1000)]))
began = time.process_time()
plain_pickle(pickle.dumps([['x']*10 for _ in range(9000)]))   # nearly as many parts as are allowed
usual = time.process_time()-began
before,began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,time.process_time()
for name,data in cases.items():
    try: print(name, len(data), plain_pickle(data))
    except pickle.UnpicklingError as error: print(name, error)
print('together', (time.process_time()-began)/usual, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss-before)/1000)
'''

def test_pickles_that_refer_to_themselves():
    "Some hundred bytes that would take hours and gigabytes: refused at once"
    done = subprocess.run([sys.executable, '-c', SHARED], capture_output=True, text=True, timeout=600)
    said = dict(line.split(' ', 1) for line in done.stdout.splitlines())
    assert done.returncode==0 and set(said)=={'lists', 'deep', 'tuples', 'key', 'bytes', 'together'}, done.stderr
    for name,words in dict(lists='100,000 parts', tuples='100,000 parts', deep='nested too deep', key='no text',
        bytes='more bytes than the file').items():
        assert words in said[name], said[name]
    ratio,megabytes = map(float, said['together'].split())
    # of a pickle that is allowed; of what the bytes alone would take
    assert ratio<100 and megabytes<1000/5, said['together']
