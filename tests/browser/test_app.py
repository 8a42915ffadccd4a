("The studio as an app, `nextgenface-studio`, in a real browser: the page opens and shows the studio, two windows are two "
 "faces, nothing is asked of the outside, and nothing is left at the end. Screenshots go to the folder SHOTS.")
import os, re, shutil, signal, subprocess, sys, time
import pytest
pytest.importorskip('voila')
pytest.importorskip('playwright')
from test_lab import HEAD, ROOT, nameless

CODE = 'import sys; from nextgenface_nb.widgets.app import main; sys.exit(main())'

@pytest.fixture
def app(tmp_path):
    "(process, address) of a studio"
    server = subprocess.Popen([sys.executable, '-c', CODE, '--no-browser', '--output', str(tmp_path/'out')],
        env=dict(os.environ, TMPDIR=str(tmp_path), PYTHONPATH=str(ROOT)), stdout=subprocess.PIPE, text=True)
    try: yield server,re.search(r'http://127\.0\.0\.1:\d+/\?token=\w{40,}', server.stdout.readline())[0]
    finally:
        if server.poll() is None: server.terminate()
        server.wait(60)

def opened(browser, address, heard, **options):
    "A window, with what it complains about and asks of the outside"
    page = browser.new_page(**options)
    page.set_default_timeout(120_000)
    here = address.partition('?')[0]
    page.on('console', lambda m: heard.append(m.text) if m.type=='error' else None)
    page.on('pageerror', lambda e: heard.append(str(e)))
    page.on('request', lambda r: heard.append(r.url)
        if not r.url.startswith((here, here.replace('http', 'ws'), 'data:', 'blob:')) else None)
    page.goto(address)
    return page

def test_two_windows_two_faces_and_a_good_end(app, browser, shots, tmp_path):
    server,address = app
    heard = []
    clock = time.time()
    big,small = (opened(browser, where, heard, viewport=dict(width=w, height=800))
        for where,w in ((address, 1280), (address+'&theme=dark', 400)))
    for page in (big, small): page.get_by_role('button', name='Bundled portrait').wait_for()
    print(f'two windows, the studio shown in both: {time.time()-clock:.0f} s', flush=True)
    assert sorted(p.name for p in (tmp_path/'out').iterdir())==['face_1', 'face_2']
    big.get_by_role('button', name='Bundled portrait').click()
    big.get_by_text('portrait.jpg: 512 x 512').wait_for()
    assert not small.get_by_text('512 x 512').count()
    # the head stays in view at the end of a tab; where there is no room beside the tabs it stands above them
    big.locator('canvas.ngf-photo:visible').wait_for()
    big.set_viewport_size(dict(width=1280, height=600))
    # in a low window the buttons below the head are in view, and so is what is said of a button far below
    low = "Math.max(...[...document.querySelectorAll('%s')].map(e => e.getBoundingClientRect().bottom))<=innerHeight && innerHeight==600"
    big.bring_to_front()
    big.wait_for_function(low % '.ngf-head button', timeout=20_000)
    big.evaluate("[...document.querySelectorAll('button')].find(b => b.innerText.includes('Save state')).click()")
    big.get_by_text('there is no face yet').wait_for()
    big.wait_for_function(low % '.ngf-notes', timeout=20_000)
    for page,where in ((big, 'beside sticky'), (small, 'above relative')):
        page.evaluate("document.querySelector('.ngf-beside').scrollIntoView({block: 'end'})")
        page.wait_for_timeout(1000)
        how = page.evaluate("getComputedStyle(document.querySelector('.ngf-head')).position")
        found = f'{page.evaluate(HEAD).partition(",")[0]} {how}'
        assert found==where, (found, page.evaluate(HEAD))
    big.set_viewport_size(dict(width=1280, height=800))
    # several files at once stand on a sheet, the wrong one among them with the words of its error
    (tmp_path/'in').mkdir()
    for name in ('a.png', 'b.png'): (tmp_path/'in'/name).write_text('Dear Sir')
    with big.expect_file_chooser() as chooser: big.get_by_role('button', name='Upload a photo').click()
    chooser.value.set_files([*(tmp_path/'in').iterdir()])
    big.get_by_text('2 photos stand on the sheet').wait_for()
    big.get_by_role('button', name='Reconstruct all').click()
    big.get_by_text('0 of 2 photos are done, 2 without a face').wait_for()
    assert big.locator('.ngf-card [role=alert]').count()==2
    big.get_by_role('button', name='Clear').click()
    big.locator('.ngf-card').first.wait_for(state='detached')
    shutil.rmtree(tmp_path/'in')
    # icons are there, from the style sheet of the app
    assert big.evaluate("getComputedStyle(document.querySelector('.fa-user, .fa-search'), '::before').fontFamily").lower().find(
        'awesome')>=0
    assert not nameless(big), nameless(big)
    # a narrow window has nothing beyond its edge
    assert small.evaluate('document.documentElement.scrollWidth<=innerWidth')
    dark = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    assert max(small.evaluate(dark))<80 and min(big.evaluate(dark))>220
    for page,name in ((big, 'app'), (small, 'app_400_dark')): page.screenshot(path=shots/f'{name}.png')
    small.goto('about:blank')   # as a window that is closed, and the page hears of it
    for _ in range(100): # its kernel ends, and its folder, in which nothing is, goes
        if [p.name for p in (tmp_path/'out').iterdir()]==['face_1']: break
        time.sleep(.2)
    else: pytest.fail(f'{[*(tmp_path/"out").iterdir()]}')
    big.close()
    assert not (heard := [h for h in heard if 'favicon' not in h]), heard
    server.send_signal(signal.SIGINT)
    assert server.wait(60)==0 and [p.name for p in tmp_path.iterdir()]==['out'] and not [*(tmp_path/'out').iterdir()]
