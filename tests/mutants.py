"""Does anybody notice? Small faults, put into a copy of the library one at a time; the named tests must turn red.

    python tests/mutants.py            all of them
    python tests/mutants.py --few      those marked few, for every run of CI
    python tests/mutants.py flipped    those with this word in their name

A fault is a text of a module that occurs exactly once, and what stands there instead. If the library changes and the text is gone, that is an
error too (tests/test_mutants.py says so at once): a fault that is not put in proves nothing.
"""
from __future__ import annotations
import argparse, os, re, shutil, subprocess, sys, tempfile, time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = 'nextgenface_nb'
WORKERS = int(os.environ.get('WORKERS', 2))

@dataclass
class Mutant:
    name:str         # What is wrong
    module:str       # Path within the package
    old:str          # Text that occurs exactly once
    new:str          # What stands there instead
    tests:str        # pytest's arguments, relative to tests/: one of these tests must fail
    few:bool = False # Part of every run of CI

GEOMETRY,RENDERING,MAPS,FIT = 'test_known_values.py', 'test_rendered_values.py', 'test_map_values.py', 'test_fit_values.py'

MUTANTS = [
    # camera and pose
    Mutant('image flipped upside down (projection)', 'geometry/camera.py', 'camera.principal[1] + camera.focal*y/z', 'camera.principal[1] - camera.focal*y/z', GEOMETRY),
    Mutant('image mirrored (projection)', 'geometry/camera.py', 'camera.principal[0] - camera.focal*x/z', 'camera.principal[0] + camera.focal*x/z', GEOMETRY),
    Mutant('Euler order reversed', 'geometry/camera.py', 'return torch.stack(rows, -1).unflatten(-1, (3, 3))',
        'r = torch.stack(rows, -1).unflatten(-1, (3, 3)); x,y,z = rotation.unbind(-1); o = torch.zeros_like(x)\n'
        '    one = lambda i,a: torch.matrix_exp(torch.stack([torch.stack(v, -1) for v in {0: ((o,o,o),(o,o,-a),(o,a,o)), 1: ((o,o,a),(o,o,o),(-a,o,o)), 2: ((o,-a,o),(a,o,o),(o,o,o))}[i]], -2))\n'
        '    return one(0, x) @ one(1, y) @ one(2, z)', GEOMETRY, few=True),
    # the lens, and the camera for other programs
    Mutant('a known lens moves', 'optim/landmarkfit.py', "{*names, 'focal'} if self.frames[k].focal_fixed else names", 'names', 'test_camera.py'),
    Mutant('half a pixel of OpenCV is forgotten (reading)', 'lens.py', '(cx+.5, cy+.5)', '(cx, cy)', 'test_camera.py'),
    Mutant('half a pixel of OpenCV is forgotten (writing)', 'output/camera.py', 'principal[0]-.5], [0., focal, principal[1]-.5]', 'principal[0]], [0., focal, principal[1]]', 'test_camera.py'),
    Mutant('the photo is on the other side of the view of three.js', 'output/camera.py', 'full[0]/2-x, full[1]/2-y', 'x-full[0]/2, y-full[1]/2', 'test_camera.py'),
    Mutant('a camera of the crop, not of the original', 'output/camera.py', 'float(frame.camera.focal.detach())/photo.scale', 'float(frame.camera.focal.detach())', 'test_camera.py'),
    # surface beyond the model, and the light of stage 2
    Mutant('the relief goes inward', 'facemodel/relief.py', 'return (heights@self.weights)[:,None]*self.normals', 'return -(heights@self.weights)[:,None]*self.normals', 'test_shading.py'),
    Mutant('light below zero is shown', 'optim/lightfit.py', 'lit = fine*((fine@light)>0)[:,None]', 'lit = fine', 'test_lightfit.py'),
    Mutant('a prior on the brightness of the light', 'optim/lightfit.py', 'J[:,::K] -= (residual/base/3)[:,None]', 'residual = residual*base', 'test_lightfit.py'),
    Mutant('the colour of a light is asked of all directions', 'optim/lightfit.py', 'colour_rows(light, self.arriving[i])', 'colour_rows(light, self.grid.mean(0))', 'test_lightfit.py'),
    Mutant('the white of the eye counts like an iris', 'optim/shading.py', 'pipeline.config.weight_eye_white*white', '.2*white', 'test_lightfit.py'),
    Mutant('stage 3 lets the hue of the light go', 'optim/texels.py', 'self.brightness/diffuse.mean(0)', 'self.brightness.mean()/diffuse.mean(0, keepdim=True).mean().expand(3)', 'test_lightfit.py'),
    Mutant('a known light may change its colours', 'optim/lightfit.py', 'torch.tensor(self.light_free).repeat_interleave(3*self.bands)', 'torch.ones(self.lights, dtype=torch.bool)', 'test_lightfit.py'),
    Mutant('a known light starts as bright as its file', 'optim/stages.py', 'frame.light.values*gain/torch.maximum(facing, .2*frame.light.values.mean())', 'frame.light.values*gain', 'test_lightfit.py'),
    Mutant('glasses are painted on the skin', 'optim/texels.py', '*(1-hidden.reshape(-1)[transfer.pixels])', '', 'test_occlusion.py'),
    Mutant('hair is taken for a thing', 'optim/occlusion.py', "found['hair' if ", "found['thing' if ", 'test_occlusion.py'),
    # light
    Mutant('harmonics with m > 0 dropped', 'geometry/harmonics.py', 'values[l*l+l+m] = scale*legendre*cosine', 'values[l*l+l+m] = scale*legendre*cosine*(m==0)', GEOMETRY, few=True),
    Mutant('harmonics with m < 0 dropped', 'geometry/harmonics.py', 'values[l*l+l-m] = scale*legendre*sine', 'values[l*l+l-m] = 0*scale*legendre*sine', GEOMETRY),
    Mutant('environment map turned by half', 'geometry/harmonics.py', '-theta.sin()*phi.cos()), -1)', 'theta.sin()*phi.cos()), -1)', GEOMETRY),
    # mesh
    Mutant('normals negated', 'geometry/mesh.py', 'return torch.linalg.cross(b-a, c-a)', 'return torch.linalg.cross(c-a, b-a)', GEOMETRY, few=True),
    Mutant('normals not weighted by area', 'geometry/mesh.py', 'torch.cat((crosses,)*3, -2))', 'torch.cat((torch.nn.functional.normalize(crosses, dim=-1),)*3, -2))', GEOMETRY),
    # pictures
    Mutant('image flipped upside down (rays)', 'rendering/tracing.py', '(row-y)/focal', '(y-row)/focal', RENDERING, few=True),
    Mutant('gradients scaled by 1.9', 'rendering/bridge.py', 'dr.set_grad(image, to_drjit(gradient))', 'dr.set_grad(image, to_drjit(1.9*gradient))', RENDERING, few=True),
    Mutant('specular map zeroed', 'rendering/material.py', "t['diffuse'].eval(si, active),t['specular'].eval(si, active)", "t['diffuse'].eval(si, active),0*t['specular'].eval(si, active)", RENDERING, few=True),
    Mutant('coverage 1 everywhere', 'rendering/tracing.py', 'dr.select(hits.seen, mi.Float(1), 0)', 'dr.select(hits.seen, mi.Float(1), 1)', RENDERING, few=True),
    Mutant('maps upside down', 'rendering/scene.py', '(uvs[:,0], 1-uvs[:,1])', '(uvs[:,0], uvs[:,1])', RENDERING),
    Mutant('light mirrored', 'rendering/scene.py', 'height,width,_ = environment.shape', 'height,width,_ = (environment := environment.flip(1)).shape', RENDERING),
    Mutant('shading normals negated', 'rendering/renderer.py', 'normals = vertex_normals(vertices, self.triangles.to(', 'normals = -vertex_normals(vertices, self.triangles.to(', RENDERING),
    Mutant('no shadows from sampled light', 'rendering/tracing.py', 'lit &= ~scene.occluded(si.spawn_ray(light.d), lit)', 'lit &= True', RENDERING),
    Mutant('roughness taken for alpha', 'rendering/material.py', 'return diffuse,specular,dr.square(roughness)', 'return diffuse,specular,roughness', RENDERING),
    Mutant('one seed for all', 'rendering/tracing.py', 'mi.sample_tea_32(pixel, seed*8+dimension,', 'mi.sample_tea_32(pixel, dimension+0*seed,', RENDERING),
    Mutant('the place in the pixel chooses the light', 'rendering/tracing.py', 'for a in _roots+_roberts+', 'for a in _roberts+_roberts+', 'test_rendering.py::test_the_place_in_the_pixel_does_not_choose_the_light'),
    Mutant('outline pulls the wrong way', 'rendering/silhouette.py', 'push = ((points.place-points.place.detach())*points.normal)', 'push = -((points.place-points.place.detach())*points.normal)', RENDERING),
    # the rasteriser
    Mutant('rasteriser forgets perspective', 'rendering/raster.py', 'weight = torch.stack(signed_areas(places, x, y), 1)*nearness', 'weight = torch.stack(signed_areas(places, x, y), 1)', 'test_vertex.py::test_the_same_is_hit'),
    Mutant('rasteriser counts slanted edges twice', 'rendering/antialias.py', 'normal[:,axis]**2, near', 'normal[:,axis].abs(), near', 'test_vertex.py::test_area_is_exact_wherever_the_outline_lies test_vertex.py::test_derivatives_of_a_face_that_leaves_the_picture', few=True),
    Mutant('rasteriser without derivatives of the outline', 'rendering/antialias.py', 't = torch.where(ahead, where-cell, 1-(where-cell))', 't = torch.where(ahead, where-cell, 1-(where-cell)).detach()', 'test_vertex.py::test_outline_has_derivatives_only_where_they_are_wanted'),
    Mutant('rasteriser takes the farthest', 'rendering/raster.py', "|of, 'amax')", "|of, 'amax') if False else best.scatter_reduce_(0, start[of]+y*width[of]+x, ((1/near).view(torch.int32).long()<<32)|of, 'amax')", 'test_vertex.py::test_the_same_is_hit'),
    # files for other programs
    Mutant('GLB upside down in its texture', 'output/glb.py', 'torch.stack([model.uvs[:,0], 1-model.uvs[:,1]], 1)', 'torch.stack([model.uvs[:,0], model.uvs[:,1]], 1)', 'test_export.py::test_glb_is_neutral_and_upright_at_the_origin', few=True),
    Mutant('GLB camera where the head is', 'output/glb.py', 'if inverse: R,t = R.T,-R.T@t', 'if inverse: R,t = R.T,-t', 'test_export.py::test_glb_is_neutral_and_upright_at_the_origin'),
    Mutant('GLB reflectance without its factor', 'output/glb.py', 'return largest/.04, (specular/largest).clamp(0, 1)', 'return 1., (specular/largest).clamp(0, 1)', 'test_export.py::test_a_render_of_the_glb_is_our_render'),
    Mutant('GLB accessor without data for what stands still', 'output/glb.py', 'if not len(rows): rows = np.zeros(1, rows.dtype)',
        "if not len(rows): return self.accessor(componentType=self.FLOAT, count=len(x), type='VEC3', **(_bounds(x) if bounds else {}))", 'test_importers.py::test_assimp_opens_every_file'),
    Mutant('environment map turned the wrong way for Blender', 'output/export.py', 'blender=.25', 'blender=-.25', 'test_export.py::test_export_flags_for_other_programs'),
    Mutant('GLB camera in the middle of the crop', 'output/glb.py', 'centre = camera.principal.detach().cpu()', 'centre = torch.tensor([camera.width/2, camera.height/2])', 'test_export.py::test_glb_holds_the_face_where_the_photo_shows_it'),
    Mutant('coinciding edges counted each', 'rendering/silhouette.py', 'torch.where(inside-outside>tolerance, -1., 1.)', 'torch.where(inside-outside>tolerance, 1., 1.)', 'test_gradients.py::test_coverage_by_geometry_and_camera'),
    # maps and photos
    Mutant('maps half a texel off', 'facemodel/texture.py', 'pixels = self.uvs.double().numpy()*[resolution,-resolution]+[0,resolution]', 'pixels = self.uvs.double().numpy()*[resolution,-resolution]+[.5,resolution+.5]', MAPS),
    Mutant('mirror of a texel off by one', 'facemodel/texture.py', "return texture.flatten(0,1)[self.mirror_index.to(texture.device)]", "return texture.flatten(0,1)[self.mirror_index.to(texture.device)-1]", MAPS),
    Mutant('gamma 2.2 for sRGB', 'imaging.py', '1.055*m.clip(x, .0031308, 1)**(1/2.4) - .055', 'm.clip(x, .0031308, 1)**(1/2.2)', MAPS),
    Mutant('principal point of the crop, not of the photo', 'imaging.py', 'return self.from_original(torch.tensor(self.original_size, dtype=torch.float32)/2)', 'return torch.tensor([self.width/2, self.height/2])', MAPS),
    Mutant('PSNR of all pixels', 'measures.py', 'error = (m*((a-b)**2).mean(-1)).sum()/m.sum()', 'error = ((a-b)**2).mean()', MAPS),
    # fitting
    Mutant('losses of the maps zero', 'optim/stages.py', 'return terms|prior.losses(maps, stage.weights)', 'return terms|{n:0*v for n,v in prior.losses(maps, stage.weights).items()}', FIT+'::test_stage_3_heeds_what_is_known_about_maps', few=True),
    Mutant('distances of the diffuse map linear, not as the photo shows them', 'optim/texels.py', '(maps[...,:3]+DARK).sqrt()/self.slope', 'maps[...,:3]', MAPS+'::test_a_shadow_left_in_the_albedo_costs_its_colours_alike'),
    Mutant('symmetry of the maps without its weight', 'optim/texels.py', "weights[f'{n}_symmetry']*total(n, 'symmetry')", "0*total(n, 'symmetry')", FIT+'::test_each_prior_of_a_map_counts'),
    Mutant('the mirrored points are not turned back', 'landmarks.py', 'if mirrored: seen = np.stack([512 - seen[:, 0], seen[:, 1]], 1)', 'pass', 'test_landmarks.py'),
    Mutant("stage 1 does not heed the detector's doubt", 'optim/landmarkfit.py', 'detector_errors(f.landmarks.detector, f.landmarks.doubt)', 'detector_errors(f.landmarks.detector)', 'test_landmarks.py'),
    Mutant('the jaw slides inward', 'facemodel/contour.py', 'outward(chain, STEPS)).argmax(1)', 'outward(chain, STEPS)).argmin(1)', 'test_contour.py'),
    Mutant('the near cheek ends where the model says', 'facemodel/contour.py', 'torch.where(facing[:,None,None]<TURNED,', 'torch.where(facing[:,None,None]<2,', 'test_contour.py'),
    Mutant('pictures show a jaw that does not slide', 'optim/pipeline.py', 'if not marks_outline(points): return', 'if True: return', 'test_contour.py::test_points_of_the_jaw_move_and_no_others'),
    Mutant('stage 1 turns in another order', 'optim/landmarkfit.py', 'return Z@Y@X', 'return X@Y@Z', GEOMETRY),
    Mutant('light transport without shadows', 'rendering/transfer.py', 'pixel(f*w))', 'pixel(torch.ones_like(f)*w))', RENDERING),
    Mutant('light transport without gloss', 'rendering/transfer.py', 'return colour+specular*level', 'return colour+0*specular*level', FIT+'::test_light_transport_is_what_the_ray_tracer_sees'),
    Mutant('normals that do not turn in the shading step', 'optim/shading.py', 'motion.rows(-along, response[...,None]*slope)', 'motion.rows(-along, 0*response[...,None]*slope)', 'test_shading.py', few=True),
    Mutant('whites of the eyes, all taken, count in full', 'optim/shading.py', 'torch.where(rare, share*weight, weight)', 'weight', 'test_shading.py'),
    Mutant('the geometry stays coarse', 'optim/stages.py', 'return first*(last/first)**(step/max(steps-1, 1))', 'return first', 'test_shading.py'),
    Mutant('focal length that moves nothing', 'optim/shading.py', 'self.pose_shift[...,-1] += self.offset', 'pass', 'test_shading.py'),
    Mutant('translation steps in mm', 'optim/stages.py', "if last=='translation': return face.frames[int(name.split('.')[1])].translation.norm()", "if last=='translation': return 1.", FIT+'::test_parameters_move_in_their_own_units_and_within_bounds'),
    # losses
    Mutant('symmetry flip off by one', 'optim/losses.py', 'channels.index_select(1, mirror)', 'channels.index_select(1, mirror).roll(1, 1)', GEOMETRY),
    Mutant('smoothness as a sum', 'optim/losses.py', 'both.flatten()/both.sum()', 'both.flatten()', GEOMETRY),
    Mutant('landmark loss in pixels', 'optim/losses.py', '((points-targets)/unit).square()', '(points-targets).square()', GEOMETRY),
    Mutant('photo loss over the whole image', 'optim/losses.py', '(weight.sum()*d.shape[-1])', '(weight.numel()*d.shape[-1])', GEOMETRY),
    # files that are whole, and one run at a time
    Mutant('the old report stays while the new files come', 'output/files.py', "    if LIST in names: _take_back(folder, names)", "    pass", 'test_files.py::test_killed_at_every_step'),
    Mutant('the report comes with the rest', 'output/files.py', "if f.as_posix()!=LIST: _put", "_put", 'test_files.py::test_killed_at_every_step test_files.py::test_flushed_before_the_old_is_given_up'),
    Mutant('nothing is flushed', 'output/files.py', "    try: os.fsync(handle)\n", "    try: pass\n", 'test_files.py::test_flushed_before_the_old_is_given_up'),
    Mutant('nobody is ever at work', 'output/files.py', "lock.acquire(timeout=wait)", "pass", 'test_files.py::test_a_second_run_is_told'),
    Mutant('processes of another container are dead', 'output/files.py', "lambda: os.readlink('/proc/self/ns/pid')", "lambda: ''", 'test_files.py::test_containers_with_one_host_name'),
    Mutant('a link to nothing is followed', 'output/files.py', "if p.is_symlink() and not p.exists():", "if False:", 'test_files.py::test_a_link_to_nothing_is_refused_at_the_start'),
    Mutant('a file on another disk is renamed', 'output/files.py', "if error.errno!=errno.EXDEV: raise", "raise", 'test_files.py::test_links_to_another_disk'),
    Mutant('a full disk is what the library makes of it', 'output/files.py', "        cause = disk_error(e, path.parent)\n", "        cause = e if isinstance(e, OSError) else None\n", 'test_files.py::test_a_full_disk_is_said_whatever_was_written'),
    # processes
    Mutant('workers outlive their parent', 'batch.py', '    end_with_parent()\n', '', 'test_batch.py::test_workers_end_when_their_parent_is_killed'),
    Mutant('who ignores SIGHUP hears it', 'batch.py', 'return [s for s in known if signal.getsignal(s)!=signal.SIG_IGN]', 'return known', 'test_batch.py::test_a_run_under_nohup_goes_on_when_the_terminal_is_closed'),
    Mutant('names go into JSON as they are', 'batch.py', 'json_text(rows, indent=1)', 'json.dumps(rows, indent=1, ensure_ascii=False)', 'test_batch.py::test_names_of_any_bytes_in_what_a_batch_leaves'),
    Mutant('the clock of a photo runs while its process loads', 'batch.py', 'self.ready = True\n            self.began = time.monotonic()', 'self.ready = True\n            self.began = -1e9', 'test_batch.py::test_a_photo_that_hangs_is_given_up_and_the_others_are_done'),
    Mutant('growth of memory by its two ends', 'bench.py', 'return float(np.median((held[second]-held[first])/(second-first)))', 'return float(held[-1]-held[0])/(len(held)-1)', 'test_transfer.py::test_growing_memory_is_noticed'),
    # runs that go on
    Mutant('a resumed stage has forgotten the moments', 'optim/state.py', 'known.setdefault(int(i), {})[key] = value.clone()', 'known.setdefault(int(i), {})[key] = value*0', 'test_resume.py::test_resumed_after_every_step[settings0-1-5]'),
    Mutant('a resumed stage computes from the face of now', 'optim/state.py', 'for name in self.now: face.assign(name, self.before.get(name))', 'return', 'test_resume.py::test_resumed_after_every_step[settings0-1-5]'),
]

# ---- machinery

def places(mutant:Mutant, folder:Path=ROOT/PACKAGE)->int:
    "How often the text occurs"
    path = folder/mutant.module
    return path.read_text(encoding='utf-8').count(mutant.old) if path.exists() else 0

def copy_library(folder:Path)->Path:
    "The package (big data by link), the tests, and what they read, in a folder of their own"
    shutil.copytree(ROOT/PACKAGE, folder/PACKAGE, ignore=shutil.ignore_patterns('__pycache__', 'data'))
    if (ROOT/PACKAGE/'data').exists(): (folder/PACKAGE/'data').symlink_to(ROOT/PACKAGE/'data')
    shutil.copytree(ROOT/'tests', folder/'tests', ignore=shutil.ignore_patterns('__pycache__', 'node_modules'))
    for name in ('nbs', 'tools'): (folder/name).symlink_to(ROOT/name)
    return folder

def run_tests(folder:Path, tests:str)->tuple[int, str]:
    "Exit code of pytest on that copy of the library, and what it printed"
    environment = dict(os.environ, PYTHONPATH=str(folder), PYTHONDONTWRITEBYTECODE='1', OMP_NUM_THREADS='1')
    arguments = [f'tests/{test}' for test in tests.split()]
    check = f'import {PACKAGE},sys; sys.exit(0 if {PACKAGE}.__file__.startswith({str(folder)!r}) else 77)'
    if subprocess.run([sys.executable, '-c', check], cwd=folder, env=environment).returncode: return 77,'another copy of the library would be tested'
    result = subprocess.run([sys.executable, '-m', 'pytest', '-x', '-q', '--no-header', '-p', 'no:cacheprovider', '-m', 'not slow', *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    return result.returncode,result.stdout+result.stderr

def try_mutant(mutant:Mutant)->tuple[str, float]: # what happened, seconds
    "Put in one fault and run its tests: 'noticed by' which test, 'NOT NOTICED', or what went wrong with the trial"
    start = time.time()
    if places(mutant)!=1: return f'ERROR: the text occurs {places(mutant)} times in {mutant.module}',0.
    with tempfile.TemporaryDirectory() as name:
        path = copy_library(Path(name).resolve())/PACKAGE/mutant.module
        path.write_text(path.read_text(encoding='utf-8').replace(mutant.old, mutant.new), encoding='utf-8')
        code,text = run_tests(Path(name).resolve(), mutant.tests)
    by = re.search(r'^FAILED \S+?::(\S+)', text, re.M)
    verdict = {0: 'NOT NOTICED', 1: f'noticed by {by[1] if by else "?"}'}.get(code, f'ERROR: pytest ended with {code}\n{text[-1500:]}')
    return verdict,time.time()-start

def try_without(mutants:list)->bool:
    "The chosen tests must be green without any fault"
    tests = ' '.join(dict.fromkeys(test for mutant in mutants for test in mutant.tests.split()))
    with tempfile.TemporaryDirectory() as name: code,text = run_tests(copy_library(Path(name).resolve()), tests)
    if code: print(f'Without any fault these tests are not green: {tests}\n{text[-3000:]}')
    return code==0

def main():
    parser = argparse.ArgumentParser(description='Put small faults into a copy of the library and expect red tests.')
    parser.add_argument('words', nargs='*', help='only faults with one of these words in their name'); parser.add_argument('--few', action='store_true')
    arguments = parser.parse_args()
    chosen = [m for m in MUTANTS if (m.few or not arguments.few) and (not arguments.words or any(word in m.name for word in arguments.words))]
    if not chosen or not try_without(chosen): return 1
    with ThreadPoolExecutor(WORKERS) as pool: verdicts = list(pool.map(try_mutant, chosen))
    for mutant,(verdict,seconds) in zip(chosen, verdicts): print(f'{seconds:5.0f} s  {mutant.name}: {verdict}')
    noticed = sum(verdict.startswith('noticed') for verdict,_ in verdicts)
    print(f'{noticed} of {len(chosen)} faults were noticed.')
    return int(noticed<len(chosen))

if __name__=='__main__': sys.exit(main())
