// Points on a photo that can be dragged: nextgenface_nb.widgets.dashboards.LandmarkEditor (Apache-2.0). Plain canvas, nothing to bundle.

function render({ model, el }) {
  const canvas = element('canvas', { tabindex: 0, role: 'application', class: 'ngf-landmarks', style: 'max-width:100%;touch-action:none;border-radius:4px',
    'aria-label': 'Landmarks on the photo. N and P choose the next and the previous point, arrow keys move it (with Shift further), H hides it.' })
  const words = element('p', { role: 'status', style: 'margin:2px 0;font:13px var(--jp-ui-font-family,sans-serif)' })
  el.append(element('div', { 'data-lm-suppress-shortcuts': 'true' }, canvas, words))
  const pen = canvas.getContext('2d'), image = new Image()
  let points = [], dragged = -1
  const scale = () => model.get('size') / Math.max(image.naturalWidth || 1, image.naturalHeight || 1)

  function dot(k, s) {
    const [x, y] = points[k], hidden = model.get('hidden')[k], chosen = k === model.get('selected'), weight = model.get('weights')[k]
    pen.beginPath(); pen.arc(x * s, y * s, chosen ? 5 : Math.min(4, 1.4 + weight * .6), 0, 7)
    if (hidden) { pen.strokeStyle = '#d33'; pen.lineWidth = 1.5; pen.stroke() } else { pen.fillStyle = chosen ? '#ff9800' : '#00e05a'; pen.fill() }
    if (chosen) { pen.strokeStyle = '#000'; pen.lineWidth = 1; pen.stroke() }
  }
  function draw() {
    const s = scale()
    canvas.width = Math.round((image.naturalWidth || 1) * s); canvas.height = Math.round((image.naturalHeight || 1) * s)
    pen.drawImage(image, 0, 0, canvas.width, canvas.height)
    pen.strokeStyle = '#00e05a99'; pen.lineWidth = 1
    for (const line of model.get('lines')) { pen.beginPath(); line.filter(k => points[k]).forEach((k, n) => pen[n ? 'lineTo' : 'moveTo'](points[k][0] * s, points[k][1] * s)); pen.stroke() }
    for (let k = 0; k < points.length; k++) dot(k, s)
    const k = model.get('selected')
    words.textContent = k >= 0 && points[k] ? `Point ${model.get('ids')[k]} at ${points[k].map(v => v.toFixed(1)).join(', ')}${model.get('hidden')[k] ? ', hidden' : ''}` : 'Click a point to choose it; drag it to move it.'
    canvas.dataset.draws = Number(canvas.dataset.draws || 0) + 1
    canvas.dataset.points = points.length
  }
  function place(e) { // pointer -> photo pixels
    const box = canvas.getBoundingClientRect(), s = scale() * box.width / canvas.width
    return [(e.clientX - box.left) / s, (e.clientY - box.top) / s]
  }
  function nearest([x, y]) {
    let best = -1, least = 12 / scale()
    points.forEach((p, k) => { const d = Math.hypot(p[0] - x, p[1] - y); if (d < least) { best = k; least = d } })
    return best
  }
  const keep = () => say(model, { points: points.map(p => [...p]) })
  function move(k, x, y) { points[k] = [Math.min(Math.max(x, 0), image.naturalWidth), Math.min(Math.max(y, 0), image.naturalHeight)]; draw() }

  canvas.addEventListener('pointerdown', e => { dragged = nearest(place(e)); say(model, { selected: dragged }); if (dragged >= 0) canvas.setPointerCapture(e.pointerId); draw() })
  canvas.addEventListener('pointermove', e => { if (dragged >= 0) move(dragged, ...place(e)) })
  canvas.addEventListener('pointerup', () => { if (dragged >= 0) keep(); dragged = -1 })
  canvas.addEventListener('pointercancel', () => { dragged = -1; points = model.get('points').map(p => [...p]); draw() })
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }
  canvas.addEventListener('keydown', e => {
    const k = model.get('selected'), n = points.length
    if (steps[e.key] && k >= 0) { const far = e.shiftKey ? 10 : 1; move(k, points[k][0] + far * steps[e.key][0], points[k][1] + far * steps[e.key][1]); keep() }
    else if ('np'.includes(e.key.toLowerCase()) && n) { say(model, { selected: (k + (e.key.toLowerCase() === 'n' ? 1 : n - 1) + (k < 0 && e.key.toLowerCase() === 'p' ? 1 : 0)) % n }); draw() }
    else if (e.key.toLowerCase() === 'h' && k >= 0) { say(model, { hidden: model.get('hidden').map((h, j) => j === k ? !h : h) }); draw() }
    else return
    e.preventDefault(); e.stopPropagation()
  })
  const take = () => { points = model.get('points').map(p => [...p]); draw() }
  function load() {
    const data = model.get('picture')
    if (!data || !data.byteLength) return take()
    image.onload = () => { URL.revokeObjectURL(image.src); take() }
    image.src = URL.createObjectURL(new Blob([data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)], { type: 'image/png' }))
  }
  model.on('change:picture', load); model.on('change:size', draw)
  // what changes together arrives in any order: no handler may count on another
  for (const n of ['points', 'weights', 'hidden', 'selected', 'lines']) model.on(`change:${n}`, () => { if (dragged < 0) take(); else draw() })
  load()
}
export default { render }
