// What the scripts of the panels share; it stands before each of them (nextgenface_nb.output.viewer.static_text, Apache-2.0).
const SVG = 'http://www.w3.org/2000/svg'
const made = tag => tag.startsWith('svg:') ? document.createElementNS(SVG, tag.slice(4)) : document.createElement(tag)
const element = (tag, attributes = {}, ...children) => {
  const e = made(tag)
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v)
  e.append(...children)
  return e
}
const say = (model, values) => {
  for (const [k, v] of Object.entries(values)) model.set(k, v)
  try { model.save_changes() } catch (_) { /* no kernel */ }
}
const clamp = (x, low, high) => Math.min(Math.max(x, low), high)
