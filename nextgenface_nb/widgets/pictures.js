// Pictures that fill the width that is there, with one zoom for all and a wipe: nextgenface_nb.widgets.pictures.PictureGrid (Apache-2.0). Nothing to bundle.
const FAR = 24 // enlarged so many times at most

// what of each picture is seen: its left upper corner, as a share of the picture, and how much it is enlarged
class View {
  constructor(changed) { Object.assign(this, { s: 1, x: 0, y: 0, changed }) }
  set(s, x, y) { this.s = clamp(s, 1, FAR); this.x = clamp(x, 0, 1 - 1 / this.s); this.y = clamp(y, 0, 1 - 1 / this.s); this.changed() }
  zoom(factor, px = .5, py = .5) { const u = this.x + px / this.s, v = this.y + py / this.s, s = clamp(this.s * factor, 1, FAR); this.set(s, u - px / s, v - py / s) }
  pan(dx, dy) { this.set(this.s, this.x - dx / this.s, this.y - dy / this.s) }
  place(image) { image.style.transform = `scale(${this.s}) translate(${-100 * this.x}%,${-100 * this.y}%)` }
}

class Picture {
  constructor(panel, name, slots) { // slots: of one picture, or of two with a line between them
    Object.assign(this, { panel, name, slots })
    this.images = slots.map(k => element('img', { alt: panel.names[k], draggable: 'false' }))
    this.frame = element('div', { class: 'ngf-frame', tabindex: 0, role: 'button', 'aria-label': `${name}: enlarge` }, this.images[this.images.length - 1])
    this.hold = element('div', { class: 'ngf-hold' }, this.frame)
    this.figure = element('figure', { class: 'ngf-picture' }, element('figcaption', {}, name), this.hold)
    if (slots.length === 2) this.addWipe()
    this.listen()
  }
  addWipe() {
    this.before = element('div', { class: 'ngf-before' }, this.images[0])
    this.wipe = element('div', { class: 'ngf-wipe', role: 'slider', tabindex: 0, 'aria-label': `${this.name}: the line between them`, 'aria-valuemin': 0, 'aria-valuemax': 100 })
    this.frame.append(this.before)
    this.hold.append(this.wipe)
    const to = x => { say(this.panel.model, { wipe_at: clamp(x, 0, 1) }); this.line() }
    const at = e => { const box = this.frame.getBoundingClientRect(); to((e.clientX - box.left) / box.width) }
    let held = false
    this.wipe.addEventListener('pointerdown', e => { held = true; this.wipe.setPointerCapture(e.pointerId) })
    this.wipe.addEventListener('pointermove', e => { if (held) at(e) })
    for (const n of ['pointerup', 'pointercancel']) this.wipe.addEventListener(n, () => { held = false })
    this.wipe.addEventListener('keydown', e => {
      const now = this.panel.model.get('wipe_at'), step = e.shiftKey ? .1 : .01
      const next = { ArrowLeft: now - step, ArrowDown: now - step, ArrowRight: now + step, ArrowUp: now + step, Home: 0, End: 1 }[e.key]
      if (next === undefined) return
      to(next); e.preventDefault(); e.stopPropagation()
    })
  }
  line() {
    if (!this.wipe) return
    const at = this.panel.model.get('wipe_at')
    this.before.style.clipPath = `inset(0 ${100 * (1 - at)}% 0 0)`
    this.wipe.style.left = `${100 * at}%`; this.wipe.setAttribute('aria-valuenow', Math.round(100 * at))
  }
  listen() {
    const { view } = this.panel, place = e => { const b = this.frame.getBoundingClientRect(); return [(e.clientX - b.left) / b.width, (e.clientY - b.top) / b.height] }
    let from = null, moved = false
    this.frame.addEventListener('pointerdown', e => { from = place(e); moved = false })
    this.frame.addEventListener('pointermove', e => {
      if (!from || !e.buttons) { from = null; return }
      const to = place(e), far = Math.hypot((to[0] - from[0]) * this.frame.clientWidth, (to[1] - from[1]) * this.frame.clientHeight)
      if (!moved && far < 4) return
      if (!moved) { moved = true; this.frame.setPointerCapture(e.pointerId) }
      view.pan(to[0] - from[0], to[1] - from[1]); from = to
    })
    for (const n of ['pointerup', 'pointercancel']) this.frame.addEventListener(n, () => { from = null })
    this.frame.addEventListener('click', () => { if (!moved) this.panel.enlarge(this.panel.one === this ? null : this); moved = false })
    this.frame.addEventListener('wheel', e => { // among many the wheel scrolls the page
      if (this.panel.one !== this && !e.ctrlKey) return
      view.zoom(Math.exp(-clamp(e.deltaY, -100, 100) / 250), ...place(e)); e.preventDefault()
    }, { passive: false })
    this.frame.addEventListener('keydown', e => this.key(e))
  }
  key(e) {
    const { panel } = this, { view } = panel, step = { ArrowLeft: [.1, 0], ArrowRight: [-.1, 0], ArrowUp: [0, .1], ArrowDown: [0, -.1] }[e.key]
    if (e.key === 'Enter' || e.key === ' ') panel.enlarge(panel.one === this ? null : this)
    else if (e.key === 'Escape' && panel.one) panel.enlarge(null)
    else if (e.key === '+' || e.key === '=') view.zoom(1.5)
    else if (e.key === '-') view.zoom(1 / 1.5)
    else if (e.key === '0') view.set(1, 0, 0)
    else if (step && view.s > 1) view.pan(...step)
    else return
    e.preventDefault(); e.stopPropagation()
  }
  load() {
    this.slots.forEach((k, n) => {
      const data = this.panel.model.get(`picture${k}`), image = this.images[n]
      if (image.ngfData === data) return
      image.ngfData = data
      const old = image.src
      if (!data || !data.byteLength) { image.removeAttribute('src'); return }
      image.onload = () => { if (old) URL.revokeObjectURL(old); this.frame.style.setProperty('--ratio', image.naturalWidth / image.naturalHeight); this.figure.style.setProperty('--ratio', image.naturalWidth / image.naturalHeight); this.sharp() }
      image.src = URL.createObjectURL(new Blob([data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)], { type: 'image/png' }))
    })
    this.line()
  }
  get empty() { return this.images.some(i => !i.getAttribute('src')) }
  sharp() { const i = this.images[0]; this.frame.classList.toggle('ngf-sharp', this.frame.clientWidth * this.panel.view.s > 5 * (i.naturalWidth || 1e9)) }
  place() { this.images.forEach(i => this.panel.view.place(i)); this.sharp() }
  close() { for (const i of this.images) if (i.src) URL.revokeObjectURL(i.src) }
}

class Panel {
  constructor(model, el) {
    this.model = model; this.names = model.get('names'); this.one = null
    this.view = new View(() => this.place())
    const wipe = model.get('wipe'), single = this.names.map((_, k) => k).filter(k => !wipe.includes(k))
    this.pictures = single.map(k => new Picture(this, this.names[k], [k]))
    if (wipe.length) this.pictures.unshift(new Picture(this, wipe.map(k => this.names[k]).join(' | '), wipe))
    const button = (text, label, action) => { const b = element('button', { type: 'button', 'aria-label': label, title: label }, text); b.addEventListener('click', action); return b }
    this.back = button('All pictures', 'All pictures', () => this.enlarge(null))
    this.whole = button('100 %', 'Zoom: the whole pictures', () => this.view.set(1, 0, 0))
    this.bar = element('div', { class: 'ngf-bar' }, this.back, button('−', 'Zoom out', () => this.view.zoom(1 / 1.5)), this.whole, button('+', 'Zoom in', () => this.view.zoom(1.5)),
      element('span', { class: 'ngf-rest' }))
    this.grid = element('div', { class: 'ngf-grid' }, ...this.pictures.map(p => p.figure))
    this.box = element('div', { class: 'ngf-pictures', role: 'group', 'aria-label': 'Pictures', 'data-lm-suppress-shortcuts': 'true' }, this.bar, this.grid)
    el.append(this.box)
    this.heard = this.names.map((_, k) => [`change:picture${k}`, () => this.load()])
    this.heard.push(['change:wipe_at', () => this.pictures.forEach(p => p.line())])
    for (const [n, f] of this.heard) model.on(n, f)
    this.load()
  }
  load() { for (const p of this.pictures) p.load(); this.place() }
  enlarge(picture) {
    this.one = picture
    if (!picture) this.view.set(1, this.view.x, this.view.y)
    this.place()
    if (picture) picture.frame.focus({ preventScroll: true })
  }
  place() {
    if (this.one && this.one.empty) this.one = null
    let some = false
    for (const p of this.pictures) {
      p.figure.hidden = p.empty || (this.one && this.one !== p); some ||= !p.empty; p.place()
      p.frame.setAttribute('aria-label', this.one === p ? `${p.name}: smaller again` : `${p.name}: enlarge`)
    }
    this.grid.classList.toggle('ngf-one', !!this.one); this.grid.classList.toggle('ngf-zoomed', this.view.s > 1)
    this.bar.hidden = !some; this.back.hidden = !this.one
    this.whole.textContent = `${Math.round(100 * this.view.s)} %`
    this.bar.lastChild.textContent = this.one ? 'Wheel: zoom. Drag: move. Click or Escape: back.' : 'Click a picture to enlarge it; Ctrl + wheel zooms all.'
    this.box.dataset.shown = this.pictures.filter(p => !p.figure.hidden).length
  }
  close() { for (const [n, f] of this.heard) this.model.off(n, f); for (const p of this.pictures) p.close() }
}
function render({ model, el }) { const panel = new Panel(model, el); return () => panel.close() }
export default { render }
