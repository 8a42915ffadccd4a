// Curves of a fit, drawn by the browser: nextgenface_nb.widgets.curves.CurvesView (Apache-2.0). Nothing to bundle.
const numbers = d => d && d.byteLength ? new Float32Array(d.buffer.slice(d.byteOffset, d.byteOffset + d.byteLength)) : new Float32Array(0)
const brief = v => !isFinite(v) ? '' : v !== 0 && (Math.abs(v) < .01 || Math.abs(v) >= 1e4) ? v.toExponential(1).replace('e+', 'e') : String(Number(v.toPrecision(3)))

function ticks(low, high, log) { // where lines are drawn
  if (log) {
    const found = [], few = Math.log10(high / low) < 2
    for (let k = Math.floor(Math.log10(low)); k <= Math.log10(high); k++) for (const m of few ? [1, 2, 5] : [1]) { const t = m * 10 ** k; if (t >= low * .999 && t <= high * 1.001) found.push(t) }
    const skip = Math.ceil(found.length / 7)
    if (found.length > 2) return found.filter((_, k) => k % skip === 0) // else even steps say more
  }
  const raw = (high - low) / 5 || 1, unit = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].find(m => m * unit >= raw) * unit
  return Array.from({ length: Math.floor(high / step) - Math.ceil(low / step) + 1 }, (_, k) => (Math.ceil(low / step) + k) * step)
}

class Curves {
  constructor(model, el) {
    this.model = model; this.at = -1
    this.scale = element('button', { type: 'button' })
    this.scale.addEventListener('click', () => { say(model, { log: !model.get('log') }); this.draw() })
    this.words = element('span', { class: 'ngf-rest ngf-value', role: 'status' })
    this.legend = element('div', { class: 'ngf-legend', role: 'group', 'aria-label': 'Which curves are shown' })
    this.svg = element('svg:svg', { tabindex: 0, role: 'slider', 'aria-label': 'Curves; arrow keys go from step to step', 'aria-valuemin': 0 })
    this.box = element('div', { class: 'ngf-curves', 'data-lm-suppress-shortcuts': 'true' }, element('div', { class: 'ngf-bar' }, this.scale, this.words), this.svg, this.legend)
    el.append(this.box)
    this.svg.addEventListener('pointermove', e => this.hover(e))
    this.svg.addEventListener('pointerleave', () => { this.at = -1; this.point() })
    this.svg.addEventListener('keydown', e => {
      const last = this.steps.length - 1, to = { ArrowLeft: Math.max(0, (this.at < 0 ? last + 1 : this.at) - 1), ArrowRight: Math.min(last, this.at + 1), Home: 0, End: last, Escape: -1 }[e.key]
      if (to === undefined) return
      this.at = to; this.point(); e.preventDefault(); e.stopPropagation()
    })
    this.heard = ['names', 'steps', 'values', 'hidden', 'log'].map(n => [`change:${n}`, () => this.soon()])
    for (const [n, f] of this.heard) model.on(n, f)
    this.watch = new ResizeObserver(() => this.soon()); this.watch.observe(this.box)
    this.draw()
  }
  soon() { if (!this.waits) { this.waits = true; requestAnimationFrame(() => { this.waits = false; this.draw() }) } } // what changes together arrives one by one
  close() { for (const [n, f] of this.heard) this.model.off(n, f); this.watch.disconnect() }
  colour(k) { return this.names[k] === 'total' ? 'var(--ngf-text)' : this.model.get('colours')[k % this.model.get('colours').length] }
  read() {
    const { model } = this, values = numbers(model.get('values'))
    this.names = model.get('names'); this.steps = [...numbers(model.get('steps'))]; this.log = model.get('log')
    const n = this.steps.length
    if (values.length !== n * this.names.length) return false // half of it has arrived
    this.curves = this.names.map((_, k) => values.subarray(k * n, (k + 1) * n))
    this.shown = this.names.map((_, k) => k).filter(k => !model.get('hidden').includes(this.names[k]))
    return true
  }
  draw() {
    if (!this.read()) return
    this.box.hidden = !this.steps.length
    if (this.box.hidden) return
    this.scale.textContent = this.log ? 'logarithmic' : 'linear'; this.scale.setAttribute('aria-label', `Scale: ${this.scale.textContent}; press for the other`)
    const usable = v => isFinite(v) && (!this.log || v > 0), seen = this.shown.flatMap(k => [...this.curves[k]].filter(usable))
    let low = Math.min(...seen, ...(this.log ? [] : [0])), high = Math.max(...seen)
    if (!seen.length) { low = this.log ? .1 : 0; high = 1 }
    if (low === high) { high = low * 1.1 || 1; if (this.log) low *= .9 }
    const width = Math.max(200, this.box.clientWidth), height = Math.min(340, Math.max(180, width * .36)), [left, right, top, bottom] = [52, 8, 8, 34], n = this.steps.length, [x0, x1] = [this.steps[0], this.steps[n - 1]]
    this.x = s => left + (width - left - right) * (x1 > x0 ? (s - x0) / (x1 - x0) : .5)
    const f = this.log ? Math.log10 : v => v
    this.y = v => height - bottom - (height - top - bottom) * (f(v) - f(low)) / (f(high) - f(low))
    this.svg.setAttribute('viewBox', `0 0 ${width} ${height}`); this.svg.style.height = `${height}px`; this.svg.setAttribute('aria-valuemax', n - 1)
    this.height = height - bottom
    const line = (x, y, x2, y2) => element('svg:line', { class: 'ngf-axis', x1: x, y1: y, x2, y2 }), text = (x, y, anchor, t) => element('svg:text', { x, y, 'text-anchor': anchor }, t)
    const parts = ticks(low, high, this.log).flatMap(t => [line(left, this.y(t), width - right, this.y(t)), text(left - 6, this.y(t) + 4, 'end', brief(t))])
    for (const s of ticks(x0, x1, false).filter(Number.isInteger)) parts.push(text(this.x(s), height - bottom + 16, 'middle', s))
    parts.push(text((left + width) / 2, height - 2, 'middle', 'step'))
    for (const k of this.shown) {
      const points = this.steps.map((s, j) => [s, this.curves[k][j]]).filter(p => usable(p[1]))
      if (points.length === 1) parts.push(element('svg:circle', { cx: this.x(points[0][0]), cy: this.y(points[0][1]), r: 3, style: `fill:${this.colour(k)}` }))
      else if (points.length) parts.push(element('svg:path', { d: points.map((p, j) => `${j ? 'L' : 'M'}${this.x(p[0]).toFixed(1)},${this.y(p[1]).toFixed(1)}`).join(''), style: `stroke:${this.colour(k)}`, 'stroke-width': this.names[k] === 'total' ? 2.5 : 1.5, ...(k >= 10 && this.names[k] !== 'total' ? { 'stroke-dasharray': '5 3' } : {}), 'data-name': this.names[k] }))
    }
    this.mark = element('svg:line', { class: 'ngf-axis', y1: top, y2: height - bottom, style: 'stroke:var(--ngf-faint)' })
    this.svg.replaceChildren(...parts, this.mark)
    this.drawLegend(); this.point()
  }
  drawLegend() {
    const before = this.model.get('hidden')
    if (this.entries && this.entries.map(e => e.name).join() === this.names.join()) return this.entries.forEach(e => e.button.setAttribute('aria-pressed', !before.includes(e.name)))
    this.entries = this.names.map((name, k) => {
      const value = element('span', { class: 'ngf-value' }), swatch = element('i', { style: `border-color:${this.colour(k)};border-top-style:${k >= 10 && name !== 'total' ? 'dashed' : 'solid'}` })
      const button = element('button', { type: 'button', 'aria-pressed': !before.includes(name) }, swatch, name, value)
      button.addEventListener('click', () => { const h = this.model.get('hidden'); say(this.model, { hidden: h.includes(name) ? h.filter(x => x !== name) : [...h, name] }); this.draw() })
      return { name, button, value }
    })
    this.legend.replaceChildren(...this.entries.map(e => e.button))
  }
  hover(e) {
    if (!this.steps.length) return
    const box = this.svg.getBoundingClientRect(), x = (e.clientX - box.left) * this.svg.viewBox.baseVal.width / box.width
    this.at = this.steps.reduce((best, s, k) => Math.abs(this.x(s) - x) < Math.abs(this.x(this.steps[best]) - x) ? k : best, 0)
    this.point()
  }
  point() { // values at the step under the pointer, else the last ones
    const last = this.steps.length - 1, on = this.at >= 0 && this.at <= last, j = on ? this.at : last
    this.entries.forEach((e, k) => { e.value.textContent = brief(this.curves[k][j]) })
    this.words.textContent = on ? `step ${this.steps[j]}` : `last step: ${this.steps[last]}`
    this.mark.style.display = on ? '' : 'none'
    if (on) for (const n of ['x1', 'x2']) this.mark.setAttribute(n, this.x(this.steps[j]))
    this.svg.setAttribute('aria-valuenow', j)
    this.svg.setAttribute('aria-valuetext', `step ${this.steps[j]}: ${this.shown.map(k => `${this.names[k]} ${brief(this.curves[k][j])}`).join(', ')}`)
  }
}
function render({ model, el }) { const curves = new Curves(model, el); return () => curves.close() }
export default { render }
