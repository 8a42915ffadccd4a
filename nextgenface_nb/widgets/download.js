// A file that the kernel hands over, as a link to be saved: nextgenface_nb.widgets.keep.Download (Apache-2.0). Nothing leaves the page.
function render({ model, el }) {
  const link = document.createElement('a')
  Object.assign(link.style, { font: '13px var(--jp-ui-font-family,sans-serif)', textDecoration: 'underline', display: 'none', margin: '0 8px' })
  el.append(link)
  let url = ''
  function show() {
    const data = model.get('content')
    if (url) URL.revokeObjectURL(url)
    link.style.display = data && data.byteLength ? 'inline-block' : 'none'
    if (!data || !data.byteLength) return
    url = URL.createObjectURL(new Blob([data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength)], { type: model.get('kind') }))
    link.href = url; link.download = model.get('name')
    link.textContent = `${model.get('name')} (${(data.byteLength / 1e6).toFixed(1)} MB)`
  }
  for (const n of ['content', 'name', 'kind']) model.on(`change:${n}`, show)
  show()
  return () => URL.revokeObjectURL(url)
}
export default { render }
