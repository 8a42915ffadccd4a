// The handles of ipywidgets' sliders and its pictures have no name for screen readers: give them the text of their label. nextgenface_nb.widgets.dashboards.SliderNames (Apache-2.0). Nothing to bundle.
function render({ el }) {
  el.style.display = 'none'
  const root = el.closest('.jp-OutputArea, .output_area') || document.body
  const name = () => {
    for (const handle of root.querySelectorAll('.noUi-handle, .ui-slider-handle')) {
      const text = handle.closest('.widget-inline-hbox, .jupyter-widget')?.querySelector('label, .widget-label')?.textContent.trim()
      if (text && handle.getAttribute('aria-label') !== text) handle.setAttribute('aria-label', text)
    }
    for (const image of root.querySelectorAll('img.widget-image, .widget-image img')) {
      const text = image.closest('.widget-vbox')?.querySelector('.widget-label')?.textContent.trim()
      if (text && image.alt !== text) image.alt = text
    }
  }
  const watch = new MutationObserver(name)
  setTimeout(() => { watch.observe(el.isConnected ? el.closest('.jp-OutputArea, .output_area') || document.body : root, { childList: true, subtree: true, characterData: true }); name() }, 0)
  return () => watch.disconnect()
}
export default { render }
