"""Does anybody notice? Small faults, put into a copy of the library one at a time; the named tests must turn red.

    python tests/mutants.py            all of them
    python tests/mutants.py --few      those marked few, for every run of CI
    python tests/mutants.py flipped    those with this word in their name
    python tests/mutants.py --json data/figures/mutants.json      keep what was found, and go on where that stood

A fault is a text of a module that occurs exactly once, and what stands there instead. If the library changes and the text is gone, that is an
error too (tests/test_mutants.py says so at once): a fault that is not put in proves nothing.
"""
from __future__ import annotations
import argparse, hashlib, json, os, re, shutil, subprocess, sys, tempfile, time
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

PROMISES,WRITTEN = 'test_promises.py::','test_promised_files.py::'
OWN_LIGHT = 'test_own_light.py'
SEVERAL = 'test_several.py::test_'
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
    Mutant('a known lens moves', 'optim/landmarks.py', "{*names, 'focal'} if self.frames[k].focal_fixed else names", 'names', 'test_camera.py'),
    Mutant('half a pixel of OpenCV is forgotten (reading)', 'lens.py', '(cx+.5, cy+.5)', '(cx, cy)', 'test_camera.py'),
    Mutant('half a pixel of OpenCV is forgotten (writing)', 'output/camera.py', 'principal[0]-.5], [0., focal, principal[1]-.5]', 'principal[0]], [0., focal, principal[1]]', 'test_camera.py'),
    Mutant('the photo is on the other side of the view of three.js', 'output/camera.py', 'full[0]/2-x, full[1]/2-y', 'x-full[0]/2, y-full[1]/2', 'test_camera.py'),
    Mutant('a camera of the crop, not of the original', 'output/camera.py', 'float(frame.camera.focal.detach())/photo.scale', 'float(frame.camera.focal.detach())', 'test_camera.py'),
    # surface beyond the model, and the light of stage 2
    Mutant('the displacement goes inward', 'facemodel/displacement.py', 'return (heights@self.weights)[:,None]*self.normals', 'return -(heights@self.weights)[:,None]*self.normals', 'test_shading.py'),
    # face models from outside
    Mutant('an open jaw moves like a shut one', 'facemodel/interface.py', 'return tuple(slopes(self.vertices, *_numbers(self, shape, expression)))', 'return tuple(slopes(self.vertices, *_numbers(self, None, None)))', 'test_own_model.py'),
    Mutant('bumps on a model with joints stand still', 'facemodel/interface.py', 'points+self.offset+np.tensordot(shape[own:], self.basis, 1)', 'points+self.offset', 'test_own_model.py'),
    Mutant('all photos share the table of the first', 'optim/shading.py', 'if pipeline.model.linear: return', 'if True: return', 'test_own_model.py'),
    Mutant('the angle of a jaw has no straight line', 'facemodel/interface.py', 'torch.stack([(self.vertices(shape, e)-rest)/u for', 'torch.stack([(self.vertices(None, e)-rest)/u for', 'test_own_model.py'),
    Mutant('any model of a class opens a checkpoint', 'facemodel/interface.py', "    _digest(own, '', digest)\n    return", '    return', 'test_own_model.py'),
    Mutant('light below zero is shown', 'light/environment.py', 'lit = fine*((fine@light)>0)[:,None]', 'lit = fine', 'test_lightfit.py'),
    Mutant('a prior on the brightness of the light', 'light/environment.py', 'J[:,::K] -= (residual/base/3)[:,None]', 'residual = residual*base', 'test_lightfit.py'),
    Mutant('the colour of a light is asked of all directions', 'light/environment.py', 'colour_rows(own, _resized(arriving, len(own)))', 'colour_rows(own, light_grid(self.bands).mean(0))', 'test_lightfit.py'),
    Mutant('the white of the eye counts like an iris', 'optim/shading.py', 'pipeline.config.weight_eye_white*white', '.2*white', 'test_lightfit.py'),
    Mutant('stage 3 lets the hue of the light go', 'optim/texture.py', 'self.brightness/diffuse.mean(0)', 'self.brightness.mean()/diffuse.mean(0, keepdim=True).mean().expand(3)', 'test_lightfit.py'),
    Mutant('a known light may change its colours', 'optim/light.py', 'torch.tensor(self.light_free).repeat_interleave(torch.tensor(self.sizes))', 'torch.ones(self.lights, dtype=torch.bool)', 'test_lightfit.py'),
    Mutant('a light of elsewhere leaves its bounds', 'light/interface.py', 'bounded(v, *bounds.get(n, (None, None)))', 'v', OWN_LIGHT),
    Mutant('at its bound a light stops all others', 'optim/light.py', 'free = free[~self.held(here.g)[free]]', 'free = free[:0] if self.held(here.g).any() else free', OWN_LIGHT),
    Mutant('stage 3 knows no bounds of a light', 'optim/light.py', 'bounded(value*self.units[name], *self.bounds[name])', '(value*self.units[name])', OWN_LIGHT),
    Mutant('a step of the light that makes it worse is taken', 'optim/light.py', 'if not better: self.take_back(before)', 'pass', 'test_lightfit.py'),
    Mutant('what a light of elsewhere expects costs nothing', 'optim/light.py', 'if name in WEIGHED else 1.', 'if name in WEIGHED else 0.', OWN_LIGHT),
    Mutant('derivatives of a light at another place', 'light/interface.py', 'self.replaced(u).harmonics(bands))(self.flat().detach())', 'self.replaced(u).harmonics(bands))(1.5*self.flat().detach())', OWN_LIGHT),
    Mutant('a fit that goes on begins its light anew', 'reconstruction.py', 'if frame.light.kind!=config.light:', 'if True:', OWN_LIGHT),
    Mutant('a known light starts as bright as its file', 'light/environment.py', 'MapLight(self.values*gain/self.facing())', 'MapLight(self.values*gain)', 'test_lightfit.py'),
    Mutant('glasses are painted on the skin', 'optim/texture.py', '*(1-hidden.reshape(-1)[transfer.pixels])', '', 'test_occlusion.py'),
    Mutant('hair is taken for another occluder', 'optim/occlusion.py', "found['hair' if ", "found['occluder' if ", 'test_occlusion.py'),
    Mutant('a sleep that fails is taken for a disk without locks', 'files.py', 'lock.acquire(timeout=0)\n        except TimeoutError', 'lock.acquire(timeout=wait)\n        except TimeoutError', 'test_files.py'),
    Mutant('a worker that is asked to end takes all photos with it', 'batch.py', 'if _ended_alone(said, stop): said = EOFError()', 'pass', 'test_batch.py'),
    Mutant('a file that was exchanged goes on with the old fit', 'resume.py', '_check_files(path, meta, pipeline.config, advice)\n    _check_asked', '_check_asked', 'test_resume.py'),
    Mutant('threads of Python change the threads of Dr.Jit at once', 'rendering/renderer.py', 'with drjit_alone:', 'if True:', 'test_deterministic.py'),
    Mutant('Ctrl-C between the files of an export', 'output/export.py', 'with torch.no_grad(), Stop() as stop, writing_folder', 'stop = Stop()\n    with torch.no_grad(), writing_folder', 'test_export.py'),
    Mutant('EXIF in any number of pieces', 'reading.py', "if n>=limit('exif_pieces')", 'if False', 'test_hostile_files.py'),
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
    Mutant('specular map zeroed', 'rendering/material.py', "specular = t['specular'].eval(si, active)", "specular = 0*t['specular'].eval(si, active)", RENDERING, few=True),
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
    Mutant('GLB upside down in its texture', 'output/glb.py', 'torch.stack([uvs[:,0], 1-uvs[:,1]], 1)', 'torch.stack([uvs[:,0], uvs[:,1]], 1)', 'test_export.py::test_glb_is_neutral_and_upright_at_the_origin', few=True),
    Mutant('GLB camera where the head is', 'output/glb.py', 'if inverse: R,t = R.T,-R.T@t', 'if inverse: R,t = R.T,-t', 'test_export.py::test_glb_is_neutral_and_upright_at_the_origin'),
    Mutant('GLB leaves the diffuse part what glTF takes from it', 'output/glb.py', 'return (diffuse/(1-specular.amax(-1, keepdim=True)).clamp(min=.1)).clamp(0, 1)', 'return diffuse.clamp(0, 1)', 'test_export.py::test_the_diffuse_part_is_as_bright_in_gltf_as_with_us'),
    Mutant('GLB reflectance without its factor', 'output/glb.py', 'return largest/.04, (specular/largest).clamp(0, 1)', 'return 1., (specular/largest).clamp(0, 1)', 'test_export.py::test_a_render_of_the_glb_is_our_render'),
    Mutant('GLB accessor without data for what stands still', 'output/glb.py', 'if not len(rows): rows = np.zeros(1, rows.dtype)',
        "if not len(rows): return self.accessor(componentType=self.FLOAT, count=len(x), type='VEC3', **(_bounds(x) if bounds else {}))", 'test_importers.py::test_assimp_opens_every_file'),
    Mutant('environment map turned the wrong way for Blender', 'output/formats.py', 'blender=.25', 'blender=-.25', 'test_export.py::test_export_flags_for_other_programs'),
    Mutant('GLB animation drives the skin alone', 'output/glb.py', 'for n in nodes]\n    sampler', 'for n in nodes[:1]]\n    sampler', 'test_parts.py::test_animations_and_poses_drive_all_nodes'),
    Mutant('GLB eye twice as far from where it belongs', 'output/glb.py', 'place = body.vertices[rows]-torch.tensor(middle, dtype=torch.float32)', 'place = body.vertices[rows]', 'test_parts.py::test_an_eyes_node_is_in_the_middle_of_its_ball'),
    Mutant('finer surface torn along the seam', 'output/surface.py', 'matrix,closed = catmull_clark(weld[quads], count)', 'matrix,closed = catmull_clark(quads, count)', 'test_parts.py::test_the_fine_surface_is_the_next_step_of_the_cage'),
    Mutant('lashes that do not turn with the lid', 'facemodel/lashes.py', 'out = root-surface[...,lid.hoop,:].mean(-2, keepdim=True)', 'out = torch.tensor([0., 0, 1]).expand_as(root)', 'test_lashes.py::test_upper_lashes_go_down_with_the_lid_and_turn'),
    Mutant('lower lashes through the closed lid', 'facemodel/lashes.py', "if lid.kind is KINDS['lower']: root", 'if False: root', 'test_lashes.py::test_lashes_stay_outside_of_skin_and_eyes'),
    Mutant('lashes on the lid, not on its edge', 'facemodel/lashes.py', 'facing[ring].mean()>EDGE', 'facing[ring].mean()>1', 'test_lashes.py::test_roots_are_on_the_rim_of_the_lids'),
    Mutant('cornea under the iris', 'facemodel/lashes.py', 'torch.maximum(cap, height+.03)', 'torch.minimum(cap, height-.03)', 'test_lashes.py::test_the_cornea_is_a_dome_before_the_iris'),
    Mutant('lids filled that the photo shows', 'output/asset.py', '(growth>STRETCHED)&', '(growth>0)&', 'test_asset.py::test_lids_that_a_photo_shows_are_not_filled'),
    Mutant('lids filled with the lashes beside them', 'output/asset.py', 'binary_closing(inside|other)', 'binary_closing(inside)', 'test_asset.py::test_painted_lashes_are_skin_again'),
    Mutant('the photo stays on lids that close', 'results/pictures.py', 'and lids_close(', 'and not lids_close(', 'test_asset.py::test_pictures_of_other_expressions'),
    Mutant('OBJ lashes on the vertices of the head', 'output/mesh.py', 'np.int64)[...,None]+1+np.array(before)', 'np.int64)[...,None]+1+0*np.array(before)', 'test_asset.py::test_obj_has_lashes_where_they_are_asked_for'),
    Mutant('USDZ eyes as dull as skin', 'output/export.py', "f'/head/{name}', WET.get(kind, 1.))", "f'/head/{name}')", 'test_asset.py::test_usdz_has_a_material_for_each_kind_of_part'),
    Mutant('lashes seen through the head', 'output/overlay.py', '>head[sight.pixel]*(1-SUNK)', '>0*head[sight.pixel]', 'test_lashes.py::test_drawn_lashes_darken_what_is_around_the_eyes'),
    Mutant('GLB with opaque lashes', 'output/glb.py', 'alphaMode=lib.BLEND', 'alphaMode=lib.OPAQUE', 'test_lashes.py::test_lashes_and_corneas_are_nodes_that_blend'),
    Mutant('what lies far from every triangle counts as outside', 'facemodel/clearance.py', 'far = far[::len(far)//3+1]', 'far = far[:0]', 'test_whole_head.py::test_a_tongue_in_the_skull_is_deep'),
    Mutant('the larger of two expressions drives their corrective', 'facemodel/interface.py', 'torch.minimum(first, second), torch', 'torch.maximum(first, second), torch', 'test_correctives.py::test_a_mouth_closes_no_further_than_the_jaw_is_open', few=True),
    Mutant('a solver is not told of correctives', 'facemodel/model.py', 'by_expression = self.expression+self.correctives.slopes(*at).numpy()', 'by_expression = self.expression', 'test_correctives.py::test_slopes_at_points_are_those_of_differences'),
    Mutant('GLB animation without its correctives', 'output/glb.py', "weights(expression.detach().cpu(),", "weights(0*expression.detach().cpu(),", 'test_correctives.py::test_a_reader_of_the_glb_that_keeps_to_its_list_has_the_models_face'),
    Mutant('lids are not looked at', 'facemodel/clearance.py', "found = _mouth(model,skin)|{", "found = _mouth(model,skin)|{} if model.parts else {", 'test_whole_head.py::test_flesh_that_closes_in_is_seen'),
    Mutant('pictures make room for the shoulders', 'output/replay.py', 'return height>chin-.1*(height.max()-chin)', 'return height>chin-9*(height.max()-chin)', 'test_whole_head.py::test_pictures_frame_the_head_and_not_the_shoulders'),
    Mutant('quads with crossed corners', 'geometry/subdivision.py', 'np.c_[a,b[:,2]]', 'np.c_[b,a[:,1]]', 'test_parts.py::test_obj_has_quads_that_cover_exactly_the_triangles'),
    Mutant('GLB camera in the middle of the crop', 'output/glb.py', 'centre = camera.principal.detach().cpu()', 'centre = torch.tensor([camera.width/2, camera.height/2])', 'test_export.py::test_glb_holds_the_face_where_the_photo_shows_it'),
    Mutant('coinciding edges counted each', 'rendering/silhouette.py', 'torch.where(inside-outside>tolerance, -1., 1.)', 'torch.where(inside-outside>tolerance, 1., 1.)', 'test_gradients.py::test_coverage_by_geometry_and_camera'),
    # maps and photos
    Mutant('maps half a texel off', 'facemodel/texture.py', 'pixels = self.uvs.double().numpy()*[resolution,-resolution]+[0,resolution]', 'pixels = self.uvs.double().numpy()*[resolution,-resolution]+[.5,resolution+.5]', MAPS),
    Mutant('mirror of a texel off by one', 'facemodel/texture.py', "return texture.flatten(0,1)[self.mirror_index.to(texture.device)]", "return texture.flatten(0,1)[self.mirror_index.to(texture.device)-1]", MAPS),
    Mutant('gamma 2.2 for sRGB', 'imaging.py', '1.055*m.clip(x, .0031308, 1)**(1/2.4) - .055', 'm.clip(x, .0031308, 1)**(1/2.2)', MAPS),
    Mutant('principal point of the crop, not of the photo', 'imaging.py', 'return self.from_original(torch.tensor(self.original_size, dtype=torch.float32)/2)', 'return torch.tensor([self.width/2, self.height/2])', MAPS),
    Mutant('PSNR of all pixels', 'metrics.py', 'error = (m*((a-b)**2).mean(-1)).sum()/m.sum()', 'error = ((a-b)**2).mean()', MAPS),
    # colours and orientation of photos
    Mutant('primaries of another white are not adapted', 'colour.py', 'return np.linalg.inv(own) @ adapted(xyz.sum(1), own.sum(1)) @ xyz', 'return np.linalg.inv(own) @ xyz', 'test_photo_files.py'),
    Mutant('a gamma of a profile over 255', 'colour.py', "struct.unpack_from('>H', part, 12)[0]/256", "struct.unpack_from('>H', part, 12)[0]/255", 'test_photo_files.py'),
    Mutant('curves of a profile upside down', 'colour.py', "sampled(np.frombuffer(part, '>u2', count, 12)/65535)", "sampled(np.frombuffer(part, '>u2', count, 12)[::-1]/65535)", 'test_photo_files.py'),
    Mutant('where a formula of a profile begins, with the wrong sign', 'colour.py', '-b/a if a else 0.', 'b/a if a else 0.', 'test_photo_files.py'),
    Mutant('the third number of a formula is forgotten', 'colour.py', "g, *rest = (n/65536 for n in struct.unpack_from(f'>{count}i', part, 12))\n    if formula == 0: return power(g)\n    if formula in (1, 2):\n        a, b, c = (*rest, 0.)[:3]", "g, *rest = (n/65536 for n in struct.unpack_from(f'>{count}i', part, 12))\n    if formula == 0: return power(g)\n    if formula in (1, 2):\n        a, b, c = (*rest[:2], 0.)[:3]", 'test_photo_files.py'),
    Mutant('every profile is nearly sRGB', 'colour.py', '.max() < 1e-3 for c in', '.max() < 1 for c in', 'test_photo_files.py'),
    Mutant('a table in a profile is not seen', 'colour.py', "if any(name.startswith('A2B') or name.startswith('D2B') for name in parts) or parts['to'] != 'XYZ': return None", 'if False: return None', 'test_photo_files.py'),
    Mutant('the lattice takes red for blue', 'colour.py', 'torch.from_numpy(codes[..., ::-1].astype', 'torch.from_numpy(codes[...].copy().astype', 'test_photo_files.py'),
    Mutant('codes of video range are taken as full', 'colour.py', 'own = curve if full else', 'own = curve if True else', 'test_photo_files.py'),
    Mutant('colour differences are taken for colours', 'colour.py', 'or matrix != 0: return None', ': return None', 'test_photo_files.py'),
    Mutant('PQ without its white', 'colour.py', '*10000/203', '*10000/100', 'test_photo_files.py'),
    Mutant('HLG without its white', 'colour.py', 'return light/.2649', 'return light', 'test_photo_files.py'),
    Mutant('gAMA the wrong way', 'colour.py', 'power(1/gamma) if', 'power(gamma) if', 'test_photo_files.py'),
    Mutant('cHRM with red for white', 'colour.py', 'to_xyz(chroma[0], chroma[1:])', 'to_xyz(chroma[1], chroma[1:])', 'test_photo_files.py'),
    Mutant('sRGB of PNG counts for nothing', 'colour.py', "if b'sRGB' in chunks: return None, None", 'pass', 'test_photo_files.py'),
    Mutant('iCCP of PNG before cICP', 'colour.py', "if len(chunks.get(b'cICP', b'')) == 4:", "if len(chunks.get(b'cICP', b'')) == 4 and b'iCCP' not in chunks:", 'test_photo_files.py'),
    Mutant('cut-off chunks take others with them', 'colour.py', 'if len(data) == 4*count else []', 'if len(data) == 4*count else 1/0', 'test_photo_files.py'),
    Mutant('a grey profile counts for colours', 'colour.py', "return icc_parts(profile)['space'] in spaces", 'return bool(icc_parts(profile))', 'test_photo_files.py'),
    Mutant('grey profiles of any build are sRGB', 'imaging.py', 'return grey_by_cms(profile)\n', 'return SRGB\n', 'test_photo_files.py'),
    Mutant('a photo held sideways is not turned', 'imaging.py', 'if orientation in (5, 6, 7, 8): picture', 'if orientation in (5, 6, 7): picture', 'test_photo_files.py'),
    Mutant('a photo held sideways is mirrored', 'imaging.py', 'if orientation in (2, 3, 6, 7): picture', 'if orientation in (2, 3, 7, 8): picture', 'test_photo_files.py'),
    Mutant('a photo upside down stays so', 'imaging.py', 'if orientation in (3, 4, 7, 8): picture', 'if orientation in (4, 7, 8): picture', 'test_photo_files.py'),
    Mutant('blocks are cut from the corner of the file (columns)', 'imaging.py', 'from_right = turned in (2, 3, 7, 8)', 'from_right = False', 'test_photo_files.py'),
    Mutant('blocks are cut from the corner of the file (rows)', 'imaging.py', 'from_below = turned in (3, 4, 6, 7)', 'from_below = False', 'test_photo_files.py'),
    Mutant('width and height of a turned photo', 'imaging.py', 'size[::-1] if raster.orientation in (5, 6, 7, 8) else size', 'size', 'test_photo_files.py'),
    Mutant('TIFF is turned twice', 'imaging.py', '    exif = image.getexif()\n    found', '    exif = open_picture(data, name).getexif() if data else image.getexif()\n    found', 'test_photo_files.py'),
    Mutant('lower bytes of 16 bits are left out', 'imaging.py', '        codes |= under(first, last)\n', '        pass\n', 'test_photo_files.py'),
    Mutant('lower bytes of grey with alpha are left out', 'imaging.py', 'return codes[..., 0::2] << 8 | codes[..., 1::2]', 'return codes[..., 0::2] << 8', 'test_photo_files.py'),
    Mutant('12 bits become 65520', 'imaging.py', 'codes = codes << 4 | codes >> 8', 'codes = codes << 4', 'test_photo_files.py'),
    Mutant('0 is black where it is white', 'imaging.py', 'inverted = tags.get(262) == 0', 'inverted = False', 'test_photo_files.py'),
    Mutant('a transparent colour by its upper bytes', 'imaging.py', '(codes != np.asarray(key, np.uint16)).any(-1, keepdims=True)', '((codes >> 8) != (np.asarray(key, np.uint16) >> 8)).any(-1, keepdims=True)', 'test_photo_files.py'),
    Mutant('planes of 16 bits are taken for 8', 'imaging.py', '    _see_planes(image)\n    layout', '    layout', 'test_photo_files.py'),
    Mutant('Adobe RGB of cameras is sRGB', 'imaging.py', 'return _ADOBE if adobe else None, None', 'return None, None', 'test_photo_files.py'),
    Mutant('every uncalibrated photo is Adobe RGB', 'imaging.py', ".startswith('R03')", ".startswith('R')", 'test_photo_files.py'),
    Mutant('inks without their profile', 'imaging.py', "inks = profile if image.mode == 'CMYK' and is_profile(profile, ('CMYK',)) else None", 'inks = None', 'test_photo_files.py'),
    Mutant('the alpha of a converted photo is lost', 'imaging.py', "if transparent: converted.putalpha(image.getchannel('A'))", 'pass', 'test_photo_files.py'),
    Mutant('red has its curve for green and blue', 'colour.py', "tuple(read[bytes(parts[f'{c}TRC'])] for c in 'rgb')", "tuple(read[bytes(parts['rTRC'])] for c in 'rgb')", 'test_photo_files.py'),
    Mutant('the opacity of a photo held sideways is not turned', 'imaging.py', 'else _upright(x, turned)', 'else np.ascontiguousarray(x)', 'test_photo_files.py'),
    Mutant('opacity that is multiplied in stays so', 'imaging.py', "for kind in ('RGB', 'RGBA', 'RGBX', 'R')}", "for kind in ('RGB', 'RGBA', 'RGBX', 'R', 'RGBa')}", 'test_photo_files.py'),
    Mutant('a fourth channel is opacity, whatever it is', 'imaging.py', "4 if image.mode == 'RGBA' or key is not None else 3", "4 if image.mode in ('RGBA', 'RGBX') or key is not None else 3", 'test_photo_files.py'),
    Mutant('a damaged profile refuses the photo', 'imaging.py', 'except ValueError: return SRGB ', 'except KeyError: return SRGB ', 'test_photo_files.py'),
    Mutant('what Dr.Jit recorded outlives it', 'rendering/bridge.py', '        atexit.register(_let_go)\n', '', 'test_rendering.py::test_an_interpreter_ends_well_with_derivatives_that_nobody_has_asked_for'),
    # fitting
    Mutant('losses of the maps zero', 'optim/losses.py', 'return c.map_terms[name]', 'return 0*c.map_terms[name]', FIT+'::test_stage_3_heeds_what_is_known_about_maps', few=True),
    Mutant('maps are compared as dark as they are', 'optim/texture.py', 'return TYPICAL/self.reference[self.valid][:,:3].mean().clamp(min=DARK)', 'return torch.tensor(TYPICAL/USUAL)', MAPS+'::test_a_shadow_costs_as_much_on_dark_skin_as_on_light'),
    Mutant('distances of the diffuse map linear, not as the photo shows them', 'optim/texture.py', 'scale*(self.gain*maps[...,:3]+DARK).sqrt()', 'maps[...,:3]', MAPS+'::test_a_shadow_left_in_the_albedo_costs_its_colours_alike'),
    Mutant('terms are summed without their weights', 'optim/losses.py', 'value*weights[self.weight_name]', 'value', FIT+'::test_each_prior_of_a_map_counts'),
    Mutant('the mirrored points are not turned back', 'landmarks/detection.py', 'if mirrored: seen = np.stack([512 - seen[:, 0], seen[:, 1]], 1)', 'pass', 'test_landmarks.py'),
    Mutant("stage 1 does not heed the detector's uncertainty", 'optim/landmarks.py', 'detector_errors(f.landmarks.detector, f.landmarks.uncertainty)', 'detector_errors(f.landmarks.detector)', 'test_landmarks.py'),
    Mutant('the jaw slides inward', 'facemodel/contour.py', 'outward(chain, STEPS)).argmax(1)', 'outward(chain, STEPS)).argmin(1)', 'test_contour.py'),
    Mutant('the near cheek ends where the model says', 'facemodel/contour.py', 'torch.where(facing[:,None,None]<TURNED,', 'torch.where(facing[:,None,None]<2,', 'test_contour.py'),
    Mutant('pictures show a jaw that does not slide', 'pipeline.py', 'if not contour.marks_outline(points): return', 'if True: return', 'test_contour.py::test_points_of_the_jaw_move_and_no_others'),
    Mutant('stage 1 turns in another order', 'optim/landmarks.py', 'return Z@Y@X', 'return X@Y@Z', GEOMETRY),
    Mutant('light transport without shadows', 'rendering/transfer.py', 'pixel(f*w))', 'pixel(torch.ones_like(f)*w))', RENDERING),
    Mutant('light transport without gloss', 'rendering/transfer.py', 'return colour+specular*level', 'return colour+0*specular*level', FIT+'::test_light_transport_is_what_the_ray_tracer_sees'),
    Mutant('normals that do not turn in the shading step', 'optim/shading.py', 'motion.rows(-along, response[...,None]*slope)', 'motion.rows(-along, 0*response[...,None]*slope)', 'test_shading.py', few=True),
    Mutant('the photo counts twice in Gauss-Newton steps', 'optim/losses.py', 'return .5/(d**2+EDGE**2).sqrt()', 'return 1/(d**2+EDGE**2).sqrt()', 'test_one_energy.py'),
    Mutant('a step that makes it worse is taken', 'optim/shading.py', 'if sum(after.values())<sum(before.values()):', 'if True:', 'test_one_energy.py'),
    Mutant('the covered pixels are shuffled', 'optim/shading.py', 'some[drawn[some].argsort()]', 'some[torch.randperm(len(some), generator=generator)]', 'test_one_energy.py'),
    Mutant('the prior of an unknown lens follows the fit', 'optim/landmarks.py', 'else (TYPICAL_FOCAL*eyes, settings.focal_sigma)', 'else (float(f.camera.focal), settings.focal_sigma)', 'test_one_energy.py'),
    Mutant('the first blur is in pixels', 'optim/shading.py', 'max(SOFT*eyes, SHARP)', 'max(2., SHARP)', 'test_units.py'),
    Mutant('whites of the eyes, all taken, count in full', 'optim/shading.py', 'torch.where(rare, share*weight, weight)', 'weight', 'test_shading.py'),
    Mutant('the geometry stays coarse', 'optim/shading.py', 'return first*(SHARP/first)**(step/max(steps-1, 1))', 'return first', 'test_shading.py'),
    Mutant('focal length that moves nothing', 'optim/shading.py', 'self.pose_shift[...,-1] += self.offset', 'pass', 'test_shading.py'),
    Mutant('translation steps in mm', 'optim/stages.py', "if last=='translation': return self._frame(name).translation.norm()", "if last=='translation': return 1.", FIT+'::test_parameters_move_in_their_own_units_and_within_bounds'),
    # settings that are not heard
    Mutant('specular and roughness are never fitted', 'optim/stages.py', "for n in ('diffuse', 'specular', 'roughness', 'light')}", "for n in ('diffuse', 'light')}", FIT+'::test_stage_3_finds_how_glossy_and_how_rough_the_skin_is', few=True),
    Mutant('leave_out=hair removes nothing', 'optim/occlusion.py', 'hair=occluder|on_face|hair)', 'hair=occluder)', 'test_occlusion.py::test_what_is_left_out_is_what_the_config_says'),
    Mutant('all photos count alike in stage 3', 'optim/losses.py', 'sum(loss*f.weight*share for', 'sum(loss*share for', FIT+'::test_the_photo_that_counts_more_is_painted'),
    Mutant('all photos count alike in the light', 'optim/light.py', 'pixels.weight[:,0]*self.face.frames[i].weight/', 'pixels.weight[:,0]/', FIT+'::test_a_photo_counts_by_its_weight_in_every_stage'),
    Mutant('the focal length of stage 1 moves, asked or not', 'optim/stages.py', 'optimize_focal=stage.optimize_focal', 'optimize_focal=True', FIT+'::test_the_focal_length_moves_where_the_config_lets_it'),
    Mutant('the focal length of stage 2 moves, asked or not', 'optim/stages.py', "(('focal',) if config.optimize_focal_length else ())", "('focal',)", FIT+'::test_the_focal_length_moves_where_the_config_lets_it'),
    Mutant('a photo is judged without what the fit left out', 'evaluation/photos.py', "figures[name] = figures.pop(f'{name}_all')", "figures.pop(f'{name}_all')", 'test_measure.py::test_a_photo_is_judged_with_what_the_fit_left_out', few=True),
    Mutant('deterministic leaves the renderer its threads', 'rendering/renderer.py', 'if self.deterministic: dr.set_thread_count(1)', 'if False: dr.set_thread_count(1)', 'test_deterministic.py::test_so_many_threads_are_at_work', few=True),
    Mutant('deterministic does not reach the renderer', 'pipeline.py', 'c.samples_train, deterministic=c.deterministic)', 'c.samples_train, deterministic=False)', 'test_deterministic.py::test_a_pipeline_hands_it_on'),
    Mutant('deterministic does not reach the stages', 'optim/stages.py', 'True, 1 if pipeline.config.deterministic else None)', 'True, None)', 'test_deterministic.py::test_a_pipeline_hands_it_on'),
    Mutant('deterministic leaves NumPy its threads', 'surroundings.py', 'if threads: stack.enter_context(blas_threads(threads))', 'pass', 'test_deterministic.py::test_numpy_has_one_thread_as_long_as_anybody_wants_it'),
    Mutant('deterministic does not reach the command', 'results/runs.py', 'one_thread(pipeline.config.deterministic)', 'one_thread(False)', 'test_deterministic.py::test_a_command_hands_it_on'),
    Mutant('a component more or less is the same', 'pipeline.py', 'model.trimmed(self.config.components) if self.config.components else model', 'model', 'test_settings.py::test_so_many_components_are_used'),
    Mutant('the light stands still in stage 3', 'optim/texture.py', 'if relight: self.lights.step(share)', 'if relight: pass', 'test_settings.py::test_the_light_moves_in_stage_3_by_its_rate'),
    Mutant('no light below zero costs anything in stage 3', 'optim/light.py', 'terms = [light_weight(settings, n)*sum(', 'terms = [0*light_weight(settings, n)*sum(', 'test_settings.py::test_a_weight_counts_where_it_should_and_nowhere_else'),
    Mutant('every seed draws the same rays', 'optim/stages.py', 'seed = self.stage.seed+1000*number+i', 'seed = 1000*number+i', 'test_settings.py::test_the_seed_chooses_the_pixels_and_the_rays'),
    Mutant('photos are compared as they are exposed', 'optim/losses.py', 'return TYPICAL/frame.brightness.clamp(min=DIMMEST)', 'return torch.ones(())', 'test_exposure.py::test_a_face_is_the_same_at_any_exposure'),
    Mutant('light that no pixel sees moves', 'optim/light.py', 'return first/second.sqrt().clamp(min=1e-20)', 'return first.sign()', 'test_exposure.py::test_light_that_no_pixel_sees_stays'),
    Mutant('the light of stage 3 listens to all of the gradient', 'optim/light.py', 'told = self.told[name]@gradient if name in self.told else gradient', 'told = gradient', 'test_exposure.py::test_a_beard_is_not_taken_for_softer_light_from_the_front'),
    Mutant('left and right are those of the viewer', 'optim/light.py', 'R@torch.diag(torch.tensor([-1., 1., 1.]))@R.T', 'torch.diag(torch.tensor([-1., 1., 1.]))', 'test_exposure.py::test_both_sides_are_those_of_the_head'),
    Mutant('shadows are told from no light by a radiance', 'optim/shading.py', 'gain*pixels.transfer.lit(light)[0]/(gain*unshadowed).clamp(min=1e-4)', 'pixels.transfer.lit(light)[0]/unshadowed.clamp(min=1e-4)', 'test_exposure.py::test_light_may_be_in_any_unit'),
    Mutant('the light step has a floor with a unit', 'optim/light.py', '.clamp_(min=1e-30)', '.add_(1e-12)', 'test_exposure.py::test_light_may_be_in_any_unit'),
    Mutant('a face is as bright as what is burnt out', 'face.py', 'told = told&(share>.5)', 'pass', 'test_burnt_out.py::test_a_face_is_as_bright_as_what_tells_of_it'),
    Mutant('a bound is where a small step is lost', 'light/interface.py', 'return torch.where(slope>0, now<=low, now>=high)&(slope!=0)', 'return (self.moved(-1e-3*slope.sign()).flat()==now)&(slope!=0)', 'test_near_light.py::test_it_is_held_at_its_bounds_only_whatever_power_is_measured_in'),
    Mutant('burnt-out pixels count', 'optim/shading.py', 'if frame.photo.exposed is None: return', 'if True: return', 'test_burnt_out.py'),
    Mutant('one channel that is burnt out is none', 'imaging.py', 'brightest = codes.max(-1).values if isinstance(codes, Tensor) else codes.max(-1)', 'brightest = codes.mean(-1)', 'test_burnt_out.py'),
    Mutant('a mask is not heard', 'optim/shading.py', 'for mask in (frame.mask, frame.photo.inside):', 'for mask in (frame.photo.inside,):', 'test_settings.py::test_pixels_that_are_masked_or_no_photo_count_nowhere'),
    Mutant('teeth say nothing in stage 3', 'optim/shading.py', "torch.maximum(weight, regions.get('teeth', torch.zeros(())))", 'weight', 'test_whole_head.py::test_teeth_of_a_smile_have_the_tone_that_the_photo_shows'),
    Mutant('teeth are painted on lips', 'optim/texture.py', "regions['face']*beside_mouth(frame, transfer, regions['mouth'])", "regions['face']", 'test_whole_head.py::test_teeth_that_a_photo_shows_on_a_lip_are_not_believed'),
    Mutant('no detail is added', 'optim/texture.py', 'add_detail(self.face, self.views, self.stage.locked, self.stage.detail)', 'add_detail(self.face, self.views, self.stage.locked, 0)', 'test_settings.py::test_detail_is_added_as_often_as_asked_for'),
    # losses
    Mutant('terms from outside are forgotten', 'optim/losses.py', 'for t in (*TERMS, *others) if', 'for t in TERMS if', 'test_own_loss.py', few=True),
    Mutant('terms from outside are no rows of stage 2', 'optim/shading.py', 'blocks += _other_blocks(', 'blocks + _other_blocks(', 'test_own_loss.py'),
    Mutant('symmetry flip off by one', 'optim/losses.py', 'channels.index_select(1, mirror)', 'channels.index_select(1, mirror).roll(1, 1)', GEOMETRY),
    Mutant('smoothness as a sum', 'optim/losses.py', 'both.flatten()/both.sum()', 'both.flatten()', GEOMETRY),
    Mutant('landmarks in pixels', 'optim/landmarks.py', 'self.units = [own*eyes for', 'self.units = [1. for', 'test_one_energy.py'),
    Mutant('the ruler shrinks when a head turns', 'optim/landmarks.py', 'found = float(np.hypot(seen, _hidden(mean, apart, points, TYPICAL_FOCAL*found)))', 'found = seen', 'test_units.py'),
    Mutant('a profile has no ruler', 'optim/landmarks.py', 'max(seen, .5*points_extent(landmarks))', 'seen', 'test_units.py::test_a_profile_has_a_ruler_and_points_without_a_pose_do_not_stop_it'),
    Mutant('a turned mouth is wider open', 'output/card.py', 'eyes = unturned_eye_distance(model, points)', 'eyes = eye_distance(points)', 'test_units.py::test_a_turned_mouth_is_as_wide_open_as_before'),
    Mutant('what lies around turned eyes is smaller', 'output/card.py', 'eyes or eye_distance(landmarks)', 'eye_distance(landmarks)', 'test_units.py::test_a_turned_mouth_is_as_wide_open_as_before'),
    Mutant('a detector errs more on a turned head', 'evaluation/learn_errors.py', 'unturned_eye_distance(pipeline.model, true)', 'float(np.linalg.norm(np.subtract(*true.points[[list(true.ids).index(i) for i in (33, 263)]])))', 'test_units.py::test_a_detector_errs_by_the_same_ruler'),
    Mutant('a poor photo has no expression', 'optim/landmarks.py', 'expression, problem.expression_sigma, weight', 'expression, problem.expression_sigma', SEVERAL+'a_poor_photo_has_the_expression_that_it_has_alone'),
    Mutant('a poor photo has the lens of all', 'optim/landmarks.py', 'np.array([sigma]), weight', 'np.array([sigma])', SEVERAL+'a_poor_photo_has_the_expression_that_it_has_alone'),
    Mutant('a poor photo has a light of its own kind', 'optim/light.py', 'share*light_weight(self.settings, name)', 'light_weight(self.settings, name)', SEVERAL+'a_poor_photo_has_the_light_that_it_has_alone'),
    Mutant('lights of poor photos count like others', 'optim/light.py', 'f.weight*share for f,share', '1. for f,share', SEVERAL+'what_is_expected_of_lights_in_stage_3_counts_as_their_photos_do'),
    Mutant('photos that show nothing count next to nothing', 'reconstruction.py', 'if not detail.max()>0: return result', 'pass', SEVERAL+'photos_that_show_nothing_count_as_one_does'),
    Mutant('photo loss over the whole image', 'optim/losses.py', '(weight.sum()*d.shape[-1])', '(weight.numel()*d.shape[-1])', GEOMETRY),
    # files that are whole, and one run at a time
    Mutant('the old report stays while the new files come', 'files.py', "    if LIST in names: _take_back(folder, names)", "    pass", 'test_files.py::test_killed_at_every_step'),
    Mutant('the report comes with the rest', 'files.py', "if f.as_posix()!=LIST: _put", "_put", 'test_files.py::test_killed_at_every_step test_files.py::test_flushed_before_the_old_is_given_up'),
    Mutant('nothing is flushed', 'files.py', "    try: os.fsync(handle)\n", "    try: pass\n", 'test_files.py::test_flushed_before_the_old_is_given_up'),
    Mutant('nobody is ever at work', 'files.py', "taken = _taken(lock, wait)", "taken = False", 'test_files.py::test_a_second_run_is_told'),
    Mutant('processes of another container are dead', 'files.py', "lambda: os.readlink('/proc/self/ns/pid')", "lambda: ''", 'test_files.py::test_containers_with_one_host_name'),
    Mutant('a link to nothing is followed', 'files.py', "if p.is_symlink() and not p.exists():", "if False:", 'test_files.py::test_a_link_to_nothing_is_refused_at_the_start'),
    Mutant('a file on another disk is renamed', 'files.py', "if error.errno!=errno.EXDEV: raise", "raise", 'test_files.py::test_links_to_another_disk'),
    Mutant('a full disk is what the library makes of it', 'files.py', "        cause = disk_error(e, path.parent)\n", "        cause = e if isinstance(e, OSError) else None\n", 'test_files.py::test_a_full_disk_is_said_whatever_was_written'),
    # processes
    Mutant('workers outlive their parent', 'batch.py', '    end_with_parent()\n', '', 'test_batch.py::test_workers_end_when_their_parent_is_killed'),
    Mutant('who ignores SIGHUP hears it', 'interrupts.py', 'return [s for s in known if signal.getsignal(s)!=signal.SIG_IGN]', 'return known', 'test_batch.py::test_a_run_under_nohup_goes_on_when_the_terminal_is_closed'),
    Mutant('names go into JSON as they are', 'batch.py', 'json_text(rows, indent=1)', 'json.dumps(rows, indent=1, ensure_ascii=False)', 'test_batch.py::test_names_of_any_bytes_in_what_a_batch_leaves'),
    Mutant('the clock of a photo runs while its process loads', 'batch.py', 'self.ready = True\n        self.began = time.monotonic()', 'self.ready = True\n        self.began = -1e9', 'test_batch.py::test_a_photo_that_hangs_is_given_up_and_the_others_are_done'),
    Mutant('growth of memory by its two ends', 'evaluation/speed.py', 'return float(np.median((held[second]-held[first])/(second-first)))', 'return float(held[-1]-held[0])/(len(held)-1)', 'test_transfer.py::test_growing_memory_is_noticed'),
    # data, and models that users fetch
    Mutant('what was fetched goes before a path as it is given', 'places.py', 'Path(name) if os.path.exists(name) else fetched(name)', 'fetched(name)', 'test_data.py::test_a_path_as_it_is_given_goes_first'),
    Mutant('a report names the folders of a user', 'places.py', 'else path.name', 'else str(path)', 'test_data.py::test_the_report_says_where_the_landmark_model_was'),
    Mutant('a batch knows no model by its name', 'batch.py', "str(locate(config.model)) if config.model else ''", 'config.model', 'test_data.py::test_a_model_is_found_by_its_name_and_the_report_says_where'),
    Mutant('the landmark model in data/models is not looked at', 'landmarks/detection.py', "if there := fetched('face_landmarker.task'): return there", 'pass', 'test_data.py::test_the_landmark_model_is_found_without_a_setting'),
    Mutant('the folder of the references is not looked at', 'config.py', '    if fetched(path): return path\n', '', 'test_data.py::test_the_folder_of_the_references_is_found_from_an_old_file'),
    # limits of what is read from files of others
    Mutant('a dataset may have any number of values', 'facemodel/model.py', "0<data.size<=limit('dataset_bytes')//4", '0<data.size', 'test_fuzz.py::test_a_dataset_that_claims_terabytes'),
    Mutant('a dataset may be empty space', 'facemodel/model.py', 'data.id.get_storage_size()>0', 'True', 'test_fuzz.py::test_a_dataset_that_was_never_written'),
    Mutant('a dataset may be packed to nothing', 'facemodel/model.py', "data.nbytes<=limit('dataset_ratio')*file.id.get_filesize()+2**24", 'True', 'test_fuzz.py::test_limits_of_a_dataset'),
    Mutant('a dataset may be packed in any way', 'facemodel/model.py', "    _need(known, f'{where} is packed", "    _need(True, f'{where} is packed", 'test_fuzz.py::test_limits_of_a_dataset'),
    Mutant('a chunk may be larger than its dataset', 'facemodel/model.py', 'size<=max(2**22, 2*data.nbytes)', 'True', 'test_fuzz.py::test_limits_of_a_dataset'),
    Mutant('a dataset may have any number of chunks', 'facemodel/model.py', 'math.prod(map(len, steps))<=most', 'True', 'test_fuzz.py::test_limits_of_a_dataset'),
    Mutant('a chunk may unpack to anything', 'facemodel/model.py', 'len(unpacked(packed, size+17))<=size+16', 'True', 'test_fuzz.py::test_limits_of_a_dataset'),
    Mutant('a model may have any number of vertices', 'facemodel/model.py', "count<=limit('model_vertices')", 'True', 'test_fuzz.py::test_lists_that_are_far_too_long'),
    Mutant('a model may have any number of regions', 'facemodel/model.py', 'len(_members(file,group))<=64', 'True', 'test_fuzz.py::test_lists_that_are_far_too_long'),
    Mutant('a name may have any length', 'facemodel/model.py', 'found.dtype.itemsize<10_000', 'True', 'test_fuzz.py::test_lists_that_are_far_too_long'),
    Mutant('names of expressions may have any length', 'facemodel/model.py', 'data.dtype.itemsize<=256', 'True', 'test_fuzz.py::test_names_of_a_megabyte'),
    Mutant('links lead to other files', 'facemodel/model.py', 'hard = found.id.links.get_info(part.encode()).type==h5py.h5l.TYPE_HARD', 'hard = True', 'test_fuzz.py::test_a_link_to_another_file'),
    Mutant('values may lie in other files', 'facemodel/model.py', 'not data.is_virtual and data.id.get_create_plist().get_external_count()==0', 'True', 'test_fuzz.py::test_data_in_another_file test_fuzz.py::test_a_virtual_dataset'),
    Mutant('the text of a checkpoint may have any length', 'output/checkpoint.py', "m.filename=='json.npy' and m.file_size>limit('checkpoint_text')", 'False', 'test_fuzz.py::test_limits_of_a_checkpoint'),
    Mutant('a checkpoint may be packed in any way', 'output/checkpoint.py', 'm.compress_type not in (zipfile.ZIP_STORED,zipfile.ZIP_DEFLATED)', 'False', 'test_fuzz.py::test_limits_of_a_checkpoint'),
    Mutant('a checkpoint may have any number of members', 'output/checkpoint.py', "len(members)>limit('checkpoint_members')", 'False', 'test_fuzz.py::test_limits_of_a_checkpoint'),
    Mutant('a checkpoint may unpack to anything', 'output/checkpoint.py', 'sum(m.file_size for m in members)>most', 'False', 'test_fuzz.py::test_a_zip_bomb'),
    Mutant('an array may claim what it has not', 'output/checkpoint.py', 'math.prod(shape)*kind.itemsize>m.file_size', 'False', 'test_fuzz.py::test_limits_of_a_checkpoint'),
    Mutant('the list of members may have any length', 'output/checkpoint.py', "int.from_bytes(tail[at+12:at+16], 'little')>limit('archive_list')", 'False', 'test_fuzz.py::test_limits_of_a_checkpoint'),
    Mutant('the list of members may be of another kind', 'output/checkpoint.py', "tail[max(0, at-20):at][:4]==b'PK\\x06\\x07'", 'False', 'test_fuzz.py::test_limits_of_a_checkpoint'),
    Mutant('the list of files may be anything', 'files.py', "read_bytes(path, limit('report_bytes'), OutputError,", "(lambda path,*_: open(path, 'rb').read())(path, 0, OutputError,", 'test_files.py::test_a_report_that_is_none'),
    Mutant('a file of settings may have any length', 'reading.py', 'if len(data) > most: raise', 'if False: raise', 'test_cli.py::test_a_config_that_is_far_too_large'),
    # processes that hear nothing, and places that are somebody's
    Mutant('a library that computes is not ended', 'interrupts.py', '    while _count[0]==before<wanted:\n', '    while False:\n', 'test_batch.py::test_the_second_ctrl_c_ends_at_once_what_hears_nothing'),
    Mutant('what hears the second Ctrl-C is ended too', 'interrupts.py', '_count[0] += 1\n        if', 'pass\n        if', 'test_batch.py::test_the_second_ctrl_c_ends_at_once_what_hears_nothing'),
    Mutant('workers begin in the working directory', 'batch.py', 'os.chdir(os.path.dirname(os.__file__))', 'pass', 'test_batch.py::test_workers_take_no_module_from_the_working_directory'),
    Mutant('workers stay where they began', 'batch.py', 'if home: os.chdir(home)', 'pass', 'test_batch.py::test_workers_take_no_module_from_the_working_directory'),
    Mutant('a trial that has failed is remembered', 'rendering/variant.py', 'if passed: _keep(row)', '_keep(row)', 'test_llvm.py'),
    Mutant('trials of other versions count', 'rendering/variant.py', 'row = key+_versions()', 'row = key', 'test_llvm.py'),
    Mutant('trials of a library that has changed count', 'rendering/variant.py', 'key = file,found and found.st_size,found and found.st_mtime_ns', 'key = file,found and found.st_size,0', 'test_llvm.py'),
    Mutant('a closed folder is a damaged model', 'facemodel/model.py', '    except PermissionError as error:\n        advice', '    except ZeroDivisionError as error:\n        advice', 'test_wrong_use.py::test_files_that_may_not_be_read'),
    Mutant('USDZ is packed among temporary files', 'output/export.py', '    return working_folder(path)\n', '    return tempfile.TemporaryDirectory()\n', 'test_export.py::test_usdz_is_packed_on_the_disk_of_its_file'),
    # runs that go on
    Mutant('a resumed stage has forgotten the moments', 'optim/state.py', 'known.setdefault(int(i), {})[key] = value.clone()', 'known.setdefault(int(i), {})[key] = value*0', 'test_resume.py::test_resumed_after_every_step[settings0-1-5]'),
    Mutant('a resumed stage computes from the face of now', 'optim/state.py', 'for name in self.now: face.assign(name, self.before.get(name))', 'return', 'test_resume.py::test_resumed_after_every_step[settings0-1-5]'),
    # what is asked for and what is told; tests/promises.py ignores every option and setting, these are faults within the code
    Mutant('--resume is always on', 'results/runs.py', 'run.stages, run.resume, start', 'run.stages, True, start', PROMISES+'test_a_run_goes_on_only_where_that_is_said'),
    Mutant('--keepEvery does nothing', 'results/runs.py', 'every=run.keep_every', 'every=10.', PROMISES+'test_how_often_the_state_is_kept'),
    Mutant('--again does nothing', 'results/runs.py', 'workers, run.again, tell', 'workers, False, tell', PROMISES+'test_what_was_done_is_done_again_only_where_that_is_said'),
    Mutant('a known light is dropped with --checkpoint', 'results/runs.py', 'in_known_light(start_from(run, pipeline), config)', 'start_from(run, pipeline)', PROMISES+'test_a_checkpoint_is_gone_on_with_in_the_known_light_and_lens'),
    Mutant('an old checkpoint has no landmarks', 'results/runs.py', 'for frame in face.frames[:1]:', 'for frame in []:', PROMISES+'test_an_old_checkpoint_gets_the_landmarks_of_its_photo'),
    Mutant('the EXR is always written', 'output/export.py', 'i, config.save_exr)', 'i, True)', PROMISES+'test_what_is_written_is_what_the_settings_say'),
    Mutant('the focal length of the settings is not the first one', 'reconstruction.py', 'if config.focal_length: return', 'if False: return', PROMISES+'test_a_lens_is_what_the_settings_say'),
    Mutant('components are all used', 'pipeline.py', 'model.trimmed(self.config.components) if self.config.components else model', 'model', PROMISES+'test_the_model_and_how_much_of_it'),
    Mutant('the report has the head behind the camera', 'output/report.py', 'translation_mm=number(f.translation)', 'translation_mm=number(-f.translation)', WRITTEN+'test_what_the_report_says_of_each_photo'),
    Mutant('the report doubles the focal length', 'output/report.py', 'number(c.focal)[0]', '2*number(c.focal)[0]', WRITTEN+'test_what_the_report_says_of_each_photo'),
    Mutant('--neutral does nothing', 'output/formats.py', 'neutral=not shows_photo(self.pose, self.neutral)', 'neutral=False', PROMISES+'test_export_puts_meshes_into_the_space_that_is_asked_for'),
    Mutant('OBJ of the first photo only', 'output/export.py', 'for i in range(len(face.frames)): save_mesh', 'for i in range(1): save_mesh', WRITTEN+'test_an_export_writes_all_of_its_files_for_each_photo'),
    Mutant('the studio answers to any name', 'widgets/app.py', 'allow_remote_access=False', 'allow_remote_access=True', 'test_studio_command.py::test_it_asks_for_the_token_and_ends_with_nothing_left'),
    Mutant('the page of the studio asks a CDN', 'widgets/app.py', 'ours = without_links(theirs)', 'ours = theirs', 'test_studio_command.py::test_no_file_of_the_users_jupyter_has_a_say'),
    Mutant('windows of the studio share a folder', 'widgets/app.py', 'except FileExistsError: continue', 'except FileExistsError: pass', 'test_studio_command.py::test_each_window_works_in_a_folder_of_its_own'),
    Mutant('what waited for its turn waits again within it', 'widgets/beside.py', 'if self.turn or not self.left', 'if not self.left', 'test_widgets_turns.py::test_something_else_pressed_during_detection_is_no_end_of_reconstruct'),
    Mutant('an error of what waited is nowhere read', 'widgets/beside.py', 'except Exception as e: failed(e)\n        finally: done.set()', 'finally: done.set()', 'test_widgets_turns.py::test_an_error_of_what_had_to_wait_is_read'),
    Mutant('another face is copied within a step', 'widgets/dashboards.py', '    with self.worker.alone():\n        self.face = face\n        self.before = face.copy()', '    self.before = face.copy()\n    with self.worker.alone():\n        self.face = face', 'test_widgets_turns.py::test_another_face_is_copied_when_no_step_is_under_way'),
    Mutant('an interrupted fit goes on with other landmarks than are given', 'resume.py', '    if was==now: return', '    return', 'test_resume.py::test_begun_with_other_landmarks'),
    Mutant("a folder of photos changes the caller's variant of Mitsuba", 'results/folder.py', '@undisturbed\ndef reconstruct_folder', 'def reconstruct_folder', 'test_results_folder.py::test_the_callers_variant_of_mitsuba_stays'),
    Mutant('--fps does nothing', 'cli_replay.py', 'endings, r.fps, r.quiet)', 'endings, 24., r.quiet)', PROMISES+'test_a_film_is_as_large_long_and_fast_as_asked_for'),
    Mutant('--pitch does nothing', 'cli_replay.py', 'pitch=r.pitch', 'pitch=0.', PROMISES+'test_a_film_shows_the_path_the_photo_and_the_expressions_that_are_asked_for'),
    Mutant('--zoom does nothing', 'cli_replay.py', 'zoom=r.zoom', 'zoom=1.', PROMISES+'test_a_film_shows_the_path_the_photo_and_the_expressions_that_are_asked_for'),
    # plugs
    Mutant('formats from outside are not known', 'output/formats.py', 'return [name for name,f in FORMATS.items() if of_fit or not f.of_fit]', "return [name for name,f in FORMATS.items() if (of_fit or not f.of_fit) and f.write.__module__!='own']", 'test_own_format.py::test_save_writes_it_with_what_it_brings_and_the_report_lists_it'),
    Mutant('faces of one person are detected twice', 'cli.py', 'run, begun=begun, listener=listener', 'run, listener=listener', 'test_way.py::test_photos_of_one_person_are_looked_at_once_and_what_was_said_of_them_is_kept'),
    Mutant('measure keeps no results', 'evaluation/photos.py', 'Path(results)/path.name if results else None', 'None', PROMISES+'test_measure_writes_the_results_of_each_photo'),
    Mutant('bench --full does nothing', 'evaluation/speed.py', '(256, 512) if s.full else (256,)', '(256,)', PROMISES+'test_bench_measures_the_parts_and_sizes_that_its_flags_say'),
    Mutant('benchmark writes no sheet', 'evaluation/benchmark.py', 'if request.sheet and pictures:', 'if False:', PROMISES+'test_benchmark_takes_photos_and_writes_what_was_asked_for'),
    Mutant('eyes of version 1 scatter too', 'evaluation/truth.py', 'if settings.version==1: return maps', 'if settings.version==0: return maps', 'test_benchmark.py'),
    Mutant('perceptual decibels are linear', 'metrics.py', 'to_srgb(x) if perceptual else x', 'x', 'test_benchmark.py'),
    Mutant('a target of the benchmark asks for little', 'evaluation/benchmark.py', "'A.diffuse_db', mean, '>=', 32.", "'A.diffuse_db', mean, '>=', 2.", PROMISES+'test_the_targets_of_the_benchmark_are_those_that_were_agreed_on'),
    # several photos of one person
    Mutant('the prior of the shape counts once, however many photos', 'optim/losses.py', 'return sum(weights)/max(weights) if max(weights) else 1.', 'return 1.', SEVERAL+'the_prior_of_the_shape_counts_with_the_photos'),
    Mutant('one renderer for all photos', 'pipeline.py', 'own = *size,i%STANDING', 'own = *size,0', SEVERAL+'the_mesh_of_each_photo_stays_where_it_is'),
    Mutant('a table of directions for each transfer', 'rendering/transfer.py', '@lru_cache(2)\n', '', SEVERAL+'the_table_of_directions_is_made_once'),
    Mutant('as many pixels of each photo', 'optim/shading.py', 'count/len(face.frames)**FEWER', 'count', SEVERAL+'photos_share_the_pixels_of_the_geometry'),
    Mutant('enlarged photos count like others', 'optim/texture.py', 't.camera.focal/max(scale, 1.)/away', 't.camera.focal/away', SEVERAL+'pixels_on_a_square_millimetre'),
    Mutant('photos count alike', 'reconstruction.py', 'frame.weight = float(max(share, LEAST_SHARE))', 'pass', SEVERAL+'a_small_or_soft_photo_counts_less'),
    Mutant('the prior of the shape counts for a poor photo as for a good one', 'optim/losses.py', 'return sum(weights)/max(weights) if max(weights) else 1.', 'return float(len(frames))', SEVERAL+'the_prior_of_the_shape_counts_with_the_photos'),
    Mutant('poor photos make a good one count more', 'reconstruction.py', 'zip(frames, detail/detail.max())', 'zip(frames, detail/detail.mean())', SEVERAL+'poor_photos_beside_a_good_one_do_not_make_it_count_more'),
    Mutant('the finest is who counts nothing', 'optim/texture.py', '(fine*there).amax(0)', 'fine.amax(0)', SEVERAL+'a_photo_that_counts_next_to_nothing_in_a_place_is_not_the_finest_there'),
    Mutant('the finest is who was voted out', 'optim/texture.py', 'beside_finest(found[...,3:], seen*agreed)', 'beside_finest(found[...,3:], seen)', SEVERAL+'what_is_voted_out_is_not_the_finest'),
    Mutant('photos are compared as dark as they are', 'optim/texture.py', 'dark = DARK/prior.gain', 'dark = DARK', SEVERAL+'a_shadow_on_dark_skin_is_voted_out_as_on_light_skin'),
    Mutant('coarse photos vote on everything', 'optim/texture.py', 'share = _voted(apart, there&~coarse)', 'share = _voted(apart, there)', SEVERAL+'coarse_photos_do_not_vote_on_what_they_cannot_show'),
    Mutant('coarse photos have no say', 'optim/texture.py', 'torch.where(coarse.any(0, keepdim=True), torch.minimum(share, broad), share)', 'share', SEVERAL+'coarse_photos_do_not_vote_on_what_they_cannot_show'),
    Mutant('a half burnt-out pixel is discounted twice', 'optim/shading.py', 'inside*within(face.frames[i])', 'inside*usable(face.frames[i])', 'test_burnt_out.py::test_what_is_burnt_out_by_a_quarter_counts_half_and_not_a_quarter'),
    Mutant('a small model has a firmer prior', 'optim/losses.py', "together(problem.frames)/COEFFICIENTS['shape']", 'together(problem.frames)/len(problem.model.prior.shape)', 'test_one_energy.py::test_a_coefficient_costs_as_much_however_many_others_there_are'),
    Mutant('whoever disagrees counts as well', 'optim/texture.py', 'share = (1+(off/AGREE)**2)**-2', 'share = torch.ones_like(off)', SEVERAL+'what_one_photo_alone_shows_is_no_skin'),
]

# ---- machinery

def places(mutant:Mutant, folder:Path=ROOT/PACKAGE)->int:
    "How often the text occurs"
    path = folder/mutant.module
    return path.read_text(encoding='utf-8').count(mutant.old) if path.exists() else 0

def copy_library(folder:Path)->Path:
    "The package (big data by link), the tests, and what they read, in a folder of their own"
    shutil.copytree(ROOT/PACKAGE, folder/PACKAGE, ignore=shutil.ignore_patterns('__pycache__'))
    shutil.copytree(ROOT/'tests', folder/'tests', ignore=shutil.ignore_patterns('__pycache__', 'node_modules'))
    for name in ('data', 'nbs', 'tools', 'settings.ini', 'NOTICE'): (folder/name).symlink_to(ROOT/name)
    return folder

def run_tests(folder:Path, tests:list, workers:int=1)->tuple[int, str]:
    "Exit code of pytest on that copy of the library, and what it printed"
    environment = dict(os.environ, PYTHONPATH=str(folder), PYTHONDONTWRITEBYTECODE='1', OMP_NUM_THREADS='1')
    spread = ['-n', str(workers), '--dist', 'loadfile'] if workers>1 else []
    check = f'import {PACKAGE},sys; sys.exit(0 if {PACKAGE}.__file__.startswith({str(folder)!r}) else 77)'
    if subprocess.run([sys.executable, '-c', check], cwd=folder, env=environment).returncode:
        return 77,'another copy of the library would be tested'
    result = subprocess.run([sys.executable, '-m', 'pytest', '-x', '-q', '--no-header', '-p', 'no:cacheprovider', '-m',
        'not slow', *spread, *tests], cwd=folder, env=environment, capture_output=True, text=True)
    return result.returncode,result.stdout+result.stderr

RED = re.compile(r'^FAILED (?P<test>tests/[^:\s]+::[\w:]+(?:\[.*?\](?= - |$))?)', re.M)

def try_mutant(mutant:Mutant)->tuple[str, str, float]: # what happened, which test turned red, seconds
    "Put in one fault and run its tests: 'noticed by' which test, 'NOT NOTICED', or what went wrong with the trial"
    start = time.time()
    if places(mutant)!=1: return f'ERROR: the text occurs {places(mutant)} times in {mutant.module}','',0.
    with tempfile.TemporaryDirectory() as name:
        path = copy_library(Path(name).resolve())/PACKAGE/mutant.module
        path.write_text(path.read_text(encoding='utf-8').replace(mutant.old, mutant.new), encoding='utf-8')
        code,text = run_tests(Path(name).resolve(), [f'tests/{test}' for test in mutant.tests.split()])
    red = RED.search(text)
    test = red['test'] if red else ''
    by = test.partition('::')[2] or '?'
    verdict = {0: 'NOT NOTICED', 1: f'noticed by {by}'}.get(code, f'ERROR: pytest ended with {code}\n{text[-1500:]}')
    return verdict,test,time.time()-start

def green_without(tests:list)->bool:
    "Tests that turned red must be green without any fault: whole files need not be run for that"
    chosen = sorted({t for t in tests if t})
    if not chosen: return True
    with tempfile.TemporaryDirectory() as name: code,text = run_tests(copy_library(Path(name).resolve()), chosen, WORKERS)
    if code: print(f'Without any fault these tests are not all green: {chosen}\n{text[-3000:]}')
    return code==0

# ---- what was found before

def state_of(mutant:Mutant)->str: # 12 hexadecimal digits
    "What a verdict depends on: the fault, the module that it is put into, and the files of its tests"
    files = [ROOT/PACKAGE/mutant.module, *(ROOT/'tests'/test.split('::')[0] for test in mutant.tests.split())]
    texts = [mutant.old, mutant.new, mutant.tests, *(f.read_text(encoding='utf-8') for f in files if f.is_file())]
    return hashlib.sha256('\0'.join(texts).encode()).hexdigest()[:12]

def kept(path:Path|None)->dict: # name -> what was found; with a state
    "From the file, if there is one"
    return json.loads(path.read_text(encoding='utf-8'))['mutants'] if path and path.is_file() else {}

def keep(path:Path|None, found:dict):
    "What was found of today's faults, in their order"
    if path is None: return
    listed = {m.name:found[m.name] for m in MUTANTS if m.name in found}
    noticed = sum(state_of(m)==listed[m.name]['state'] and listed[m.name]['verdict'].startswith('noticed')
        for m in MUTANTS if m.name in listed)
    report = dict(date=time.strftime('%Y-%m-%d'), faults=len(MUTANTS), tried=len(listed), noticed=noticed, mutants=listed)
    path.write_text(json.dumps(report, indent=1, ensure_ascii=False)+'\n', encoding='utf-8')

def try_all(mutants:list, path:Path|None)->dict: # name -> what was found
    "Each is told and kept as soon as it is known"
    found = kept(path)
    def one(mutant):
        verdict,test,seconds = try_mutant(mutant)
        print(f'{seconds:5.0f} s  {mutant.name}: {verdict}', flush=True)
        found[mutant.name] = dict(verdict=verdict, test=test, state=state_of(mutant), date=time.strftime('%Y-%m-%d'))
    with ThreadPoolExecutor(WORKERS) as pool:
        for _ in pool.map(one, mutants): keep(path, found)
    return found

def make_parser():
    parser = argparse.ArgumentParser(description='Put small faults into a copy of the library and expect red tests.')
    parser.add_argument('words', nargs='*', help='only faults with one of these words in their name')
    parser.add_argument('--few', action='store_true', help='those of every run of CI')
    parser.add_argument('--json', type=Path, metavar='FILE',
        help='keep there what was found; faults noticed before are not tried again while module and tests are the same')
    return parser

def main():
    args = make_parser().parse_args()
    asked = [m for m in MUTANTS if (m.few or not args.few)
        and (not args.words or any(word in m.name for word in args.words))]
    known = kept(args.json)
    done = lambda m: known.get(m.name, {}).get('state')==state_of(m) and known[m.name]['verdict'].startswith('noticed')
    left = [m for m in asked if not done(m)]
    if not asked: return 1
    found = try_all(left, args.json)
    green = green_without([found[m.name]['test'] for m in left])
    noticed = sum(found[m.name]['verdict'].startswith('noticed') for m in asked)
    print(f'{noticed} of {len(asked)} faults were noticed{f", {len(asked)-len(left)} of them before" if len(left)<len(asked) else ""}.')
    return int(noticed<len(asked) or not green)

if __name__=='__main__': sys.exit(main())
