// The 3D view of nextgenface_nb.output.viewer: one ES module for anywidget, with three.js in it.
// World = viewer frame: x right, y up, z toward the viewer, millimetres; the photo's camera at the origin looks along -z, as three.js has it.
import {
  BufferAttribute, BufferGeometry, DataTexture, DataUtils, DoubleSide, EquirectangularReflectionMapping, Group, HalfFloatType, LinearFilter, Matrix4, Mesh,
  MeshBasicMaterial, MeshPhysicalMaterial, PerspectiveCamera, PMREMGenerator, RepeatWrapping, RGBAFormat, Scene, Spherical, SRGBColorSpace, Texture, Vector3, WebGLRenderer,
} from 'three'
import { OrbitControls } from 'three/addons/controls/OrbitControls.js'

const MODES = { skin: 'Skin', clay: 'Clay', wireframe: 'Wireframe', texture: 'Diffuse map', specular: 'Specular map', roughness: 'Roughness map' }
const STYLE = `
.ngf-view{display:flex;flex-wrap:wrap;gap:8px;font:13px var(--jp-ui-font-family,sans-serif);color:var(--jp-ui-font-color1,#222);max-width:100%}
.ngf-view .ngf-stage{flex:none;max-width:100%}.ngf-view canvas,.ngf-view img{display:block;max-width:100%;border-radius:4px}
.ngf-view canvas:focus-visible{outline:2px solid #1976d2}.ngf-view .ngf-bar{display:flex;flex-wrap:wrap;gap:4px;margin-top:4px}
.ngf-view button{font:inherit;color:inherit;padding:2px 8px;border:1px solid #8888;border-radius:4px;background:transparent;cursor:pointer}
.ngf-view button[aria-pressed=true]{background:#1565c0;color:#fff;border-color:#1565c0}
.ngf-view label{display:grid;grid-template-columns:11em 9em 3em;align-items:center;gap:6px;line-height:20px}
.ngf-view .ngf-sliders{flex:1 1 270px;min-width:250px;overflow-y:auto}.ngf-view input{margin:0;width:100%}
.ngf-view .ngf-parts{max-width:100%;width:min-content;min-width:100%;column-gap:12px}.ngf-view .ngf-parts label{display:inline-flex;gap:4px}.ngf-view .ngf-parts input{width:auto}
.ngf-view p{margin:4px 0}`

const copy = view => view && view.byteLength ? view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) : new ArrayBuffer(0)
const element = (tag, attributes = {}, ...children) => {
  const e = document.createElement(tag)
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v)
  e.append(...children)
  return e
}
const readable = name => name.replace(/([A-Z])/g, ' $1').toLowerCase()

function still(model, box, reason) {
  const data = copy(model.get('picture'))
  const words = `${reason} ${data.byteLength ? 'A still picture is shown instead.' : ''}`
  box.append(element('p', { role: 'note' }, words))
  if (data.byteLength) box.append(element('img', { src: URL.createObjectURL(new Blob([data], { type: 'image/png' })), alt: model.get('description'), class: 'ngf-still' }))
}

function picture(bytes, colour) { // a PNG -> texture; resolves when decoded
  return new Promise((resolve, reject) => {
    if (!bytes.byteLength) return resolve(null)
    const image = new Image()
    image.onload = () => {
      URL.revokeObjectURL(image.src)
      const t = new Texture(image)
      if (colour) t.colorSpace = SRGBColorSpace
      t.anisotropy = 4; t.needsUpdate = true
      resolve(t)
    }
    image.onerror = () => reject(new Error('a map could not be decoded'))
    image.src = URL.createObjectURL(new Blob([bytes], { type: 'image/png' }))
  })
}

class FaceView {
  constructor(model, canvas, renderer) {
    Object.assign(this, { model, canvas, renderer })
    this.scene = new Scene(); this.camera = new PerspectiveCamera(30, 1, 1, 20000)
    this.pmrem = new PMREMGenerator(renderer)
    this.face = new Group(); this.face.matrixAutoUpdate = false; this.scene.add(this.face)
    this.geometry = new BufferGeometry()
    this.materials = {
      skin: new MeshPhysicalMaterial({ metalness: 0, roughness: 1, side: DoubleSide }), clay: new MeshPhysicalMaterial({ color: '#bdbdbd', roughness: 1, specularIntensity: 0, side: DoubleSide }),
      wireframe: new MeshBasicMaterial({ color: '#30435a', wireframe: true }), texture: new MeshBasicMaterial({ side: DoubleSide }),
      specular: new MeshBasicMaterial({ side: DoubleSide }), roughness: new MeshBasicMaterial({ side: DoubleSide }),
    }
    this.mesh = new Mesh(this.geometry, this.materials.skin)
    this.behind = new Mesh(this.geometry, new MeshBasicMaterial({ color: '#ffffff', polygonOffset: true, polygonOffsetFactor: 1, polygonOffsetUnits: 1 })) // hides the far lines
    this.face.add(this.behind, this.mesh); this.face.traverse(o => { o.frustumCulled = false })
    this.controls = new OrbitControls(this.camera, canvas)
    this.controls.addEventListener('change', () => this.draw())
    this.handlers = []
  }
  on(names, action) { for (const n of names.split(' ')) { const f = () => action(); this.model.on(`change:${n}`, f); this.handlers.push([`change:${n}`, f]) } }
  get(name) { return this.model.get(name) }

  async start() {
    this.topology(); this.place(); this.light(); this.resize()
    await this.maps(); this.mode(); this.home()
    this.on('triangles uvs morph_names correctives morph_indices morph_deltas', () => { this.topology(); this.place(); this.draw() })
    this.on('vertices weights fixed pose', () => { this.place(); this.draw() })
    this.on('diffuse specular roughness', () => this.maps().then(() => this.mode()))
    this.on('environment environment_shape light_angle', () => { this.light(); this.draw() })
    this.on('mode', () => this.mode())
    this.on('parts hidden', () => { this.shown(); this.place(); this.draw() })
    this.on('centred', () => this.home())
    this.on('width height', () => { this.resize(); this.draw() })
  }
  topology() {
    this.twins = null
    this.shown()
    this.geometry.setAttribute('uv', new BufferAttribute(new Float32Array(copy(this.get('uvs'))), 2))
    const indices = new Uint32Array(copy(this.get('morph_indices'))), deltas = new Int16Array(copy(this.get('morph_deltas')))
    let start = 0
    const expressions = this.get('morph_names').map(name => ({ name })), pairs = this.get('correctives').map(([first, second, beyond]) => ({ first, second, beyond }))
    this.morphs = [...expressions, ...pairs].map((what, k) => {
      const end = start + this.get('morph_counts')[k]
      const morph = { ...what, scale: this.get('morph_scales')[k], indices: indices.subarray(start, end), deltas: deltas.subarray(3 * start, 3 * end) }
      start = end
      return morph
    })
  }
  shown() { // the triangles of all parts but the hidden ones
    const all = new Uint32Array(copy(this.get('triangles'))), hidden = this.get('hidden')
    const kept = this.get('parts').filter(([name]) => !hidden.includes(name)).map(([, first, last]) => all.subarray(3 * first, 3 * last))
    const some = new Uint32Array(kept.reduce((n, part) => n + part.length, 0))
    kept.reduce((n, part) => { some.set(part, n); return n + part.length }, 0)
    this.geometry.setIndex(new BufferAttribute(hidden.length ? some : all, 1))
  }
  weld(places) { // where the texture is torn, a vertex is there twice: on both sides of the seam the normal is that of the whole surface
    const normal = this.geometry.attributes.normal.array
    if (!this.twins) {
      const first = new Map(); this.twins = []
      for (let i = 0; i < places.length; i += 3) {
        const key = [0, 1, 2].map(c => Math.round(1000 * places[i + c])).join(' ')
        if (first.has(key)) this.twins.push([first.get(key), i]); else first.set(key, i)
      }
    }
    for (const [a, b] of this.twins) {
      const sum = [0, 1, 2].map(c => normal[a + c] + normal[b + c]), length = Math.hypot(...sum) || 1
      for (let c = 0; c < 3; c++) normal[a + c] = normal[b + c] = sum[c] / length
    }
  }
  share({ name, first, second, beyond }) { // the weight of a morph; of a corrective shape, beside what is in the vertices already
    const weights = this.get('weights'), fixed = this.get('fixed'), moves = new Set(this.get('morph_names'))
    if (name) return weights[name] || 0
    const now = n => Math.min(1, Math.max(0, (moves.has(n) ? weights[n] : fixed[n]) || 0)), rest = n => moves.has(n) ? 0 : now(n)
    const share = of => { const both = Math.min(of(first), of(second)); return beyond ? of(first) - both : both }
    return share(now) - share(rest)
  }
  place() { // vertices = neutral face + weights x morphs, then the pose
    const neutral = new Float32Array(copy(this.get('vertices')))
    for (const morph of this.morphs) {
      const { scale, indices, deltas } = morph, w = this.share(morph) * scale
      if (w) for (let i = 0; i < indices.length; i++) for (let c = 0; c < 3; c++) neutral[3 * indices[i] + c] += w * deltas[3 * i + c]
    }
    const old = this.geometry.attributes.position
    if (old && old.array.length === neutral.length) { old.array.set(neutral); old.needsUpdate = true } else this.geometry.setAttribute('position', new BufferAttribute(neutral, 3))
    this.geometry.computeVertexNormals(); this.weld(neutral)
    this.face.matrix.copy(new Matrix4().fromArray(this.get('pose'))); this.face.matrixWorldNeedsUpdate = true
  }
  light() { // [H, 2H, 3] radiance; row 0 up, centre column toward the viewer -> three.js: row 0 down, a quarter turn on
    const [height, width] = this.get('environment_shape'), sent = this.get('environment'), data = new Float32Array(copy(sent))
    if (data.length !== 3 * height * width || !data.length) return
    if (sent !== this.radiance) {
      this.radiance = sent
      const half = new Uint16Array(height * width * 4), one = DataUtils.toHalfFloat(1)
      for (let row = 0; row < height; row++) for (let column = 0; column < width; column++) {
        const to = 4 * ((height - 1 - row) * width + (column + width / 4) % width), from = 3 * (row * width + column)
        for (let c = 0; c < 3; c++) half[to + c] = DataUtils.toHalfFloat(Math.min(data[from + c], 65000))
        half[to + 3] = one
      }
      const map = new DataTexture(half, width, height, RGBAFormat, HalfFloatType, EquirectangularReflectionMapping)
      map.minFilter = map.magFilter = LinearFilter; map.wrapS = RepeatWrapping; map.needsUpdate = true
      const old = this.target
      this.target = this.pmrem.fromEquirectangular(map); this.scene.environment = this.target.texture
      map.dispose(); if (old) old.dispose()
    }
    this.scene.environmentRotation.set(0, this.get('light_angle') * Math.PI / 180, 0)
  }
  async maps() {
    const [diffuse, specular, roughness] = await Promise.all([picture(copy(this.get('diffuse')), true), picture(copy(this.get('specular')), true), picture(copy(this.get('roughness')), false)])
    const m = this.materials, root = Math.sqrt(this.get('specular_scale'))
    for (const t of [m.skin.map, m.skin.specularColorMap, m.skin.roughnessMap]) if (t) t.dispose()
    Object.assign(m.skin, { map: diffuse, specularColorMap: specular, roughnessMap: roughness, ior: (1 + root) / (1 - root) }) // ((ior-1)/(ior+1))^2 = scale
    m.texture.map = diffuse; m.specular.map = specular
    if (roughness) { m.roughness.map = roughness.clone(); m.roughness.map.colorSpace = SRGBColorSpace } // shown as the numbers that it holds
    for (const x of Object.values(m)) x.needsUpdate = true
  }
  mode() { const name = this.get('mode'); this.mesh.material = this.materials[name] || this.materials.skin; this.behind.visible = name === 'wireframe'; this.draw() }
  resize() {
    const width = this.get('width'), height = this.get('height')
    this.renderer.setPixelRatio(Math.min(2, window.devicePixelRatio || 1)); this.renderer.setSize(width, height)
    this.canvas.style.height = 'auto'; this.camera.aspect = width / height; this.camera.updateProjectionMatrix()
  }
  home() { // as the photo's camera sees it, turned so that the face is in the middle
    this.geometry.computeBoundingSphere()
    const ball = this.geometry.boundingSphere.clone().applyMatrix4(this.face.matrix)
    this.camera.position.set(0, 0, 0); this.camera.up.set(0, 1, 0); this.controls.target.copy(ball.center)
    this.camera.fov = 2.1 * Math.asin(Math.min(.9, ball.radius / ball.center.length())) * 180 / Math.PI
    this.camera.updateProjectionMatrix(); this.controls.minDistance = ball.radius * .6; this.controls.maxDistance = ball.center.length() * 5
    this.controls.update(); this.draw()
  }
  turn(right, up, nearer = 1) { // by the keyboard; degrees
    const offset = new Vector3().subVectors(this.camera.position, this.controls.target), s = new Spherical().setFromVector3(offset)
    s.theta += right * Math.PI / 180; s.phi -= up * Math.PI / 180; s.radius *= nearer; s.makeSafe()
    this.camera.position.copy(this.controls.target).add(offset.setFromSpherical(s)); this.controls.update(); this.draw()
  }
  draw() { this.renderer.render(this.scene, this.camera); this.canvas.dataset.draws = Number(this.canvas.dataset.draws || 0) + 1 }
  dispose() {
    for (const [n, f] of this.handlers) this.model.off(n, f)
    this.controls.dispose(); this.geometry.dispose(); this.pmrem.dispose(); if (this.target) this.target.dispose()
    for (const m of Object.values(this.materials)) { for (const t of [m.map, m.specularColorMap, m.roughnessMap]) if (t) t.dispose(); m.dispose() }
    this.renderer.dispose()
  }
}

function say(model, name, value) { model.set(name, value); try { model.save_changes() } catch (_) { /* a page without a kernel */ } }

function slider(box, text, low, high, value, action) {
  const shown = element('output', {}, Number(value).toFixed(2))
  const input = element('input', { type: 'range', min: low, max: high, step: (high - low) / 100, 'aria-label': text })
  input.value = value
  input.addEventListener('input', () => { shown.textContent = Number(input.value).toFixed(2); action(Number(input.value)) })
  box.append(element('label', {}, element('span', {}, text), input, shown))
  return v => { input.value = v; shown.textContent = Number(v).toFixed(2) }
}

function panel(model, box, view) {
  const buttons = Object.entries(MODES).map(([name, text]) => {
    const b = element('button', { type: 'button', 'aria-pressed': model.get('mode') === name }, text)
    b.addEventListener('click', () => say(model, 'mode', name))
    return [name, b]
  })
  view.on('mode', () => buttons.forEach(([name, b]) => b.setAttribute('aria-pressed', model.get('mode') === name)))
  const back = element('button', { type: 'button' }, 'Reset view')
  back.addEventListener('click', () => view.home())
  box.querySelector('.ngf-stage').append(element('div', { class: 'ngf-bar', role: 'group', 'aria-label': 'How the face is shown' }, ...buttons.map(b => b[1]), back))
  parts(model, box.querySelector('.ngf-stage'), view)
  const sliders = element('div', { class: 'ngf-sliders', role: 'group', 'aria-label': 'Light and expression' })
  sliders.style.maxHeight = `${model.get('height') + 40}px`
  box.append(sliders)
  const light = slider(sliders, 'light, degrees', -180, 180, model.get('light_angle'), v => say(model, 'light_angle', v))
  view.on('light_angle', () => light(model.get('light_angle')))
  const known = model.get('morph_names').map((name, k) => {
    const [low, high] = model.get('morph_limits')[k]
    return [name, slider(sliders, readable(name), low, high, model.get('weights')[name] || 0, v => say(model, 'weights', { ...model.get('weights'), [name]: v }))]
  })
  view.on('weights', () => known.forEach(([name, set]) => set(model.get('weights')[name] || 0)))
}

function parts(model, stage, view) { // a check box for each part: is it shown?
  const group = element('div', { class: 'ngf-bar ngf-parts', role: 'group', 'aria-label': 'Parts of the head' })
  const boxes = model.get('parts').map(([name]) => {
    const input = element('input', { type: 'checkbox' })
    input.addEventListener('change', () => say(model, 'hidden', input.checked ? model.get('hidden').filter(n => n !== name) : [...model.get('hidden'), name]))
    group.append(element('label', {}, input, name))
    return [name, input]
  })
  const follow = () => boxes.forEach(([name, input]) => { input.checked = !model.get('hidden').includes(name) })
  follow(); view.on('hidden', follow)
  if (boxes.length) stage.append(group)
}

async function render({ model, el }) {
  const stage = element('div', { class: 'ngf-stage' }), box = element('div', { class: 'ngf-view', 'data-lm-suppress-shortcuts': 'true' }, element('style', {}, STYLE), stage)
  el.append(box)
  const canvas = element('canvas', { tabindex: 0, role: 'img', 'aria-label': `${model.get('description')}. Arrow keys turn, plus and minus zoom.` })
  let renderer
  try { renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true, preserveDrawingBuffer: true }) } catch (_) { return still(model, stage, 'This browser has no WebGL.') }
  stage.append(canvas)
  const view = new FaceView(model, canvas, renderer)
  const keys = { ArrowLeft: [-8, 0], ArrowRight: [8, 0], ArrowUp: [0, 8], ArrowDown: [0, -8], '+': [0, 0, .9], '-': [0, 0, 1 / .9] }
  canvas.addEventListener('keydown', e => { if (keys[e.key]) { view.turn(...keys[e.key]); e.preventDefault(); e.stopPropagation() } })
  if (model.get('controls')) panel(model, box, view)
  try { await view.start() } catch (e) { still(model, stage, `The face cannot be drawn: ${e.message}.`) }
  return () => view.dispose()
}
export default { render }
