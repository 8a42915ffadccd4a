// A mirror ball with a lamp that can be dragged: nextgenface_nb.widgets.light.LightBall (Apache-2.0). Plain canvas, nothing to bundle.
const degrees = 180 / Math.PI

// the light of a direction is mirrored where the normal lies halfway between it and the viewer
function toBall(azimuth, elevation) {
  const a = azimuth / degrees, e = elevation / degrees, d = [Math.cos(e) * Math.sin(a), Math.sin(e), Math.cos(e) * Math.cos(a)]
  const n = [d[0], d[1], d[2] + 1], length = Math.hypot(...n)
  return length < 1e-6 ? [0, .999] : [n[0] / length, n[1] / length]
}
function fromBall(x, y) {
  const r = Math.hypot(x, y), s = r > .995 ? .995 / r : 1, n = [x * s, y * s, Math.sqrt(Math.max(0, 1 - (x * s) ** 2 - (y * s) ** 2))]
  const d = [2 * n[2] * n[0], 2 * n[2] * n[1], 2 * n[2] * n[2] - 1]
  return { azimuth: Math.atan2(d[0], d[2]) * degrees, elevation: Math.asin(clamp(d[1], -1, 1)) * degrees }
}

function render({ model, el }) {
  const size = model.get('size')
  const canvas = element('canvas', { tabindex: 0, role: 'application', class: 'ngf-light', width: size, height: size, style: 'touch-action:none;cursor:grab;max-width:100%',
    'aria-label': 'The light in a mirror ball. Drag the lamp, or move it with the arrow keys; what comes from behind is seen at the rim.' })
  const words = element('p', { role: 'status', style: 'margin:2px 0;font:13px var(--jp-ui-font-family,sans-serif)' })
  el.append(element('div', { 'data-lm-suppress-shortcuts': 'true' }, canvas, words))
  const pen = canvas.getContext('2d'), image = new Image()
  let held = false, sent = 0

  function draw() {
    pen.clearRect(0, 0, size, size)
    if (image.naturalWidth) pen.drawImage(image, 0, 0, size, size)
    const [x, y] = toBall(model.get('azimuth'), model.get('elevation')), on = model.get('on')
    pen.beginPath(); pen.arc((1 + x) * size / 2, (1 - y) * size / 2, 7, 0, 7)
    pen.fillStyle = on ? '#ffd54f' : '#ffffff55'; pen.fill(); pen.strokeStyle = '#000'; pen.lineWidth = 1.5; pen.stroke()
    words.textContent = `Lamp ${on ? '' : 'off, '}at azimuth ${model.get('azimuth').toFixed(0)}, elevation ${model.get('elevation').toFixed(0)} degrees`
    canvas.dataset.draws = Number(canvas.dataset.draws || 0) + 1
  }
  function place(e, last) {
    const box = canvas.getBoundingClientRect(), to = fromBall((e.clientX - box.left) / box.width * 2 - 1, 1 - (e.clientY - box.top) / box.height * 2)
    model.set('azimuth', to.azimuth); model.set('elevation', to.elevation); model.set('on', true); draw()
    if (last || Date.now() - sent > 100) { sent = Date.now(); say(model, to) }
  }
  canvas.addEventListener('pointerdown', e => { held = true; canvas.setPointerCapture(e.pointerId); place(e, false) })
  canvas.addEventListener('pointermove', e => { if (held) place(e, false) })
  canvas.addEventListener('pointerup', e => { if (held) place(e, true); held = false })
  canvas.addEventListener('pointercancel', () => { held = false })
  const steps = { ArrowLeft: [-5, 0], ArrowRight: [5, 0], ArrowUp: [0, 5], ArrowDown: [0, -5] }
  canvas.addEventListener('keydown', e => {
    if (!steps[e.key]) return
    const turn = (model.get('azimuth') + steps[e.key][0] + 540) % 360 - 180
    say(model, { azimuth: turn, elevation: clamp(model.get('elevation') + steps[e.key][1], -90, 90), on: true }); draw()
    e.preventDefault(); e.stopPropagation()
  })
  function load() {
    const data = model.get('picture')
    if (!data || !data.byteLength) return draw()
    image.onload = () => { URL.revokeObjectURL(image.src); draw() }
    image.src = URL.createObjectURL(new Blob([data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)], { type: 'image/png' }))
  }
  model.on('change:picture', load)
  for (const n of ['azimuth', 'elevation', 'on']) model.on(`change:${n}`, draw)
  load()
}
export default { render }
