// Sliders of expressions in groups that fold, with presets: nextgenface_nb.widgets.expression.ExpressionPanel (Apache-2.0). Nothing to bundle.
const words = name => name.replace(/([A-Z])/g, ' $1').toLowerCase().trim()

function render({ model, el }) {
  const names = model.get('names'), limits = Object.fromEntries(names.map((n, k) => [n, model.get('limits')[k]])), partner = model.get('partners')
  const value = n => model.get('weights')[n] || 0
  const within = (n, v) => Math.min(Math.max(v, limits[n][0]), limits[n][1])
  const put = values => say(model, { weights: { ...model.get('weights'), ...Object.fromEntries(Object.entries(values).map(([n, v]) => [n, within(n, v)])) } })
  const all = values => put(Object.fromEntries(names.map(n => [n, values[n] || 0])))
  const button = (text, label, action) => { const b = element('button', { type: 'button', title: label, 'aria-label': label }, text); b.addEventListener('click', action); return b }
  const box = element('input', { type: 'checkbox' })
  const bar = element('div', { class: 'ngf-bar', role: 'group', 'aria-label': 'Expressions by name' }, button('As fitted', 'Expression: as fitted', () => all(model.get('fitted'))),
    ...Object.entries(model.get('presets')).map(([title, weights]) => button(title, `Expression: ${title}`, () => all(weights))), element('label', {}, box, ' symmetric'))
  const rows = new Map(), folds = []

  function row(name) {
    const [low, high] = limits[name], span = element('span'), output = element('output')
    const input = element('input', { type: 'range', min: low, max: high, step: (high - low) / 100 })
    input.addEventListener('input', () => { const v = Number(input.value); put(model.get('symmetric') && partner[name] ? { [name]: v, [partner[name]]: v } : { [name]: v }) })
    const label = element('label', { class: 'ngf-row' }, span, input, output)
    rows.set(name, { span, input, output, label })
    return label
  }
  for (const [title, own, open] of model.get('groups')) {
    const summary = element('summary'), fold = element('details', open ? { open: '' } : {}, summary, element('div', { class: 'ngf-sliders-of' }, ...own.map(row)))
    folds.push({ title, own, summary, fold })
  }
  const shownAlone = n => model.get('symmetric') && partner[n] && n.endsWith('Right') // its partner speaks for both
  function draw() {
    for (const [n, { span, input, output, label }] of rows) {
      const both = model.get('symmetric') && partner[n], text = words(both ? n.replace(/(Left|Right)$/, '') : n)
      label.hidden = shownAlone(n)
      if (span.textContent !== text) { span.textContent = text; span.title = text; input.setAttribute('aria-label', text) }
      if (Number(input.value) !== value(n)) input.value = value(n)
      output.textContent = value(n).toFixed(2)
    }
    for (const { title, own, summary } of folds) {
      const moved = own.filter(n => Math.abs(value(n)) > .005).length
      summary.textContent = moved ? `${title}: ${moved} of ${own.length}` : title
    }
    box.checked = model.get('symmetric')
    panel.dataset.draws = Number(panel.dataset.draws || 0) + 1
  }
  box.addEventListener('change', () => {
    say(model, { symmetric: box.checked })
    if (box.checked) put(Object.fromEntries(names.filter(n => partner[n]).map(n => [n, (value(n) + value(partner[n])) / 2])))
    draw()
  })
  const panel = element('div', { class: 'ngf-expression', role: 'group', 'aria-label': 'Expression', 'data-lm-suppress-shortcuts': 'true' }, bar, ...folds.map(f => f.fold))
  el.append(panel)
  for (const n of ['weights', 'symmetric']) model.on(`change:${n}`, draw)
  draw()
  return () => { for (const n of ['weights', 'symmetric']) model.off(`change:${n}`, draw) }
}
export default { render }
