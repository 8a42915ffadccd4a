// A photo from the camera, the clipboard or a file that is dropped: nextgenface_nb.widgets.dashboards.PhotoCapture (Apache-2.0). Nothing to bundle.
const STYLE = `.ngf-capture{font:13px var(--jp-ui-font-family,sans-serif);color:var(--jp-ui-font-color1,#222);border:1px dashed #8888;border-radius:4px;padding:4px 6px;max-width:34em}
.ngf-capture.ngf-over{background:#1976d222}.ngf-capture video{display:block;max-width:100%;margin-top:4px;border-radius:4px;transform:scaleX(-1)}
.ngf-capture button,.ngf-capture input{font:inherit;color:inherit;padding:2px 8px;margin:1px 4px 1px 0;border:1px solid #8888;border-radius:4px;background:transparent}.ngf-capture button{cursor:pointer}.ngf-capture p{margin:2px 0}.ngf-capture [hidden]{display:none}`
const WHY = { NotAllowedError: 'the browser was not allowed to use it', NotFoundError: 'there is none', NotReadableError: 'another program uses it' }

function render({ model, el }) {
  const devices = navigator.mediaDevices, clipboard = navigator.clipboard
  const button = (text, action) => { const b = element('button', { type: 'button' }, text); b.addEventListener('click', action); return b }
  const words = element('p', { role: 'status' }), video = element('video', { playsinline: '', muted: '', 'aria-label': 'What the camera sees' })
  video.hidden = true; video.muted = true
  let stream = null
  const say = text => { words.textContent = text }

  async function send(blob, name) { model.send({ kind: 'photo', name }, undefined, [await blob.arrayBuffer()]); say(`${name} was handed over.`) }
  function stop() {
    if (stream) for (const t of stream.getTracks()) t.stop()
    stream = null; video.hidden = take.hidden = end.hidden = true; start.hidden = false
  }
  async function open() {
    try { stream = await devices.getUserMedia({ video: { facingMode: 'user', width: { ideal: 1280 }, height: { ideal: 960 } }, audio: false }) }
    catch (e) { return say(`No camera: ${WHY[e.name] || e.message}. Upload a file instead.`) }
    video.srcObject = stream; video.hidden = take.hidden = end.hidden = false; start.hidden = true
    await video.play(); say('Look into the camera, then take the photo.'); take.focus()
  }
  function shoot() {
    if (!video.videoWidth) return say('The camera gives no picture yet.')
    const c = element('canvas', { width: video.videoWidth, height: video.videoHeight })
    c.getContext('2d').drawImage(video, 0, 0); stop()
    c.toBlob(b => send(b, 'camera.png'), 'image/png')
  }
  async function paste() {
    try {
      for (const item of await clipboard.read()) { const type = item.types.find(t => t.startsWith('image/')); if (type) return send(await item.getType(type), `clipboard.${type.slice(6).replace('jpeg', 'jpg')}`) }
      say('There is no picture in the clipboard.')
    } catch (e) { say('The browser does not let this page read the clipboard. Click into the field beside it and press Ctrl+V.') }
  }
  async function several(list) {   // all of them, whatever they are: the kernel says what is wrong with which
    model.send({ kind: 'photos', names: list.map(f => f.name) }, undefined, await Promise.all(list.map(f => f.arrayBuffer())))
    say(`${list.length} files were handed over.`)
  }
  function files(list) {
    if (list && list.length > 1) return several([...list])
    const f = [...(list || [])].find(f => f.type.startsWith('image/'))
    if (f) send(f, f.name && f.name !== 'image.png' ? f.name : 'clipboard.png'); else say('That was no picture.')
  }

  const start = button('Camera', open), take = button('Take the photo', shoot), end = button('Stop the camera', stop), read = button('Paste', paste)
  const field = element('input', { readonly: '', size: 18, placeholder: 'or Ctrl+V here', 'aria-label': 'Paste a photo here with Ctrl+V' })
  take.hidden = end.hidden = true
  if (!devices || !devices.getUserMedia) { start.disabled = true; start.title = 'This page has no access to a camera (it needs https or localhost)' }
  if (!clipboard || !clipboard.read) read.hidden = true
  const box = element('div', { class: 'ngf-capture', role: 'group', 'aria-label': 'Photo from the camera or the clipboard', 'data-lm-suppress-shortcuts': 'true' }, element('style', {}, STYLE), start, take, end, read, field, video, words)
  field.addEventListener('paste', e => { e.preventDefault(); e.stopPropagation(); files(e.clipboardData.files) })
  const over = e => { e.preventDefault(); e.stopPropagation(); box.classList.toggle('ngf-over', e.type === 'dragover') }
  for (const n of ['dragover', 'dragleave', 'drop']) box.addEventListener(n, over)
  box.addEventListener('drop', e => files(e.dataTransfer.files))
  say(start.disabled ? 'No camera here; a picture can be pasted or dropped.' : 'A photo from the camera, pasted, or dropped here.')
  el.append(box)
  return stop
}
export default { render }
