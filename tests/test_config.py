"Settings: the files of both references, units, refusals, and the way to disk and back."
import math
import pytest
from nextgenface_nb.config import FIELDS, IGNORED, LEGACY, PRESETS, Config
from nextgenface_nb.errors import ConfigError, FaceError

# key: default.ini, shadows.ini of the references (None: not in that file); `tracker` is what the second calls its
# detector
REFERENCE = dict(device=('cpu', 'cuda'), lamdmarksDetectorType=('mediapipe', None), tracker=(None, 'mediapipe'),
    path=('data/baselMorphableModel',)*2,
    textureResolution=(512, 512), trimPca=(False, False), bands=(9, 9), envMapRes=(64, 64), smoothSh=(True, None),
    saveExr=(False, None),
    maxResolution=(512, 256), camFocalLength=(3000., 3000.), optimizeFocalLength=(True, True), iterStep1=(2000, 2000),
    iterStep2=(400, 400), iterStep3=(500, 100),
    weightLandmarksLossStep2=(.001, .001), weightLandmarksLossStep3=(.001, .001), weightShapeReg=(.001, .001),
    weightExpressionReg=(.001, .001), weightAlbedoReg=(.001, .001),
    weightDiffuseSymmetryReg=(300., 1200.), weightDiffuseConsistencyReg=(100., 100.),
    weightDiffuseSmoothnessReg=(.001, .001),
    weightSpecularSymmetryReg=(200., 300.), weightSpecularConsistencyReg=(2., 2.),
    weightSpecularSmoothnessReg=(.001, .001),
    weightRoughnessSymmetryReg=(200., 300.), weightRoughnessConsistencyReg=(0., 0.),
    weightRoughnessSmoothnessReg=(.002, .002),
    debugFrequency=(30, 30), saveIntermediateStage=(False, False), verbose=(False, False), rtSamples=(10000, 4000),
    rtTrainingSamples=(8, 8))
FORK = dict(rendererName='mitsuba', bounces=1, smoothing=True, debugOutput=False, saveTime=True)

def legacy_file(tmp_path, column, **more):
    "A file as the references ship it"
    settings = {key: values[column] for key,values in REFERENCE.items() if values[column] is not None} | more
    lines = [f"{key} = '{value}' # comment" if isinstance(value, str)
        else f'{key} = {value}     # comment, with = and "quotes"' for key,value in settings.items()]
    path = tmp_path/'legacy.ini'
    path.write_text('# a comment\n\n' + '\n'.join(lines) + '\n')
    return path,settings

@pytest.mark.parametrize('column', [0, 1])
def test_the_references_files_load_and_read_back(tmp_path, column, monkeypatch):
    monkeypatch.setattr('nextgenface_nb.config.fetched', lambda name: None)   # into data/baselMorphableModel
    monkeypatch.chdir(tmp_path)
    path,settings = legacy_file(tmp_path, column, **FORK)
    config = Config.load(path)
    for key,value in settings.items():
        if key in IGNORED: assert any(note.startswith(key) for note in config.notes), key
        elif key=='iterStep1': assert config.steps_landmarks==30
        elif key=='path': assert config.model=='' and any('baselMorphableModel' in note for note in config.notes)
        else: assert getattr(config, key)==pytest.approx(value), key

def test_units_of_the_reference(tmp_path):
    ("The worked example of the notebook, by hand: 1000 over the image is 333 over the face, 0.2 before the maps, sums "
     "become means")
    config = Config.load(legacy_file(tmp_path, 0)[0])
    assert config.weight_diffuse_symmetry==pytest.approx(.18, rel=1e-6)
    assert config.weight_specular_consistency==pytest.approx(.0012, rel=1e-6)
    assert config.weight_diffuse_smoothness==pytest.approx(.001*.0006*512*512*3, rel=1e-6)
    assert config.weight_roughness_smoothness==pytest.approx(.002*.0006*512*512, rel=1e-6)
    assert config.weight_shape==pytest.approx(3e-6, rel=1e-6)
    assert (config.steps_photometric, config.steps_texture, config.samples_final, config.components)==(400, 500, 10000,
        0)

def test_smoothness_does_not_depend_on_the_order_of_lines(tmp_path):
    path = tmp_path/'a.ini'
    weights = []
    for lines in (('textureResolution = 256', 'weightDiffuseSmoothnessReg = 1'),
        ('weightDiffuseSmoothnessReg = 1', 'textureResolution = 256')):
        path.write_text('\n'.join(lines))
        weights.append(Config.load(path).weight_diffuse_smoothness)
    assert weights[0]==weights[1]==pytest.approx(.2*3/1000*256*256*3)

def test_an_existing_old_path_is_taken(tmp_path):
    (tmp_path/'data'/'bfm').mkdir(parents=True)
    (tmp_path/'configs').mkdir()
    path = tmp_path/'configs'/'a.ini'
    path.write_text('path = data/bfm')
    assert Config.load(path).model==str(tmp_path/'configs'/'..'/'data'/'bfm') or Config.load(path).model.endswith(
        'data/bfm')

@pytest.mark.parametrize('name', LEGACY)
def test_old_names_can_be_written_and_read(name):
    config = Config()
    value = getattr(config, name)
    if isinstance(value, bool): value = not value
    elif isinstance(value, int): value = dict(textureResolution=64, maxResolution=96).get(name, 17)
    elif isinstance(value, float): value = 2.5
    else: value = dict(rendererName='vertex').get(name, 'fan')
    setattr(config, name, value)
    assert getattr(config, name)==pytest.approx(value) if isinstance(value, float) else getattr(config, name)==value
    assert getattr(config, LEGACY[name].name)!=getattr(Config(), LEGACY[name].name)

def test_the_originals_snippet(tmp_path):
    config = Config()
    config.fillFromDicFile(legacy_file(tmp_path, 1)[0])
    assert config.iterStep3==100 and config.weight_diffuse_symmetry==pytest.approx(.72)

@pytest.mark.parametrize('text, words', [
    ('bands = nine', ['line 1', "'nine'", 'a whole number from 1 to 12']), ('bands = 9.5', ['whole number']),
    ('bands = 0', ['from 1']),
    ('save_exr = maybe', ['yes or no']), ('device = tpu', ['auto, cpu, cuda, metal']),
    ('texture_resolution = 300', ['256, 512']),
    ('weight_shape = -1', ['from 0']), ('weight_shape = nan', ['weight_shape']),
    ('weight_shape = inf', ['weight_shape']), ('weightShapeReg = x', ['a number']),
    ('saveexr = 1', ['saveexr', 'Did you mean', 'save_exr']), ('wieghtShapeReg = 1', ["Did you mean 'weightShapeReg'?"]),
    ('zzzz = 1', ['describe']),
    ('\n\nbands 9', ['line 3', 'key = value']), ('= 9', ['line 1']),
    ('detector = haar', ['haar', 'mediapipe, fan or a file .pts .npy'])])
def test_what_is_refused_and_how(tmp_path, text, words):
    path = tmp_path/'bad.ini'
    path.write_text(text)
    with pytest.raises(ConfigError) as caught: Config.load(path)
    assert 'bad.ini' in str(caught.value) and all(word in str(caught.value) for word in words), str(caught.value)

def test_files_that_are_none(tmp_path):
    (tmp_path/'binary.ini').write_bytes(bytes(range(128, 256)))
    for path in (tmp_path/'missing.ini', tmp_path, tmp_path/'binary.ini'):
        with pytest.raises(ConfigError, match=path.name): Config.load(path)
    with pytest.raises(FaceError): Config().save(tmp_path/'no'/'folder.ini')

@pytest.mark.parametrize('name', PRESETS)
def test_presets_are_valid_and_come_back_from_disk(tmp_path, name):
    config = Config.preset(name)
    config.save(tmp_path/'a.ini')
    assert Config.load(tmp_path/'a.ini')==config and Config(**config.to_dict())==config

def test_every_setting_is_documented_and_within_its_own_range():
    for name,f in FIELDS.items():
        assert f.metadata['text'], name
        assert setattr(Config(), name, f.default) is None
        if isinstance(f.default, (int, float)) and not isinstance(f.default, bool) and not f.metadata['choices']:
            assert math.isfinite(f.metadata['low']) and math.isfinite(f.metadata['high']), name

def test_text_with_quotes_and_comment_signs_survives(tmp_path):
    for model in ('a # b', "it's", 'say "so"', 'a=b'):
        Config(model=model).save(tmp_path/'a.ini')
        assert Config.load(tmp_path/'a.ini').model==model

def test_a_refused_value_changes_nothing_and_a_config_is_its_own():
    first,second = Config(),Config()
    first.bands = 3
    with pytest.raises(ConfigError): first.bands = 'x'
    with pytest.raises(ConfigError): first.colour = 1
    assert (first.bands, second.bands)==(3, 9) and first!=second
    with pytest.raises(AttributeError): first.colour

def test_texts_of_several_lines_are_no_settings(tmp_path):
    "They would become other settings when the file is read again"
    for text in ('a\nseed = 7', 'a\rb', 'a\u2028b', '\ud800', 'both \' and "'):
        with pytest.raises(ConfigError, match='one line'): Config(model=text)
    Config(model="it's here # really").save(tmp_path/'x.ini')
    assert Config.load(tmp_path/'x.ini').model=="it's here # really"

def test_a_config_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    "A disk that is full in the middle leaves the file as it was, and a link to it a link"
    import errno, os
    path,link = tmp_path/'mine.ini',tmp_path/'link.ini'
    Config(bands=4).save(path)
    link.symlink_to(path)
    Config(bands=5).save(link)
    assert link.is_symlink() and Config.load(path).bands==5
    def full(self, text, **options):
        self.write_bytes(text[:20].encode())
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr('pathlib.Path.write_text', full)
    with pytest.raises(FaceError, match='disk is full'): Config(bands=6).save(path)
    monkeypatch.undo()
    assert Config.load(path).bands==5 and {p.name for p in tmp_path.iterdir()}=={'mine.ini', 'link.ini'}
    Config().save('/dev/null')
    assert not os.path.isfile('/dev/null')

def test_old_debug_settings_name_the_flag(tmp_path):
    from nextgenface_nb.cli import make_parser
    path = tmp_path/'old.ini'
    path.write_text('debugOutput = true\ndebugFrequency = 30\n')
    notes = Config.load(path).notes
    assert len(notes)==2 and all('--debug K' in note for note in notes), notes
    assert make_parser().parse_args(['--debug', '30']).debug==30

def test_the_nearest_setting_is_found_as_every_other_name_is():
    "By the one function there is for it: the same words for a setting and for a map"
    from nextgenface_nb.config import FIELDS, LEGACY, unknown_setting
    from nextgenface_nb.names import name_advice
    for wrong in ('saveexr', 'wieghtShapeReg', 'BANDZ', 'xyzzy'):
        advice = name_advice(wrong, [*LEGACY, *FIELDS], 'Config().describe() lists all settings.')
        assert unknown_setting(wrong).advice==advice, wrong
    assert 'lists all settings' in unknown_setting('xyzzy').advice and "'save_exr'" in unknown_setting('saveexr').advice
