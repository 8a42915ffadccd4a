// What other programs find in GLB files:  node open.mjs assimpjs|babylon|gltf-transform|three FILE ...
// Prints a list of JSON objects, one a file. Needs: npm ci in this folder (make importers). Exit code 3: not installed.
import fs from 'node:fs'

const unit = normals => {                                      // are all normals of length 1?
  for (let i = 0; i < normals.length; i += 3) if (Math.abs(Math.hypot(normals[i], normals[i+1], normals[i+2]) - 1) > 1e-3) return false
  return normals.length > 0
}
const largest = values => values.reduce((m, x) => Math.max(m, Math.abs(x)), 0)

const readers = {
  async assimpjs() {
    const module = await (await import('assimpjs')).default()
    return (name, data) => {
      const list = new module.FileList(); list.AddFile(name, data)
      const done = module.ConvertFileList(list, 'assjson')
      if (!done.IsSuccess()) throw new Error(`assimpjs: ${done.GetErrorCode()}`)
      const scene = JSON.parse(new TextDecoder().decode(done.GetFile(0).GetContent())), mesh = scene.meshes[0]
      const nodes = node => [node, ...(node.children ?? []).flatMap(nodes)], holding = nodes(scene.rootnode).filter(n => n.meshes?.length)
      const files = scene.materials.flatMap(m => m.properties).filter(p => p.key === '$tex.file').map(p => p.value)
      return {objects: holding.map(n => n.name), meshes: scene.meshes.length, vertices: mesh.vertices.length/3, triangles: mesh.faces.length, unit: unit(mesh.normals), uvs: mesh.texturecoords[0].length/2,
        positions: [0, 1, 2].map(k => [Math.min(...mesh.vertices.filter((_, i) => i%3 === k)), Math.max(...mesh.vertices.filter((_, i) => i%3 === k))]), textures: new Set(files).size}
    }
  },
  async 'gltf-transform'() {
    const {NodeIO} = await import('@gltf-transform/core'), {ALL_EXTENSIONS} = await import('@gltf-transform/extensions'), {inspect} = await import('@gltf-transform/functions')
    const io = new NodeIO().registerExtensions(ALL_EXTENSIONS)
    return async (name, data) => {
      const document = await io.readBinary(data), root = document.getRoot(), scene = root.getDefaultScene(), objects = []
      scene.traverse(node => { if (node.getMesh()) objects.push(node) })
      const mesh = objects[0].getMesh(), primitive = mesh.listPrimitives()[0], targets = primitive.listTargets(), position = primitive.getAttribute('POSITION')
      const again = await io.readBinary(await io.writeBinary(document))                   // and what it writes can be read
      return {objects: objects.map(n => n.getName()), meshes: root.listMeshes().length, primitives: mesh.listPrimitives().length, vertices: position.getCount(), triangles: primitive.getIndices().getCount()/3,
        unit: unit(primitive.getAttribute('NORMAL').getArray()), uvs: primitive.getAttribute('TEXCOORD_0').getCount(), positions: [0, 1, 2].map(k => [position.getMin([])[k], position.getMax([])[k]]),
        names: mesh.getExtras().targetNames ?? [], targets: targets.length, weights: objects[0].getWeights().length ? objects[0].getWeights() : mesh.getWeights(),
        normals: targets.every(t => t.getAttribute('NORMAL')?.getComponentType() === 5126 && t.getAttribute('NORMAL').getCount() === position.getCount()),
        moves: targets.map(t => largest(t.getAttribute('POSITION').getArray())), textures: root.listTextures().length, animations: root.listAnimations().map(a => a.getName()), cameras: root.listCameras().length,
        again: again.getRoot().listMeshes()[0].listPrimitives()[0].listTargets().length, inspected: inspect(document).meshes.properties.length}
    }
  },
  async babylon() {
    const {NullEngine, Scene, LoadAssetContainerAsync} = await import('@babylonjs/core'); await import('@babylonjs/loaders/glTF/2.0/index.js')
    return async (name, data) => {
      const scene = new Scene(new NullEngine()), found = await LoadAssetContainerAsync(new Uint8Array(data), scene, {pluginExtension: '.glb', pluginOptions: {gltf: {skipMaterials: false}}})
      const holding = found.meshes.filter(m => m.getTotalVertices() > 0), mesh = holding[0], manager = mesh.morphTargetManager, size = manager?.numTargets ?? 0
      const targets = Array.from({length: size}, (_, i) => manager.getTarget(i)), position = mesh.getVerticesData('position')
      return {objects: holding.map(m => m.name), vertices: mesh.getTotalVertices(), triangles: mesh.getTotalIndices()/3, unit: unit(mesh.getVerticesData('normal')), uvs: mesh.getVerticesData('uv').length/2,
        positions: [0, 1, 2].map(k => [Math.min(...position.filter((_, i) => i%3 === k)), Math.max(...position.filter((_, i) => i%3 === k))]),
        names: targets.map(t => t.name), targets: size, weights: targets.map(t => t.influence), normals: targets.every(t => t.hasNormals && t.getNormals().length === position.length),
        moves: targets.map(t => largest(t.getPositions().map((x, i) => x - position[i]))), textures: new Set(found.textures.map(t => t.name)).size, animations: found.animationGroups.map(a => a.name), cameras: found.cameras.length}
    }
  },
  async three() {
    globalThis.self = globalThis; globalThis.ProgressEvent ??= class {}; globalThis.createImageBitmap = async blob => ({width: 1, height: 1, close() {}, bytes: blob.size})   // pictures are looked at in tests/browser
    const {GLTFLoader} = await import('three/addons/loaders/GLTFLoader.js')
    return async (name, data) => {
      const gltf = await new GLTFLoader().parseAsync(data.buffer.slice(data.byteOffset, data.byteOffset + data.length), ''), objects = []
      gltf.scene.traverse(o => { if (o.isMesh) objects.push(o) })
      const mesh = objects[0], geometry = mesh.geometry, morph = geometry.morphAttributes, size = morph.position?.length ?? 0
      geometry.computeBoundingBox(); let box = geometry.boundingBox; const position = geometry.attributes.position.array
      const bounds = [0, 1, 2].map(k => [Infinity, -Infinity]); position.forEach((x, i) => { const b = bounds[i%3]; b[0] = Math.min(b[0], x); b[1] = Math.max(b[1], x) })
      return {objects: objects.map(o => o.name), vertices: geometry.attributes.position.count, triangles: geometry.index.count/3, unit: unit(geometry.attributes.normal.array), uvs: geometry.attributes.uv.count, positions: bounds,
        names: Object.keys(mesh.morphTargetDictionary ?? {}), targets: size, weights: [...(mesh.morphTargetInfluences ?? [])], normals: !size || morph.normal.length === size,
        moves: (morph.position ?? []).map(a => largest(a.array)), textures: ['map', 'roughnessMap', 'specularColorMap', 'specularIntensityMap'].filter(k => mesh.material[k]).length,
        animations: gltf.animations.map(a => a.name), cameras: gltf.cameras.length}
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
