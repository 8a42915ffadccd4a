("What Blender finds in GLB files:  python blender_look.py ANSWER.json JOBS.json, run by a Python that has `bpy` (GPL; "
 "an environment of its own)")
import json, sys
import bpy
import numpy as np

def opened(path):
    "Only what this file holds"
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.import_scene.gltf(filepath=path)
    return bpy.context.scene

def numbers(values, name, width):
    "What Blender has in one of its lists, [N, width]"
    found = np.empty(width*len(values), np.float32)
    values.foreach_get(name, found)
    return found.reshape(-1, width)

def looked(path):
    "Objects, shape keys, size and pictures; of a head in parts those of the neutral scene together"
    opened(path)
    faces = [o for o in bpy.data.objects if o.type=='MESH']
    head = [o for o in faces if ' in photo' not in o.name] or faces[:1]
    boxes,moved,weights,unit = [],{},[],True
    for one in head:
        points = numbers(one.data.vertices, 'co', 3)
        # the object of an eye stands where the eye is
        boxes.append(points+(np.array(one.location) if one.parent else 0))
        keys = one.data.shape_keys.key_blocks[1:] if one.data.shape_keys else []
        for key in keys: moved[key.name] = max(moved.get(key.name, 0.), float(np.abs(numbers(key.data, 'co', 3)-points).max()))
        weights.append({key.name: key.value for key in keys})
        normals = numbers(one.data.corner_normals, 'vector', 3)
        unit = unit and bool(np.abs(np.linalg.norm(normals, axis=1)-1).max()<1e-3)
    points = np.concatenate(boxes)
    return dict(objects=[o.name for o in faces], vertices=len(points), triangles=sum(len(o.data.polygons) for o in head),
        low=points.min(0).tolist(), high=points.max(0).tolist(), moved=moved, weights=weights[0],
        alike=all(w==weights[0] for w in weights), unit=unit, materials=sorted(m.name for m in bpy.data.materials),
        pictures=sorted((i.name, list(i.size), i.colorspace_settings.name) for i in bpy.data.images if i.size[0]),
        uvs=sorted({u.name for o in head for u in o.data.uv_layers}),
        cameras=[o.name for o in bpy.data.objects if o.type=='CAMERA'], actions=[a.name for a in bpy.data.actions])

def lit(scene, picture, degrees):
    "A world of an environment map, turned about z: what docs/output.export says"
    world = bpy.data.worlds.new('light')
    world.use_nodes = True
    nodes, links = world.node_tree.nodes, world.node_tree.links
    image, turn, where = (nodes.new('ShaderNodeTexEnvironment'), nodes.new('ShaderNodeMapping'),
        nodes.new('ShaderNodeTexCoord'))
    image.image = bpy.data.images.load(picture)
    turn.inputs['Rotation'].default_value = 0, 0, np.radians(degrees)
    links.new(where.outputs['Generated'], turn.inputs['Vector'])
    links.new(turn.outputs['Vector'], image.inputs['Vector'])
    links.new(image.outputs['Color'], nodes['Background'].inputs['Color'])
    scene.world = world

def drawn(path, picture, degrees, size, samples, to):
    "The scene that the file shows first, from its camera, in the light of a map"
    scene = opened(path)
    lit(scene, picture, degrees)
    scene.camera = next(o for o in bpy.data.objects if o.type=='CAMERA' and o.name in bpy.context.view_layer.objects)
    scene.render.engine = 'CYCLES'
    scene.cycles.device, scene.cycles.samples, scene.cycles.use_denoising = 'CPU', samples, False
    scene.render.resolution_x = scene.render.resolution_y = size
    scene.render.film_transparent = True
    scene.view_settings.view_transform = 'Standard'
    scene.render.image_settings.file_format = 'PNG'
    scene.render.image_settings.color_mode = 'RGBA'
    scene.render.filepath = to
    bpy.ops.render.render(write_still=True)
    return dict(picture=to)

if __name__=='__main__':
    answers = []
    for job in json.load(open(sys.argv[2])):
        try: answers.append(drawn(**job['draw']) if 'draw' in job else looked(job['look']))
        except Exception as error: answers.append(dict(error=str(error)))
    json.dump(dict(version=bpy.app.version_string, answers=answers), open(sys.argv[1], 'w'))
