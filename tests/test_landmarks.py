"Detectors on the bundled portrait; the Tasks interface where its model file is at hand"
import hashlib, os, subprocess, sys, time, types, warnings
from pathlib import Path
import numpy as np, pytest, torch
from nextgenface_nb.landmarks import detection as module
from nextgenface_nb.errors import FaceError, LandmarkError, NoFaceError
from nextgenface_nb.imaging import Photo, load_photo, portrait_path
from nextgenface_nb.landmarks.detection import (FAN, GROUPS, FileDetector, Landmarks, MediaPipeSolutions,
    MediaPipeTasks, download_model, draw_landmarks, find_model,
    load_landmarks, make_detector, mediapipe_detector, normalised_mean_error, save_landmarks)

def model_file():
    "Named by the environment variable, or beside the checkout."
    named = os.environ.get(module.MODEL_VARIABLE)
    path = Path(named) if named else Path(__file__).resolve().parents[2]/'shared'/'models'/'face_landmarker.task'
    return path if path.is_file() else None

needs_model = pytest.mark.skipif(model_file() is None,
    reason=f'no face_landmarker.task: name one in {module.MODEL_VARIABLE}')

def solutions():
    try: return MediaPipeSolutions()
    except LandmarkError as e: pytest.skip(e.what)

@pytest.fixture(scope='module')
def photo(): return load_photo(portrait_path())

@pytest.fixture(scope='module', params=('solutions', pytest.param('tasks', marks=needs_model)))
def detector(request): return solutions() if request.param == 'solutions' else MediaPipeTasks(model_file())

@pytest.fixture
def no_model(monkeypatch, tmp_path):
    monkeypatch.delenv(module.MODEL_VARIABLE, raising=False)
    for name in ('XDG_CACHE_HOME', 'LOCALAPPDATA', 'HOME'): monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr(module, 'fetched', lambda name: None)   # into data/models

def spread(a, b): return float((a.points - b.points).norm(dim=1).mean()/(a.points[33] - a.points[263]).norm())

def test_the_portrait(photo, detector):
    found = detector.detect(photo)
    assert len(found) == 478 and found.points.dtype == torch.float32 and found.ids.tolist() == list(range(478))
    # where a person would put them, by eye, in the 512 x 512 picture
    for index, place, tolerance in ((468, (203.5, 101), 1.5), (473, (246.5, 103.5), 1.5), (61, (202.5, 140), 3),
        (291, (246, 140), 3), (1, (224, 128), 4), (152, (222, 178.5), 5)):
        assert (found.points[index] - torch.tensor(place)).norm() < tolerance, (index, found.points[index])

def test_points_follow_the_photo(photo, detector):
    found = detector.detect(photo)
    for part in (photo.crop(0, 0, 512, 256), photo.crop(-60, -80, 500, 700), photo.crop_face(found.points, 256)):
        again = detector.detect(part)
        assert again.scale == part.scale
        assert spread(found, again.moved(photo)) < .015
    mirrored = detector.detect(Photo(photo.pixels.flip(1)))
    eyes = mirrored.points[[263, 33]]*torch.tensor([-1., 1]) + torch.tensor([512., 0])
    # a shift of a pixel either way would show as two
    assert (eyes - found.points[[33, 263]]).norm(dim=1).max() < 2.5

def test_the_half_pixel(photo, detector):
    "What MediaPipe sees at a quarter of the size must not move."
    shifts = []
    for size in (128, 256, 1024):
        view = photo.crop(130, 20, 190, size)
        shifts.append(view.to_original(torch.tensor(detector.faces(view.to_bytes())[0][0])).mean(0))
    assert (shifts[0] - shifts[2]).abs().max() < .5*190/128*.75
    assert (shifts[1] - shifts[2]).abs().max() < .5*190/256*.75

def test_a_small_face_in_a_large_photo(photo, detector):
    large = torch.full((1500, 2200, 3), .2)
    large[900:1412, 1500:2012] = photo.pixels
    found = detector.detect(Photo(large))
    wanted = detector.detect(photo).points + torch.tensor([1500., 900])
    assert (found.points - wanted).norm(dim=1).mean() < 1.

def panorama(height, width):
    "Light: a sky, hills, houses with windows, grass"
    y, x = torch.meshgrid(torch.arange(height)/height, torch.arange(width)/height, indexing='ij')
    light = torch.stack([.25 + .3*y, .35 + .25*y, .6 - .1*y], -1)
    light[y > .45 + .06*torch.sin(5*x) + .03*torch.sin(17*x)] = torch.tensor([.08, .16, .07])
    walls = (y > .5) & (y < .75) & ((3*x) % 1 > .3)
    light[walls] = torch.tensor([.35, .25, .2])
    light[walls & ((40*y) % 1 > .4) & ((36*x) % 1 > .5)] = torch.tensor([.05, .06, .08])
    grass = torch.rand(height, width, 1, generator=torch.Generator().manual_seed(1))
    return torch.where((y > .75)[..., None], grass*torch.tensor([.2, .4, .1]), light)

def test_small_faces_in_a_large_photo_are_found_and_no_others(photo, detector):
    light, places = panorama(2700, 4000), []
    size = float((detector.detect(photo).points.amax(0) - detector.detect(photo).points.amin(0)).max())
    for left, top, wanted in ((600, 300, 50), (2900, 1500, 60), (3700, 2400, 52)):
        head = photo.crop(135, 20, 180, round(180*wanted/size))
        light[top:top+head.height, left:left+head.width] = head.pixels
        places.append((left + head.width/2, top + head.height/2))
    found = detector.detect_all(Photo(light))
    middles = [face.points.mean(0) for face in found]
    assert len(found) == 3
    for place in places: assert min(float((m - torch.tensor(place)).norm()) for m in middles) < 15

def test_a_large_photo_costs_some_thousand_looks(detector):
    "In processor time, which other work on the machine hardly changes"
    def seconds(work):
        start = time.process_time()
        work()
        return time.process_time() - start
    blank, large, looks = np.full((128, 128, 3), 90, np.uint8), Photo(panorama(3000, 4000), path='wall.png'), []
    one = seconds(lambda: [detector.faces(blank) for _ in range(200)])/200
    def search():
        with pytest.raises(NoFaceError, match='wall.png') as e: detector.detect_all(large)
        looks.append(e.value.advice)
    assert seconds(search)/one < 6000
    assert 'Faces of 33 pixels and more were looked for' in looks[0]

def test_how_small_faces_may_be():
    strip = lambda width, height: Photo(torch.zeros(1, 1, 3).expand(height, width, 3))
    sizes = [module.smallest_face(strip(*size))
        for size in ((64, 64), (600, 400), (1500, 1000), (4200, 1000), (4096, 4096), (9000, 6700))]
    assert sizes[0] < 10 and all(20 < s <= 50 for s in sizes[1:])
    half = Photo(torch.zeros(1, 1, 3).expand(1000, 1500, 3), scale=.5, original_size=(3000, 2000))
    assert module.smallest_face(half) == 2*sizes[2]                              # in pixels of the file

def test_a_coarser_photo_keeps_light_and_places():
    light = torch.rand(90, 120, 3, generator=torch.Generator().manual_seed(2))
    photo = Photo(light, offset=(10., 20.), scale=.5, original_size=(400, 400))
    third = module.coarser(photo, 1/3)
    assert (third.pixels - light.view(30, 3, 40, 3, 3).mean((1, 3))).abs().max() < 1e-6
    place = torch.tensor([[60., 45.]])
    assert (third.to_original(place/3) - photo.to_original(place)).abs().max() < 1e-4
    assert module.coarser(photo, 1.) is photo

def test_a_look_at_a_large_face_takes_no_more_pixels_than_it_needs(photo):
    "A view of a coarser part shows what one of all pixels shows, at the same place, turned or not"
    large = photo.crop(100, 0, 250, 2500)
    for middle, side, off in (((1200., 1000.), 2200., .3), ((300., 2300.), 2300., 3.)):
        for turn in (0., .6):
            quick, place = module._crop_view(large, torch.tensor(middle, dtype=torch.float64), side, 256, turn)
            slow, there = module._square_view(large, torch.tensor(middle, dtype=torch.float64), side, 256, turn)
            points = torch.tensor([[0., 0.], [256., 128.]], dtype=torch.float64)
            assert (place(points) - there(points)).abs().max() < 1e-3
            assert np.abs(quick.astype(int) - slow).mean() < off

def test_a_face_that_fills_the_photo(photo, detector):
    tight = photo.crop(178, 72, 95, 256)
    assert spread(detector.detect(photo), detector.detect(tight).moved(photo)) < .04

def test_the_largest_of_two_faces(photo, detector):
    small, large = photo.crop(140, 30, 172, 200), photo.crop(140, 30, 172, 256)
    both = torch.full((256, 520, 3), .2)
    both[:200, :200] = small.pixels
    both[:, 264:] = large.pixels
    with pytest.warns(UserWarning, match='2 faces'): found = detector.detect(Photo(both, path='two.png'))
    wanted = detector.detect(photo).moved(large).points + torch.tensor([264., 0])
    assert (found.points - wanted).norm(dim=1).mean() < 2

def test_no_face(detector):
    noise = torch.rand(200, 300, 3, generator=torch.Generator().manual_seed(0))
    with pytest.raises(NoFaceError, match='noise.png') as e: detector.detect(Photo(noise, path='noise.png'))
    assert 'file' in e.value.advice

def test_both_interfaces_agree(photo):
    if model_file() is None: pytest.skip('no model file')
    assert spread(solutions().detect(photo), MediaPipeTasks(model_file()).detect(photo)) < .03

@needs_model
def test_tasks_give_expressions(photo, monkeypatch, no_model):
    found = MediaPipeTasks(model_file()).detect(photo)
    assert found.blendshapes['mouthSmileLeft'] > .6 and found.blendshapes['jawOpen'] < .3 and len(
        found.blendshapes) == 51
    monkeypatch.setenv(module.MODEL_VARIABLE, str(model_file()))
    assert isinstance(mediapipe_detector(), MediaPipeTasks) and isinstance(make_detector(str(model_file())),
        MediaPipeTasks)
    assert hashlib.sha256(model_file().read_bytes()).hexdigest() == module.MODEL_SHA256

def test_damaged_model_file(tmp_path):
    (tmp_path/'a.task').write_bytes(b'not a model')
    with pytest.raises(LandmarkError, match='a.task'): MediaPipeTasks(tmp_path/'a.task')

def test_which_interface_is_taken(monkeypatch, no_model, tmp_path):
    calls = []
    monkeypatch.setattr(module, 'MediaPipeTasks', lambda path='': calls.append(str(path)) or 'tasks')
    monkeypatch.setattr(module, 'MediaPipeSolutions', lambda: 'solutions')
    monkeypatch.setattr(module, 'download_model', lambda: tmp_path/'fetched.task')
    old, new = types.SimpleNamespace(solutions=1, __version__='0.10.21'), types.SimpleNamespace(__version__='0.10.35')
    monkeypatch.setattr(module, '_mediapipe', lambda: old)
    assert mediapipe_detector() == 'solutions'
    monkeypatch.setattr(module, '_mediapipe', lambda: new)
    assert mediapipe_detector() == 'tasks' and calls == [str(tmp_path/'fetched.task')]
    module.cache_folder().mkdir(parents=True)
    (module.cache_folder()/'face_landmarker.task').touch()
    # it is here already
    monkeypatch.setattr(module, '_mediapipe', lambda: old)
    assert mediapipe_detector() == 'tasks'

def test_neither_interface_names_both_ways_out(monkeypatch, no_model):
    def fail(): raise LandmarkError('no network')
    monkeypatch.setattr(module, 'download_model', fail)
    monkeypatch.setattr(module, '_mediapipe', lambda: types.SimpleNamespace(__version__='0.10.35'))
    with pytest.raises(LandmarkError) as e: mediapipe_detector()
    assert 'no network' in e.value.what and module.MODEL_URL in e.value.advice and module.MODEL_VARIABLE in e.value.advice and 'pip install' in e.value.advice

def test_without_mediapipe(monkeypatch):
    monkeypatch.setitem(sys.modules, 'mediapipe', None)
    with pytest.raises(LandmarkError, match='mediapipe') as e: MediaPipeSolutions()
    assert 'pip install' in e.value.advice and 'file' in e.value.advice

def test_without_face_alignment(monkeypatch):
    monkeypatch.setitem(sys.modules, 'face_alignment', None)
    with pytest.raises(LandmarkError, match='face-alignment'): make_detector('fan')

def test_download(tmp_path, no_model):
    source = tmp_path/'source.bin'
    source.write_bytes(b'x'*1000)
    good = hashlib.sha256(b'x'*1000).hexdigest()
    assert download_model(url=source.as_uri(),
        sha256=good) == module.cache_folder()/'face_landmarker.task' == find_model()
    with pytest.raises(LandmarkError, match='SHA-256'):
        download_model(tmp_path/'b'/'c.task', url=source.as_uri(), sha256='0'*64)
    assert not (tmp_path/'b').exists()
    with pytest.raises(LandmarkError, match='no such model'): find_model(tmp_path/'missing.task')

def test_a_wrong_environment_variable_is_an_error(monkeypatch):
    monkeypatch.setenv(module.MODEL_VARIABLE, '/nowhere/a.task')
    with pytest.raises(LandmarkError, match='a.task') as e: make_detector('mediapipe')
    assert module.MODEL_VARIABLE in e.value.advice

def test_groups_are_those_of_mediapipe():
    mediapipe = pytest.importorskip('mediapipe')
    if not hasattr(mediapipe, 'solutions'): pytest.skip('this mediapipe has no solutions')
    theirs = mediapipe.solutions.face_mesh
    def members(pairs): return {i for pair in pairs for i in pair}
    g = GROUPS['mediapipe']
    for ours, name in (('face_oval', 'FACE_OVAL'), ('left_eye', 'LEFT_EYE'), ('right_eye', 'RIGHT_EYE'),
        ('left_brow', 'LEFT_EYEBROW'), ('right_brow', 'RIGHT_EYEBROW'), ('left_iris', 'LEFT_IRIS'),
        ('right_iris', 'RIGHT_IRIS')):
        pairs = getattr(theirs, f'FACEMESH_{name}')
        assert set(g[ours]) == members(pairs), ours
        # and in the order of the outline
        if 'brow' not in ours and 'iris' not in ours:
            around = {frozenset(p) for p in zip(g[ours], g[ours][1:] + g[ours][:1])}
            assert {frozenset(p) for p in pairs} == around, ours
    assert set(g['lips_outer']) | set(g['lips_inner']) == members(theirs.FACEMESH_LIPS)
    assert sorted(i for part in ('jaw', 'right_brow', 'left_brow', 'nose_bridge', 'nostrils', 'right_eye', 'left_eye',
        'lips_outer', 'lips_inner') for i in GROUPS['fan'][part]) == list(range(68))

def test_left_and_right_are_the_persons(photo, detector):
    found = detector.detect(photo)
    for part in ('eye', 'brow', 'iris'):
        assert found.group(f'left_{part}').points[:, 0].mean() > found.group(f'right_{part}').points[:, 0].mean()
    irises = found.group('iris_centres').points
    for iris, eye in zip(irises, ('left_eye', 'right_eye')):
        low, high = found.group(eye).points.amin(0), found.group(eye).points.amax(0)
        assert (iris > low - 1).all() and (iris < high + 1).all()

def test_files(tmp_path, photo):
    points = np.random.default_rng(0).uniform(50, 400, (478, 2))
    half = photo.crop(0, 0, 512, 256)
    for name, rows, count in (('a.npy', points, 478), ('b.npy', points[:68], 68),
        ('c.npy', np.column_stack((np.arange(5)*7, points[:5])), 5)):
        np.save(tmp_path/name, rows)
        found = make_detector(tmp_path/name).detect(half)
        assert len(found) == count
        np.testing.assert_allclose(found.points, points[:count]/2, atol=1e-3)
    assert load_landmarks(tmp_path/'b.npy').detector == 'fan' and load_landmarks(tmp_path/'c.npy').ids.tolist() == [0,
        7, 14, 21, 28]
    found = make_detector(tmp_path/'a.npy').detect(half)
    save_landmarks(tmp_path/'d.txt', found, half)
    np.testing.assert_allclose(load_landmarks(tmp_path/'d.txt').points, points, atol=1e-2)
    np.save(tmp_path/f'{Path(photo.path).stem}.npy', points[:68])
    assert make_detector(tmp_path).detect(photo).detector == 'fan'

def test_whole_numbers_are_pixels_and_their_centres_are_meant(tmp_path):
    "As dlib, OpenCV and face-alignment count; fractions are coordinates, the first pixel's centre at .5"
    whole = np.random.default_rng(0).integers(50, 400, (68, 2))
    np.save(tmp_path/'a.npy', whole)
    np.save(tmp_path/'b.npy', whole.astype(np.float32))
    np.save(tmp_path/'c.npy', whole + .25)
    np.savetxt(tmp_path/'d.txt', np.column_stack((np.arange(68), whole)))
    (tmp_path/'e.pts').write_text('n_points: 68\n{\n' + '\n'.join(f'{x} {y}' for x, y in whole + 1) + '\n}\n')
    for name, wanted in (('a.npy', .5), ('b.npy', .5), ('c.npy', .25), ('d.txt', .5), ('e.pts', .5)):
        np.testing.assert_allclose(load_landmarks(tmp_path/name, 'fan').points, whole + wanted, err_msg=name)
    class Answers:
        def get_landmarks_from_image(self, picture): return [whole.astype(np.float32)]
    points, _ = FAN(network=Answers()).faces(np.zeros((8, 8, 3), np.uint8))[0]
    np.testing.assert_allclose(points, whole + .5)

def test_damaged_files(tmp_path, photo):
    np.save(tmp_path/'shape.npy', np.zeros((3, 4, 5)))
    np.save(tmp_path/'nan.npy', np.full((68, 2), np.nan))
    np.save(tmp_path/'twice.npy', np.zeros((4, 3)))
    np.save(tmp_path/'away.npy', np.full((68, 2), -5.)+np.arange(68)[:, None]*-1)
    np.save(tmp_path/'pickle.npy', np.array([print], dtype=object), allow_pickle=True)
    (tmp_path/'empty.txt').touch()
    (tmp_path/'half.pts').write_text('version: 1\nn_points: 68\n{\n1 2\n')
    (tmp_path/'words.txt').write_text('a b\n')
    (tmp_path/'binary.txt').write_bytes(b'\xff\xfe\x00')
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        for path in sorted(tmp_path.iterdir()):
            with pytest.raises(LandmarkError): make_detector(path).detect(photo)

def test_error_measure():
    points = torch.rand(478, 2)*100
    a = Landmarks(points, torch.arange(478))
    b = Landmarks((points + torch.tensor([.3, -.4])).flip(0), torch.arange(478).flip(0))
    assert normalised_mean_error(b, a) == pytest.approx(.5/float((points[33]-points[263]).norm()), rel=1e-3)
    with pytest.raises(LandmarkError):
        normalised_mean_error(a, Landmarks(points[:68], torch.arange(68), detector='fan'))

def test_drawing_does_not_move_things():
    picture = draw_landmarks(Photo(torch.zeros(40, 50, 3)), Landmarks([[20.5, 10.5]], [0], detector='other'), 4)
    y, x = np.nonzero(picture[..., 0])
    assert picture.shape == (160, 200, 3) and abs((x+.5).mean()/4 - 20.5) < .15 and abs((y+.5).mean()/4 - 10.5) < .15

def test_importing_is_light():
    program = "import sys, nextgenface_nb.landmarks.detection; print([m for m in ('mediapipe', 'face_alignment', 'matplotlib', 'cv2', 'mitsuba', 'PIL') if m in sys.modules])"
    assert subprocess.run([sys.executable, '-c', program], capture_output=True, text=True).stdout.strip() == '[]'

@pytest.mark.parametrize('kind', ('MediaPipeSolutions()',
    pytest.param('MediaPipeTasks(sys.argv[1])', marks=needs_model)))
def test_detecting_is_silent(kind):
    solutions()
    program = f'import sys\nfrom nextgenface_nb.landmarks.detection import *\nfrom nextgenface_nb.imaging import *\n{kind}.detect(load_photo(portrait_path()))'
    done = subprocess.run([sys.executable, '-c', program, str(model_file())], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == '' and done.stderr == '', done.stderr

@pytest.mark.parametrize('ids, words',
    [((1, 1), 'occurs twice'), ((1.5, 2), 'no whole number'), ((-1, 2), 'no whole number'),
    ((1e300, 2), 'no whole number')])
def test_ids_that_are_none(tmp_path, ids, words):
    (tmp_path/'x.txt').write_text(''.join(f'{i} 10 10\n' for i in ids))
    with pytest.raises(LandmarkError, match=f'x.txt.*{words}'): load_landmarks(tmp_path/'x.txt')

class Leaning(MediaPipeSolutions):
    "Errs to the right in the picture, whatever is shown: in the mirror that is the other side of the face"
    def faces(self, picture): return [(points + [12., 0], scores) for points, scores in super().faces(picture)]

def test_a_detector_that_leans_to_one_side_is_uncertain(photo):
    sure, unsure = solutions(), Leaning()
    plain = sure.detect(photo)
    assert sure.uncertainty(photo, plain) < .015
    corners = plain.group('outer_eye_corners').points
    side = 2*float((plain.points.amax(0) - plain.points.amin(0)).max())
    expected = 24*side/512/float((corners[0] - corners[1]).norm())
    assert abs(unsure.uncertainty(photo, unsure.detect(photo)) - expected) < .02

def test_uncertain_points_pull_less():
    from dataclasses import replace
    from nextgenface_nb.landmarks.uncertainty import detector_errors
    from nextgenface_nb.optim.landmarks import LandmarkProblem, LandmarkSettings, energy_of, evaluate
    from nextgenface_nb.config import Config
    from nextgenface_nb.pipeline import Pipeline
    from nextgenface_nb.evaluation.synthetic import synthetic_face
    pipeline = Pipeline(None, Config(texture_resolution=64))
    face = synthetic_face(pipeline, 1, size=96, samples=4).face
    frame = face.frames[0]
    known = detector_errors(frame.landmarks.detector)
    wrong = torch.tensor(known.modes[0]*.1)[[list(known.ids).index(i) for i in frame.landmarks.ids.tolist()]].float()*30
    def energy(uncertainty):
        frame.landmarks = replace(frame.landmarks, points=right + wrong, uncertainty=uncertainty)
        problem = LandmarkProblem(pipeline.model, face, LandmarkSettings())
        return energy_of(evaluate(problem, problem.start(face))[:1])
    right = frame.landmarks.points
    sure, unsure = energy(0.), energy(.03)
    assert unsure < .1*sure and sure > 1

def test_a_fit_asks_for_the_uncertainty_unless_told_not_to(photo):
    from nextgenface_nb.config import Config
    from nextgenface_nb.facemodel.model import load_model
    from nextgenface_nb.reconstruction import make_frame
    model, detector = load_model(), solutions()
    frames = [make_frame(photo, model, Config(detector_uncertainty=factor), detector=detector) for factor in (1., 0.)]
    asked, not_asked = (frame.landmarks.uncertainty for frame in frames)
    assert .008 < asked < .0145 and not_asked == 0
