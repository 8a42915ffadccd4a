("Streams that are closed, full or narrow, and paths as people type them: of all commands, in processes of their own "
 "where that matters")
import io, os, re, shutil, subprocess, sys
from pathlib import Path
import pytest
from nextgenface_nb import cli
from small import small_head
from nextgenface_nb.imaging import portrait_path
from nextgenface_nb.terminal import read_paths

QUICK = [*'--preset fast --skipStage2 --skipStage3 --set samples_final=2 --set max_resolution=64'.split(),
    *'--set texture_resolution=64'.split(), *small_head()]
COMMANDS = dict(
    reconstruct='cli:main', config='cli:config_main', measure='evaluation.photos:main',
    bench='evaluation.speed:main', benchmark='evaluation.benchmark:main', export='cli_export:main', replay='cli_replay:main',
    studio='widgets.app:main')

def command(name, *flags, shell='', **variables)->subprocess.CompletedProcess:
    "A command as its console script starts it; shell: what follows it there"
    module,function = COMMANDS[name].split(':')
    code = f'import sys; from nextgenface_nb.{module} import {function} as main; sys.exit(main())'
    return subprocess.run(['bash', '-c', f'"$@" {shell}; exit ${{PIPESTATUS[0]}}', 'bash', sys.executable, '-c', code,
        *map(str, flags)], capture_output=True, text=True, env=dict(os.environ, **variables), timeout=600)

def main_of(name):
    from importlib import import_module
    module,function = COMMANDS[name].split(':')
    return getattr(import_module(f'nextgenface_nb.{module}'), function)

class Gone(io.TextIOBase):
    "A pipe whose reader has gone"
    def write(self, text): raise BrokenPipeError
    def flush(self): raise BrokenPipeError

@pytest.mark.parametrize('name', COMMANDS)
def test_nobody_listens(name, monkeypatch):
    "Help to a reader who has gone, a wrong flag with standard error closed: the code counts"
    monkeypatch.setattr(sys, 'stdout', Gone())
    monkeypatch.setattr(sys, 'stderr', None)
    assert main_of(name)(['--help'])==0
    assert main_of(name)(['--nonsense'])==2
    assert isinstance(sys.stdout, Gone) and sys.stderr is None   # as they were

@pytest.mark.parametrize('shell,code',
    {'| head -1':0, '| true':0, '>&-':0, '2>&-':0, '>&- 2>&-':0, '>/dev/full':5, '2>/dev/full':0}.items())
def test_words_that_are_not_read(shell, code):
    done = command('config', shell=shell)
    assert done.returncode==code, done.stderr
    assert 'Traceback' not in done.stderr and 'BrokenPipe' not in done.stderr
    if code: assert 'no space left' in done.stderr and 'report it' not in done.stderr

def test_names_that_the_terminal_cannot_show(tmp_path):
    "A batch of photos with Japanese names, ASCII, and nobody who listens: all done"
    folder = tmp_path/'日本'
    folder.mkdir()
    for name in ('顔.jpg', 'zwei.jpg'): shutil.copy(portrait_path(), folder/name)
    done = command('reconstruct', *QUICK, '--input', folder, '--output', tmp_path/'out', shell='2>&1 | true',
        PYTHONIOENCODING='ascii')
    assert done.returncode==0
    assert all((tmp_path/'out'/'日本'/name/'report.json').exists()
        for name in ('顔.jpg', 'zwei.jpg')) and not (tmp_path/'out'/'日本'/'failures.json').exists()
    again = command('reconstruct', *QUICK, '--input', folder, '--output', tmp_path/'out', PYTHONIOENCODING='ascii')
    assert again.returncode==0 and 'done before' in again.stderr and '\\u65e5' in again.stderr

def jobs(*flags):
    parser = cli.make_parser()
    return cli.list_jobs(cli.read_request(read_paths(parser, parser.parse_args([*map(str, flags)]))))[0]

def test_results_are_named_after_the_folder_whatever_it_is_called(tmp_path, monkeypatch):
    (tmp_path/'people'/'in').mkdir(parents=True)
    for folder in (tmp_path/'people', tmp_path/'people'/'in'): (folder/'a.jpg').touch()
    monkeypatch.chdir(tmp_path/'people'/'in')
    for text,name in {'..':'people', '../':'people', '.':'in', './':'in', '../in/..':'people', '../in':'in',
        '../in/':'in'}.items():
        assert jobs('--input', text, '--output', 'out')==[([Path(text)/'a.jpg'], Path('out')/name/'a.jpg')], text
    assert jobs('--input', '../a.jpg', '--output', 'out')==[([Path('../a.jpg')], Path('out/a.jpg'))]

def test_home_and_variables(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setenv('USERPROFILE', str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path/'a.jpg').touch()
    for text in ('~', '$HOME', '${HOME}'):
        assert jobs(f'--input={text}/a.jpg', f'--output={text}/x')==[([tmp_path/'a.jpg'], tmp_path/'x'/'a.jpg')]
    assert not (tmp_path/'~').exists()
    parser = cli.make_parser()
    args = read_paths(parser,
        parser.parse_args(['--set', 'model=~/bfm.h5', '--set', 'light=$HOME/l.exr', '--landmarks=~/p.npy',
        '--checkpoint=~/c.npz', '--config=~/c.ini']))
    assert (args.set, args.landmarks, args.checkpoint,
        args.config)==([f'model={tmp_path}/bfm.h5', f'light={tmp_path}/l.exr'], f'{tmp_path}/p.npy',
        f'{tmp_path}/c.npz', f'{tmp_path}/c.ini')

#: Path flags of all commands
FLAGS = dict(reconstruct=['--input', '--output', '--config', '--landmarks', '--checkpoint'],
    config=['--config', '--save'], measure=['--photos', '--output', '--results'],
    bench=['--append'], benchmark=['--photos', '--output', '--sheet', '--cache'], export=['--output', '--model'],
    replay=['--output', '--model'], studio=['--output'])

@pytest.mark.parametrize('name,flag', [(n, f) for n,flags in FLAGS.items() for f in flags])
def test_what_is_no_path_is_refused_in_words(name, flag, capsys):
    main = main_of(name)
    for text,word in {'file:///home/me/a%20b.jpg':'/home/me/a b.jpg', 'https://example.org/a.jpg':'address',
        '"a.jpg"':'quotes', '“a”':'quotes', '$NOT_THERE/a':'NOT_THERE', '  ':'empty'}.items():
        assert main([*(['checkpoint.npz'] if name in ('export', 'replay') else []), flag, text])==2
        said = capsys.readouterr().err
        assert said.startswith(f'error: {flag}') and word in said and 'Traceback' not in said

def test_every_flag_that_takes_a_path_says_so():
    "FLAGS above is complete: a new flag for a path needs a metavariable by which it is known"
    from nextgenface_nb.evaluation import speed as bench
    from nextgenface_nb.evaluation import photos as measure
    from nextgenface_nb.evaluation import benchmark
    from nextgenface_nb import cli_export, cli_replay
    from nextgenface_nb.terminal import PATH_WORDS
    from nextgenface_nb.widgets import app
    parsers = dict(reconstruct=cli.make_parser(), config=cli.make_config_parser(), measure=measure.make_parser(),
        bench=bench.make_parser(), benchmark=benchmark.make_parser(), export=cli_export.make_export_parser(),
        replay=cli_replay.make_replay_parser(), studio=app.make_studio_parser())
    for name,parser in parsers.items():
        found = {a.option_strings[0] for a in parser._actions if a.option_strings and isinstance(a.metavar, str)
            and set(re.split(r'[|.]', a.metavar))&set(PATH_WORDS)}
        assert found>=set(FLAGS[name])
