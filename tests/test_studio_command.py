"`nextgenface-studio` without a browser: what it hands on, what it says where something is wrong, how it begins and ends"
import http.cookiejar, json, os, re, signal, socket, subprocess, sys, tempfile, urllib.error, urllib.request
from pathlib import Path
from types import SimpleNamespace
import pytest
pytest.importorskip('voila')
from nextgenface_nb.imaging import portrait_path
from nextgenface_nb.widgets import app

@pytest.fixture
def started(monkeypatch, tmp_path):
    "The command up to where it would listen: flags -> what Voilà was told, the code of its notebook, what was opened"
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
    own = app.studio_server
    def call(*flags):
        told = SimpleNamespace(opened=[])
        monkeypatch.setattr('webbrowser.open', told.opened.append)
        class Recorded(own()):
            def start(self):
                told.port,told.log_level,told.ip = self.port,self.log_level,self.ip
                told.theme = self.voila_configuration.theme
                told.code = json.loads(Path(self.notebook_path).read_text())['cells'][0]['source']
                self.identity_provider = SimpleNamespace(token='secret')
                self.launch_browser()
        monkeypatch.setattr(app, 'studio_server', lambda: Recorded)
        assert app.main([*map(str, flags)])==0
        return told
    return call

def test_photo_output_and_preset_reach_the_window(started, tmp_path, monkeypatch):
    told = started(portrait_path(), '--output', tmp_path/'mine', '--preset', 'shadows')
    asked = []
    monkeypatch.setattr('nextgenface_nb.widgets.studio.FaceStudio', lambda *args: asked.extend(args))
    monkeypatch.chdir(tmp_path)
    exec(told.code, {})
    assert Path.cwd()==tmp_path/'mine'/'face_1'
    photo,config = asked
    assert photo==str(portrait_path()) and config==app.Config.preset('shadows')
    app.atexit.unregister(app.leave_folder)
    app.leave_folder(Path.cwd())

def test_each_window_works_in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('nextgenface_nb.widgets.studio.FaceStudio', lambda photo, config: Path.cwd().name)
    monkeypatch.setattr(app.atexit, 'register', lambda *_: None)
    assert [app.open_studio(output=tmp_path/'out') for _ in range(3)]==['face_1', 'face_2', 'face_3']

def test_no_file_of_the_users_jupyter_has_a_say(tmp_path, monkeypatch):
    "Templates without addresses of others and the kernel are found below the folder of the server"
    monkeypatch.setenv('JUPYTER_PATH', str(tmp_path))
    server = app.make_server(app.StudioRequest(theme='dark'), tmp_path)
    assert isinstance(server, app.studio_server().__mro__[1]) and server.config_file_paths==[]
    pages = [p/'index.html.j2' for p in map(Path, server.template_paths) if (p/'index.html.j2').exists()]
    assert pages[0].is_relative_to(tmp_path) and 'cdn.jsdelivr' not in pages[0].read_text() and app.PAGE_STYLE in pages[0].read_text()
    assert 'cdn.jsdelivr' in pages[1].read_text()
    spec = json.loads((tmp_path/'kernels'/'nextgenface-studio'/'kernel.json').read_text())
    assert spec['argv'][0]==sys.executable

def test_the_server_is_told_port_theme_and_how_much_to_say(started):
    port = app.free_port()
    told = started('--port', port, '--theme', 'dark', '--verbose')
    assert (told.port, told.theme, told.log_level, told.ip)==(port, 'dark', 20, '127.0.0.1')
    told = started()
    assert told.theme=='light' and told.log_level==40 and told.port!=8866

def test_a_port_that_somebody_has_taken_since_is_not_the_end():
    "Where any will do; one that was asked for is that one"
    from types import SimpleNamespace
    port = app.free_port()
    tried = lambda **asked: [*app.studio_server().random_ports(SimpleNamespace(request=app.StudioRequest(**asked)), port, 1)]
    assert tried(port=port)==[port]
    ports = tried()
    assert ports[0]==port and len(ports)>3 and all(0<p<65536 for p in ports)

def test_the_browser_is_opened_unless_that_is_said(started, capsys):
    opened = started().opened
    assert len(opened)==1 and opened[0].startswith('file:') and 'secret' not in opened[0]
    assert re.search(r'http://127\.0\.0\.1:\d+/\?token=secret', capsys.readouterr().out)
    assert not started('--no-browser').opened
    assert '?token=secret' in capsys.readouterr().out

def test_the_page_that_is_opened_leads_to_the_address(tmp_path):
    assert app.redirect_page(tmp_path, 'http://127.0.0.1:1/?token=a').startswith('file:')
    assert 'url=http://127.0.0.1:1/?token=a"' in (tmp_path/'open.html').read_text()

def test_what_is_wrong_is_said_in_words(tmp_path, capsys, monkeypatch):
    "Before a server is started"
    def says(code, *flags):
        assert app.main([*map(str, flags), '--no-browser'])==code
        said = capsys.readouterr().err
        assert 'Traceback' not in said
        return said
    (tmp_path/'a.jpg').write_text('no photo')
    assert 'a.jpg' in says(3, tmp_path/'a.jpg')
    assert 'a.jpg' in says(5, '--output', tmp_path/'a.jpg')
    with socket.socket() as taken:
        taken.bind(('127.0.0.1', 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f'port {port}' in says(2, '--port', port)
    with pytest.raises(app.OutputError): app.run_studio(app.StudioRequest(output=str(tmp_path/'a.jpg')))
    monkeypatch.setitem(sys.modules, 'voila.app', None)
    assert "pip install 'nextgenface_nb[studio]'" in says(5)

KERNEL = 'api/kernels/11111111-2222-3333-4444-555555555555'

def who_is_logged_in(plain, token):
    "The cookie alone: no file of the server's folder, and no page of others ends a kernel, though no XSRF token is asked for"
    window = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    def refused(path, method='GET', data=None, **headers):
        with pytest.raises(urllib.error.HTTPError) as found:
            window.open(urllib.request.Request(plain+path, data, headers, method=method))
        return found.value.code,found.value.read().decode()
    file = 'voila/files/open.html'
    assert refused('login?next=/'+file, 'POST', f'password={token}'.encode())[0]==403
    assert 'does not exist' in refused(KERNEL)[1]             # so the cookie is there
    assert refused(file)[0]==403
    end = KERNEL.replace('api/kernels', 'voila/api/shutdown')
    for path,method in ((end, 'POST'), (KERNEL, 'DELETE')):
        code,said = refused(path, method, b'', Origin='http://example.org')
        assert code==404 and 'does not exist' not in said
    assert 'does not exist' in refused(end, 'POST', b'', Origin=plain[:-1])[1]

def test_it_asks_for_the_token_and_ends_with_nothing_left(tmp_path):
    "A process of its own: another host is refused, so is who has no token; Ctrl-C is a good end"
    code = 'import sys; from nextgenface_nb.widgets.app import main; sys.exit(main())'
    (tmp_path/'tmp').mkdir()
    env = dict(os.environ, TMPDIR=str(tmp_path/'tmp'))
    server = subprocess.Popen([sys.executable, '-c', code, '--no-browser', '--output', str(tmp_path/'out')], env=env,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        address = re.search(r'http://127\.0\.0\.1:\d+/\?token=\w{40,}', server.stdout.readline())[0]
        plain = address.partition('?')[0]
        assert urllib.request.urlopen(plain).url.startswith(f'{plain}login')
        for kernel in (KERNEL, 'voila/files/open.html'):
            with pytest.raises(urllib.error.HTTPError) as refused: urllib.request.urlopen(plain+kernel)
            assert refused.value.code==403
        who_is_logged_in(plain, address.partition('token=')[2])
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(urllib.request.Request(address, headers=dict(Host='example.org')))
        assert refused.value.code==403
        server.send_signal(signal.SIGINT)
        said = server.communicate(timeout=60)[1]
        assert server.returncode==0 and 'Traceback' not in said, said
        assert not [*(tmp_path/'tmp').iterdir()]
    finally:
        server.kill()
        server.wait()
