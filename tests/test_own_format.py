"A format from outside the package, in one file: `save`, the report, `nextgenface-export`, its help and its errors know it"
import importlib.util, json, os, subprocess, sys
import numpy as np, pytest
from promises import full_result
from nextgenface_nb.errors import ConfigError, OutputError
from nextgenface_nb import cli_export
from nextgenface_nb.output.checkpoint import save_face
from nextgenface_nb.output.export import export_face
from nextgenface_nb.output.formats import FORMATS, format_names, register_format

#: The file of somebody who knows the package from outside
OWN = '''
import sys
import numpy as np
from nextgenface_nb.cli_export import main
from nextgenface_nb.output.formats import register_format

@register_format('points', '.csv', 'landmarks on the mesh, in mm, one photo a file', brings=('maps',))
def write_points(face, pipeline, folder, options):
    paths = [folder/f'points{i}.csv' for i in range(len(face.frames))]
    for i,path in enumerate(paths):
        places,_ = pipeline.landmark_places(face, i)
        points = places.points(pipeline.vertices(face, i), pipeline.model.triangles).detach()
        np.savetxt(path, points, fmt=options.own.get('form', '%.3f'), delimiter=',')
    return paths

if __name__=='__main__': sys.exit(main())
'''

@pytest.fixture(scope='module')
def made(tmp_path_factory):
    "A small result, its checkpoint and its model"
    place = tmp_path_factory.mktemp('made')
    result = full_result(place)
    result.pipeline.config.save_intermediate = False
    result.pipeline.model.save(place/'toy.h5')
    save_face(place/'a.npz', result.face, result.pipeline.model, dict(config=result.pipeline.config.to_dict()))
    return result,place

@pytest.fixture
def own(tmp_path):
    "The file, read; its format goes again behind the test"
    file = tmp_path/'own.py'
    file.write_text(OWN)
    spec = importlib.util.spec_from_file_location('own', file)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    yield file
    del FORMATS['points']

def names_in(folder): return {p.name for p in folder.iterdir()}
MAPS = {'diffuseMap_0.png', 'specularMap_0.png', 'roughnessMap_0.png'}
POINTS = {'points0.csv', 'points1.csv'}

def test_save_writes_it_with_what_it_brings_and_the_report_lists_it(made, own, tmp_path):
    result,_ = made
    result.save(tmp_path/'out', formats=['points', 'report'])
    assert names_in(tmp_path/'out')==POINTS|MAPS|{'report.json'}
    listed = json.loads((tmp_path/'out'/'report.json').read_text(encoding='utf-8'))['files']
    assert set(listed)==POINTS|MAPS|{'report.json'}
    seen = np.loadtxt(tmp_path/'out'/'points1.csv', delimiter=',')
    assert seen.shape==(len(result.face.frames[1].landmarks.ids), 3) and abs(seen).max()>10

def test_it_goes_again_with_the_results_that_had_it(made, own, tmp_path):
    result,_ = made
    result.save(tmp_path/'out', formats=['points', 'report'])
    result.save(tmp_path/'out', formats=['camera', 'report'])
    assert names_in(tmp_path/'out')=={'camera.json', 'report.json'}

def test_export_writes_it_and_takes_its_options(made, own, tmp_path):
    result,_ = made
    files = export_face(result.pipeline, result.face, tmp_path/'out', ['points'], own=dict(form='%.1f'))
    assert {p.name for p in files}==POINTS|MAPS and all(p.is_file() for p in files)
    assert all(len(x.partition('.')[2])==1 for x in (tmp_path/'out'/'points0.csv').read_text().split(',')[:1])

def test_the_file_itself_is_the_command_with_one_format_more(made, own, tmp_path):
    "As a user calls it; the help names it, and the errors too"
    _,place = made
    run = lambda *flags: subprocess.run(
        [sys.executable, str(own), *map(str, flags)], capture_output=True, text=True, env={**os.environ, 'COLUMNS':'999'})
    done = run(place/'a.npz', '--model', place/'toy.h5', '--format', 'points', '--output', tmp_path/'out')
    assert done.returncode==0 and names_in(tmp_path/'out')==POINTS|MAPS, done.stderr
    assert 'points: landmarks on the mesh, in mm' in run('--help').stdout
    wrong = run(place/'a.npz', '--model', place/'toy.h5', '--format', 'fbx', '--output', tmp_path/'no')
    assert wrong.returncode==2 and 'points' in wrong.stderr and not (tmp_path/'no').exists()

def test_errors_name_it(made, own, tmp_path):
    result,_ = made
    with pytest.raises(ConfigError) as error: export_face(result.pipeline, result.face, tmp_path/'no', ['fbx'])
    assert 'points' in error.value.advice
    with pytest.raises(OutputError) as error: result.save(tmp_path/'no', formats=['fbx'])
    assert 'points' in error.value.advice and 'checkpoint' in error.value.advice

def test_one_that_is_standard_is_written_by_every_save(made, tmp_path):
    result,_ = made
    @register_format('note', '.txt', 'a word', standard=True)
    def write(face, pipeline, folder, options):
        (folder/'note.txt').write_text(type(options.fit).__name__)
        return [folder/'note.txt']
    try:
        result.save(tmp_path/'out')
        assert (tmp_path/'out'/'note.txt').read_text()=='Reconstruction'
    finally: del FORMATS['note']
    result.save(tmp_path/'out')
    assert not (tmp_path/'out'/'note.txt').exists() and (tmp_path/'out'/'face0.glb').exists()

def test_what_needs_the_fit_is_not_offered_from_a_checkpoint(made, tmp_path):
    result,_ = made
    assert {'pictures', 'report', 'losses'}<=set(format_names(True))-set(format_names())
    with pytest.raises(ConfigError, match='pictures'):
        export_face(result.pipeline, result.face, tmp_path/'no', ['pictures'])

@pytest.mark.parametrize('fault', ['raises', 'elsewhere', 'nothing'])
def test_one_that_goes_wrong_leaves_nothing(made, tmp_path, fault):
    result,_ = made
    @register_format('bad', '.txt', '')
    def write(face, pipeline, folder, options):
        if fault=='raises': raise ZeroDivisionError
        if fault=='nothing': return None
        (tmp_path/'elsewhere.txt').write_text('x')
        return [tmp_path/'elsewhere.txt']
    try:
        with pytest.raises(ZeroDivisionError if fault=='raises' else OutputError):
            result.save(tmp_path/'out', formats=['maps', 'bad'])
    finally: del FORMATS['bad']
    assert not (tmp_path/'out').exists()

def test_a_name_is_given_once(own):
    for name in ('points', 'glb', 'mesh'):
        with pytest.raises(ConfigError, match='already'): register_format(name, '.txt', '')(print)

def test_the_table_is_read_by_the_help_and_by_nothing_else():
    "The flags of the command name what is in the table, and only that"
    said = cli_export.make_export_parser().format_help()
    assert all(f'{name}:' in said for name in format_names()) and 'points:' not in said
