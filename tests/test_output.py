"Files that other programs read, and disks that run full."
import json, os, subprocess, sys
from pathlib import Path
import numpy as np, pytest, torch
from nextgenface_nb.errors import OutputError

def test_obj_is_upright_and_textured_in_a_renderer(tmp_path):
    ("Mitsuba's own OBJ loader, seen by a camera in front of the face: green (v) grows upward, red (u) to the image's "
     "right")
    from nextgenface_nb.facemodel.model import toy_model
    from nextgenface_nb.output.mesh import write_mesh
    from nextgenface_nb.output.pictures import save_maps
    from nextgenface_nb.rendering.variant import use_variant
    use_variant('cpu')
    import mitsuba as mi
    model = toy_model()
    ramp = (torch.arange(64)+.5)/64
    colours = torch.stack([ramp.expand(64, 64), ramp.flip(0)[:, None].expand(64, 64), torch.full((64, 64), .2)], -1)
    save_maps(tmp_path, colours, .04*torch.ones(64, 64, 3), .5*torch.ones(64, 64, 1))
    write_mesh(tmp_path, model.vertices(), model.triangles, model.uvs)
    picture = [line.split()[1] for line in (tmp_path/'material0.mtl').read_text().splitlines()
        if line.startswith('map_Kd')][0]
    scene = mi.load_dict(dict(type='scene', integrator=dict(type='direct'), light=dict(type='constant'),
        sensor=dict(type='perspective', fov=25,
        to_world=mi.ScalarTransform4f().look_at(origin=[0, 0, 600], target=[0, 0, 0], up=[0, 1, 0]),
            film=dict(type='hdrfilm', width=64, height=64, rfilter=dict(type='box'))),
        face=dict(type='obj', filename=str(tmp_path/'mesh0.obj'),
        bsdf=dict(type='diffuse', reflectance=dict(type='bitmap', filename=str(tmp_path/picture))))))
    seen = np.array(mi.render(scene, spp=16))[..., :3]
    # blue is .2 everywhere, so this takes the shading out
    albedo = .2*seen/seen[..., 2:]
    top, bottom, left, right = albedo[20, 32], albedo[44, 32], albedo[32, 22], albedo[32, 42]
    assert top[1] > bottom[1]+.2 and right[0] > left[0]+.1
    assert abs(top[0]-bottom[0]) < .05 and abs(left[1]-right[1]) < .05
    # no hole, no black face: the normals look outward
    assert seen.min(-1)[28:36, 28:36].min() > .02

def test_save_with_a_limit_of_the_operating_system(tmp_path):
    "A write that really fails, in the middle of a file: the error is in words, and nothing is left"
    script = '''
import resource, sys, torch
from nextgenface_nb.errors import OutputError
from nextgenface_nb.files import writing_folder
from nextgenface_nb.output.pictures import save_maps
from nextgenface_nb.output.mesh import write_mesh
from nextgenface_nb.facemodel.model import toy_model
model = toy_model()
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for write in (lambda part: save_maps(part, *[torch.rand(512, 512, c) for c in (3, 3, 1)]), lambda part: write_mesh(part, model.vertices(), model.triangles, model.uvs)):
    try:
        with writing_folder(sys.argv[1]+'/out/me.jpg') as part:
            (part/'small').write_text('fits')
            write(part)
    except OutputError as e: print(e)
    else: sys.exit('no error')
'''
    done = subprocess.run([sys.executable, '-c', script, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('cannot be written') == 2 and 'part-' not in done.stdout
    assert not list(tmp_path.iterdir())

def test_a_checkpoint_that_does_not_fit_on_the_disk(tmp_path):
    script = '''
import resource, sys, torch
from nextgenface_nb.errors import OutputError
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.output.checkpoint import save_face
from nextgenface_nb.face import Face, Identity
face,model = Face(Identity(torch.zeros(10), torch.zeros(5), *[torch.rand(256, 256, c) for c in (3, 3, 1)]), []),toy_model()
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try: save_face(sys.argv[1]+'/stage3_output.npz', face, model)
except OutputError as e: print(e)
'''
    (tmp_path/'stage3_output.npz').write_text('the old one')
    done = subprocess.run([sys.executable, '-c', script, str(tmp_path)], capture_output=True, text=True)
    assert 'stage3_output.npz: cannot be written' in done.stdout, done.stderr
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [('stage3_output.npz', 'the old one')]

@pytest.mark.skipif(hasattr(os, 'geteuid') and os.geteuid() == 0, reason='root may write anywhere')
def test_a_folder_that_may_not_be_written(tmp_path):
    from nextgenface_nb.files import check_writable, writing_folder
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match='may not write'): check_writable(tmp_path/'out')
        with pytest.raises(OutputError, match='may not write'):
            with writing_folder(tmp_path/'out'): pass
    finally: tmp_path.chmod(0o700)

def test_exr_is_linear_float32(tmp_path):
    "Radiance below zero, above one and far above survives, in the file's own float32 channels"
    from nextgenface_nb.radiance import read_exr, write_exr
    import mitsuba as mi
    light = np.geomspace(1e-6, 1e6, 8*16*3, dtype=np.float32).reshape(8, 16, 3)
    write_exr(tmp_path/'light.exr', light)
    assert (read_exr(tmp_path/'light.exr') == light).all()
    found = mi.Bitmap(str(tmp_path/'light.exr'))
    assert found.component_format() == mi.Struct.Type.Float32 and not found.srgb_gamma()
    assert (tmp_path/'light.exr').read_bytes()[:4] == b'\x76\x2f\x31\x01'    # the magic number of OpenEXR

def test_nothing_of_ours_reads_or_writes_pickles():
    import nextgenface_nb
    for path in Path(nextgenface_nb.__file__).parent.rglob('*.py'):
        text = path.read_text()
        assert 'import pickle' not in text and 'os.system' not in text and 'matplotlib.use' not in text, path
        assert 'allow_pickle=True' not in text and 'torch.load' not in text, path

def test_asking_for_versions_loads_nothing():
    script = "import sys; from nextgenface_nb.output.report import versions, machine; assert versions()['mitsuba'] and machine()['variant'] is None; assert not {'mitsuba', 'mediapipe', 'matplotlib.pyplot'} & set(sys.modules)"
    subprocess.run([sys.executable, '-c', script], check=True)

def test_exr_where_drjit_has_one_thread(tmp_path):
    "As in a batch with a process for each core: Mitsuba's own code would wait for ever"
    import subprocess, sys
    code = f'import drjit; drjit.set_thread_count(1)\nimport torch\nfrom nextgenface_nb.radiance import read_exr, write_exr\nwrite_exr({str(tmp_path/"x.exr")!r}, torch.ones(16, 32, 3))\nprint(read_exr({str(tmp_path/"x.exr")!r}).mean(), drjit.thread_count())'
    assert subprocess.run([sys.executable, '-c', code], capture_output=True, text=True,
        timeout=600).stdout.split()==['1.0', '1']
