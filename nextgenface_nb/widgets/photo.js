// A photo with a square that is dragged and boxes that are clicked: nextgenface_nb.widgets.photo.PhotoFrame (Apache-2.0). Plain canvas, nothing to bundle.

function render({ model, el }) {
  const canvas = element('canvas', { tabindex: 0, role: 'application', class: 'ngf-photo', style: 'max-width:100%;touch-action:none;border-radius:4px;display:none',
    'aria-label': 'The photo. Arrow keys move the part that is looked at, plus and minus change its size; N chooses the next face.' })
  const words = element('p', { role: 'status', style: 'margin:2px 0;font:13px var(--jp-ui-font-family,sans-serif)' })
  el.append(element('div', { 'data-lm-suppress-shortcuts': 'true' }, canvas, words))
  const pen = canvas.getContext('2d'), image = new Image()
  let held = null
  const extent = () => model.get('extent'), longer = () => Math.max(...extent()), scale = () => model.get('size') / longer()
  const square = () => { const [l, t, s] = model.get('crop'), [w, h] = extent(); return [l * w, t * h, s * longer()] }
  const whole = () => { const [l, t, s] = model.get('crop'); return l === 0 && t === 0 && s === 1 }

  function outline(x, y, w, h, colour, width) { pen.strokeStyle = '#000a'; pen.lineWidth = width + 2; pen.strokeRect(x, y, w, h); pen.strokeStyle = colour; pen.lineWidth = width; pen.strokeRect(x, y, w, h) }
  function draw() {
    if (!image.naturalWidth) return
    const s = scale(), [w, h] = extent()
    canvas.style.display = 'block'; canvas.width = Math.round(w * s); canvas.height = Math.round(h * s)
    pen.drawImage(image, 0, 0, canvas.width, canvas.height)
    const [x, y, side] = square().map(v => v * s)
    if (!whole()) {
      pen.fillStyle = '#0007'; pen.beginPath(); pen.rect(0, 0, canvas.width, canvas.height); pen.rect(x, y, side, side); pen.fill('evenodd')
      outline(x, y, side, side, '#fff', 1.5)
    }
    pen.fillStyle = '#fff'; const [cx, cy] = corner(); pen.strokeStyle = '#000'; pen.lineWidth = 1; pen.fillRect(cx - 6, cy - 6, 12, 12); pen.strokeRect(cx - 6, cy - 6, 12, 12)
    model.get('boxes').forEach(([l, t, r, b], k) => outline(l * s, t * s, (r - l) * s, (b - t) * s, k === model.get('chosen') ? '#ff9800' : '#00e05a', 2))
    const n = model.get('boxes').length
    words.textContent = n > 1 ? `${n} faces: click the one to fit; number ${model.get('chosen') + 1} by size is chosen.` : whole() ? 'Drag the white corner to look at a part only.' : 'Only this part is looked at: drag it, or its corner.'
    canvas.dataset.draws = Number(canvas.dataset.draws || 0) + 1
  }
  function corner() { const s = scale(), [x, y, side] = square(), [w, h] = extent(); return [clamp(x + side, 0, w) * s, clamp(y + side, 0, h) * s].map((v, k) => Math.min(v, [canvas.width, canvas.height][k] - 7)) }
  function place(e) { const box = canvas.getBoundingClientRect(), f = canvas.width / box.width; return [(e.clientX - box.left) * f, (e.clientY - box.top) * f] }
  function put(x, y, side, keep) { // pixels of the photo
    const [w, h] = extent()
    side = clamp(side, .1 * longer(), longer()); x = clamp(x, 0, Math.max(0, w - .1 * longer())); y = clamp(y, 0, Math.max(0, h - .1 * longer()))
    const next = side >= .995 * longer() ? [0, 0, 1] : [x / w, y / h, side / longer()]
    model.set('crop', next); if (keep) say(model, { crop: next }); draw()
  }
  function boxAt([px, py]) { const s = scale(); return model.get('boxes').findIndex(([l, t, r, b]) => px >= l * s && px <= r * s && py >= t * s && py <= b * s) }

  canvas.addEventListener('pointerdown', e => {
    const p = place(e), [cx, cy] = corner(), s = scale(), [x, y, side] = square(), box = boxAt(p)
    if (Math.hypot(p[0] - cx, p[1] - cy) < 14) held = { kind: 'size' }
    else if (model.get('boxes').length > 1 && box >= 0) { say(model, { chosen: box }); draw() }
    else if (!whole() && p[0] > x * s && p[0] < (x + side) * s && p[1] > y * s && p[1] < (y + side) * s) held = { kind: 'move', dx: p[0] / s - x, dy: p[1] / s - y }
    if (held) canvas.setPointerCapture(e.pointerId)
  })
  canvas.addEventListener('pointermove', e => {
    if (!held) return
    const s = scale(), p = place(e).map(v => v / s), [x, y, side] = square()
    if (held.kind === 'move') put(p[0] - held.dx, p[1] - held.dy, side)
    else put(x, y, Math.max(p[0] - x, p[1] - y))
  })
  canvas.addEventListener('pointerup', () => { if (held) say(model, { crop: [...model.get('crop')] }); held = null })
  canvas.addEventListener('pointercancel', () => { held = null })
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }
  canvas.addEventListener('keydown', e => {
    const [x, y, side] = square(), step = .02 * longer(), n = model.get('boxes').length
    if (steps[e.key]) put(x + step * steps[e.key][0], y + step * steps[e.key][1], side, true)
    else if (e.key === '+' || e.key === '-') put(x, y, side + (e.key === '+' ? step : -step), true)
    else if (e.key.toLowerCase() === 'n' && n) { say(model, { chosen: (model.get('chosen') + 1) % n }); draw() }
    else return
    e.preventDefault(); e.stopPropagation()
  })
  function load() {
    const data = model.get('picture')
    if (!data || !data.byteLength) return
    image.onload = () => { URL.revokeObjectURL(image.src); draw() }
    image.src = URL.createObjectURL(new Blob([data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)], { type: 'image/jpeg' }))
  }
  model.on('change:picture', load)
  for (const n of ['extent', 'crop', 'boxes', 'chosen', 'size']) model.on(`change:${n}`, () => { if (!held) draw() })
  load()
}
export default { render }
