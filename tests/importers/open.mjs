// What other programs find in GLB files:  node open.mjs assimpjs|babylon|gltf-transform|three FILE ...
// Prints a list of JSON objects, one a file. Needs: npm ci in this folder (make importers). Exit code 3: not installed.
import fs from 'node:fs'

const unit = normals => {                                      // are all normals of length 1?
  for (let i = 0; i < normals.length; i += 3) if (Math.abs(Math.hypot(normals[i], normals[i+1], normals[i+2]) - 1) > 1e-3) return false
  return normals.length > 0
}
const largest = values => values.reduce((m, x) => Math.max(m, Math.abs(x)), 0)

const bounds = () => [0, 1, 2].map(() => [Infinity, -Infinity])
const grow = (box, x) => box.forEach((b, k) => { b[0] = Math.min(b[0], x[k]); b[1] = Math.max(b[1], x[k]) })
const sum = values => values.reduce((a, b) => a + b, 0)
const alike = lists => lists.every(l => JSON.stringify(l) === JSON.stringify(lists[0]))
const most = lists => (lists[0] ?? []).map((_, i) => Math.max(...lists.map(l => l[i])))  // of each target, over all parts

const readers = {
  async assimpjs() {
    const module = await (await import('assimpjs')).default()
    return (name, data) => {
      const list = new module.FileList(); list.AddFile(name, data)
      const done = module.ConvertFileList(list, 'assjson')
      if (!done.IsSuccess()) throw new Error(`assimpjs: ${done.GetErrorCode()}`)
      const scene = JSON.parse(new TextDecoder().decode(done.GetFile(0).GetContent())), meshes = scene.meshes, box = bounds(), places = [], none = [1,0,0,0, 0,1,0,0, 0,0,1,0, 0,0,0,1]   // within the head
      const product = (a, b) => Array.from({length: 16}, (_, i) => sum([0, 1, 2, 3].map(k => a[4*Math.floor(i/4)+k]*b[4*k+i%4])))
      const walk = (node, place) => { const here = node.name.startsWith('face') ? none : product(place, node.transformation); for (const m of node.meshes ?? []) places[m] ??= here; for (const c of node.children ?? []) walk(c, here) }
      walk(scene.rootnode, none)
      meshes.forEach((m, k) => { const t = places[k]; for (let i = 0; i < m.vertices.length; i += 3) grow(box, [0, 1, 2].map(r => t[4*r]*m.vertices[i] + t[4*r+1]*m.vertices[i+1] + t[4*r+2]*m.vertices[i+2] + t[4*r+3])) })
      const nodes = node => [node, ...(node.children ?? []).flatMap(nodes)], holding = nodes(scene.rootnode).filter(n => n.meshes?.length)
      const files = scene.materials.flatMap(m => m.properties).filter(p => p.key === '$tex.file').map(p => p.value)
      return {objects: holding.map(n => n.name), meshes: meshes.length, vertices: sum(meshes.map(m => m.vertices.length/3)), triangles: sum(meshes.map(m => m.faces.length)), unit: meshes.every(m => unit(m.normals)),
        uvs: sum(meshes.map(m => m.texturecoords[0].length/2)), positions: box, textures: new Set(files).size}
    }
  },
  async 'gltf-transform'() {
    const {NodeIO} = await import('@gltf-transform/core'), {ALL_EXTENSIONS} = await import('@gltf-transform/extensions'), {inspect, getBounds} = await import('@gltf-transform/functions')
    const io = new NodeIO().registerExtensions(ALL_EXTENSIONS)
    return async (name, data) => {
      const document = await io.readBinary(data), root = document.getRoot(), scene = root.getDefaultScene(), objects = []
      scene.traverse(node => { if (node.getMesh()) objects.push(node) })
      const head = objects.map(n => n.getMesh()), primitives = head.flatMap(m => m.listPrimitives()), again = await io.readBinary(await io.writeBinary(document))   // and what it writes can be read
      const targets = primitives.map(p => p.listTargets()), position = p => p.getAttribute('POSITION'), box = bounds()
      for (const node of objects) { // where the node of an eye is counts, where the head of a posed file is does not
        const [x, y, z] = node.getParentNode() ? node.getTranslation() : [0, 0, 0]
        for (const p of node.getMesh().listPrimitives()) for (const corner of [position(p).getMin([]), position(p).getMax([])]) grow(box, [corner[0]+x, corner[1]+y, corner[2]+z])
      }
      const weights = objects.map(n => n.getWeights().length ? n.getWeights() : n.getMesh().getWeights())
      return {objects: objects.map(n => n.getName()), meshes: root.listMeshes().length, primitives: primitives.length, vertices: sum(primitives.map(p => position(p).getCount())), triangles: sum(primitives.map(p => p.getIndices().getCount()/3)),
        unit: primitives.every(p => unit(p.getAttribute('NORMAL').getArray())), uvs: sum(primitives.map(p => p.getAttribute('TEXCOORD_0').getCount())), positions: box,
        names: head[0].getExtras().targetNames ?? [], targets: targets[0].length, weights: weights[0], alike: alike(weights) && alike(head.map(m => m.getExtras().targetNames ?? [])),
        normals: primitives.every((p, k) => targets[k].every(t => t.getAttribute('NORMAL')?.getComponentType() === 5126 && t.getAttribute('NORMAL').getCount() === position(p).getCount())),
        moves: most(targets.map(ts => ts.map(t => largest(t.getAttribute('POSITION').getArray())))), textures: root.listTextures().length, animations: root.listAnimations().map(a => a.getName()), cameras: root.listCameras().length,
        again: again.getRoot().listMeshes()[0].listPrimitives()[0].listTargets().length, inspected: inspect(document).meshes.properties.length}
    }
  },
  async babylon() {
    const {NullEngine, Scene, LoadAssetContainerAsync, Vector3} = await import('@babylonjs/core'); await import('@babylonjs/loaders/glTF/2.0/index.js')
    return async (name, data) => {
      const scene = new Scene(new NullEngine()), found = await LoadAssetContainerAsync(new Uint8Array(data), scene, {pluginExtension: '.glb', pluginOptions: {gltf: {skipMaterials: false}}})
      const holding = found.meshes.filter(m => m.getTotalVertices() > 0), box = bounds()
      const targets = holding.map(m => Array.from({length: m.morphTargetManager?.numTargets ?? 0}, (_, i) => m.morphTargetManager.getTarget(i))), place = m => m.getVerticesData('position')
      for (const m of holding) { // an eye's node stands where the eye is
        const {x, y, z} = /eye/.test(m.name) ? m.position : Vector3.Zero(), p = place(m)
        for (let i = 0; i < p.length; i += 3) grow(box, [p[i]+x, p[i+1]+y, p[i+2]+z])
      }
      return {objects: holding.map(m => m.name), vertices: sum(holding.map(m => m.getTotalVertices())), triangles: sum(holding.map(m => m.getTotalIndices()/3)), unit: holding.every(m => unit(m.getVerticesData('normal'))),
        uvs: sum(holding.map(m => m.getVerticesData('uv').length/2)), positions: box, names: targets[0].map(t => t.name), targets: targets[0].length, weights: targets[0].map(t => t.influence),
        alike: alike(targets.map(ts => ts.map(t => [t.name, t.influence]))), normals: holding.every((m, k) => targets[k].every(t => t.hasNormals && t.getNormals().length === place(m).length)),
        moves: most(holding.map((m, k) => targets[k].map(t => largest(t.getPositions().map((x, i) => x - place(m)[i]))))), textures: new Set(found.textures.map(t => t.getInternalTexture?.()?.label ?? t.name.replace(/ \(.*/, ''))).size,
        animations: found.animationGroups.map(a => a.name), cameras: found.cameras.length}
    }
  },
  async three() {
    globalThis.self = globalThis; globalThis.ProgressEvent ??= class {}; globalThis.createImageBitmap = async blob => ({width: 1, height: 1, close() {}, bytes: blob.size})   // pictures are looked at in tests/browser
    const {GLTFLoader} = await import('three/addons/loaders/GLTFLoader.js')
    return async (name, data) => {
      const gltf = await new GLTFLoader().parseAsync(data.buffer.slice(data.byteOffset, data.byteOffset + data.length), ''), objects = [], box = bounds()
      gltf.scene.traverse(o => { if (o.isMesh) objects.push(o) })
      const morphs = objects.map(o => o.geometry.morphAttributes.position ?? []), pictures = new Set(), attribute = (o, k) => o.geometry.attributes[k]
      for (const o of objects) {
        const p = attribute(o, 'position').array, {x, y, z} = /eye/.test(o.name) ? o.position : {x: 0, y: 0, z: 0}
        for (let i = 0; i < p.length; i += 3) grow(box, [p[i]+x, p[i+1]+y, p[i+2]+z])
        for (const k of ['map', 'roughnessMap', 'specularColorMap', 'specularIntensityMap']) if (o.material[k]) pictures.add(o.material[k].source.uuid)
      }
      return {objects: objects.map(o => o.name), vertices: sum(objects.map(o => attribute(o, 'position').count)), triangles: sum(objects.map(o => o.geometry.index.count/3)), unit: objects.every(o => unit(attribute(o, 'normal').array)),
        uvs: sum(objects.map(o => attribute(o, 'uv').count)), positions: box, names: Object.keys(objects[0].morphTargetDictionary ?? {}), targets: morphs[0].length, weights: [...(objects[0].morphTargetInfluences ?? [])],
        alike: alike(objects.map(o => [o.morphTargetDictionary, [...(o.morphTargetInfluences ?? [])]])), normals: objects.every((o, k) => !morphs[k].length || o.geometry.morphAttributes.normal.length === morphs[k].length),
        moves: most(morphs.map(list => list.map(a => largest(a.array)))), textures: pictures.size, animations: gltf.animations.map(a => a.name), cameras: gltf.cameras.length}
    }
  }
}

const [program, ...paths] = process.argv.slice(2)
let read
try { read = await readers[program]() }
catch (error) { if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error; console.error(`${program} is not installed: make importers`); process.exit(3) }
const found = []
for (const path of paths) {
  try { found.push(await read(path.split('/').pop(), new Uint8Array(fs.readFileSync(path)))) }
  catch (error) { found.push({error: String(error)}) }
}
process.stdout.write('\n' + JSON.stringify(found) + '\n', () => process.exit(0))
