"A hand before the face: drawn over the portrait, found, said, and kept out of the maps"
import math
from dataclasses import replace
import numpy as np, pytest, torch
from scipy.ndimage import distance_transform_edt, gaussian_filter
from nextgenface_nb.config import Config
from nextgenface_nb.imaging import Photo, load_photo, portrait_path
from nextgenface_nb.landmarks.detection import MediaPipeSolutions, hand_mask, hands_before
from nextgenface_nb.metrics import eye_distance
from nextgenface_nb.reconstruction import exhaust, make_frame, reconstruct_steps
from nextgenface_nb.pipeline import Pipeline
from nextgenface_nb.output.card import frame_warnings

#: An open hand, palm upwards from the wrist at the origin; 1 is the length of the palm
WRIST = 0., 0.
FINGERS = [
    [(-.25, .12), (-.52, .42), (-.72, .68), (-.86, .92)],
    [(-.30, .98), (-.36, 1.38), (-.39, 1.62), (-.41, 1.82)],
    [(0., 1.02), (0., 1.48), (0., 1.76), (0., 1.98)],
    [(.25, .96), (.28, 1.38), (.30, 1.64), (.31, 1.85)],
    [(.47, .84), (.56, 1.14), (.60, 1.34), (.63, 1.52)]]
THICK = .13, .105, .11, .105, .09
PALM = [
    ((-.15, .1), (-.3, .95), .2), ((0., .05), (0., .98), .22), ((.12, .05), (.25, .92), .2), ((.2, .1), (.45, .8), .18),
    ((-.15, .15), (-.4, .45), .18), ((0., -1.4), (0., .05), .33)]

def drawn_hand(size, wrist, palm, angle):
    "Light [size, size, 3], how much of each pixel it covers, and its 21 joints"
    y, x = np.mgrid[:size, :size] + .5
    c, s = math.cos(angle), math.sin(angle)
    def place(p): return np.array([wrist[0] + palm*(p[0]*c + p[1]*s), wrist[1] + palm*(p[0]*s - p[1]*c)])
    def height(a, b, radius):
        a, b = place(a), place(b)
        d = b - a
        t = np.clip(((x - a[0])*d[0] + (y - a[1])*d[1])/(d @ d), 0, 1)
        return np.sqrt(np.maximum((radius*palm)**2 - (x - a[0] - t*d[0])**2 - (y - a[1] - t*d[1])**2, 0))
    bones = [(a, b, r) for finger, r in zip(FINGERS, THICK) for a, b in zip(finger, finger[1:])]
    high = np.max([height(*b) for b in bones] + [.8*height(*b) for b in PALM], 0)
    mask = high > 0
    slope = np.gradient(gaussian_filter(high, palm*.012))
    normal = np.stack([-slope[1], -slope[0], np.ones_like(high)], -1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    toward = np.array([.5, -.6, .9])/np.linalg.norm([.5, -.6, .9])
    edge = .75 + .25*np.clip(distance_transform_edt(mask)/(palm*.06), 0, 1)
    light = (.35 + .65*np.clip(normal @ toward, 0, 1))*edge
    joints = np.array([place(p) for p in (WRIST, *sum(FINGERS, []))])
    return light[..., None]*np.array([.55, .32, .22]), gaussian_filter(mask.astype(float), .7), joints

def with_hand(face, *where):
    light, cover, joints = drawn_hand(face.width, *where)
    pixels = face.pixels*(1 - cover[..., None]) + light*cover[..., None]
    return Photo(torch.as_tensor(pixels, dtype=torch.float32)), cover > .5, joints

@pytest.fixture(scope='module')
def detector():
    try: return MediaPipeSolutions()
    except Exception as e: pytest.skip(str(e))

@pytest.fixture(scope='module')
def face(detector):
    photo = load_photo(portrait_path())
    view = photo.crop_face(detector.detect(photo).points, 512)
    return Photo(view.pixels), detector.detect(Photo(view.pixels))

BEFORE = (256, 420), 110, .5
BESIDE = (70, 500), 60, -.3

def overlap(a, b): return (a & b).sum()/(a | b).sum()

def test_the_area_of_a_hand_is_that_of_its_joints():
    for where in (BEFORE, BESIDE, ((250, 400), 150, 0.)):
        _, cover, joints = drawn_hand(512, *where)
        arm = hand_mask(joints, (512, 512))
        y = np.arange(512)[:, None]*math.cos(where[2]) - np.arange(512)*math.sin(where[2])
        # the wrist; what is below is the arm
        above = y < where[0][1]*math.cos(where[2]) - where[0][0]*math.sin(where[2])
        assert overlap(arm & above, (cover > .5) & above) > .75

def test_a_hand_before_the_face_is_found(face, detector):
    photo, cover, _ = with_hand(face[0], *BEFORE)
    points = detector.detect(photo)
    share, found = hands_before(detector.hands(photo.to_bytes()), points, (512, 512))
    truth, _ = hands_before(None, points, (512, 512))
    assert truth is None and share > .1 and overlap(found & cover, found) > .7

def test_a_hand_beside_it_and_none_are_none(face, detector):
    photo, _, joints = with_hand(face[0], *BESIDE)
    assert hands_before([joints], detector.detect(photo), (512, 512))[0] == 0
    share, found = hands_before(detector.hands(face[0].to_bytes()), face[1], (512, 512))
    assert share == 0 and not found.any()

def test_a_hand_that_is_the_face_is_none(face):
    _, _, joints = drawn_hand(512, (256, 500), 230, 0.)
    share, found = hands_before([joints], face[1], (512, 512))
    assert share == 0 and not found.any()
    assert hands_before([joints], replace(face[1], detector='fan'), (512, 512))[0] is None

def test_it_is_said_and_left_out(face, detector):
    small = dict(texture_resolution=64, max_resolution=128, environment_height=16)
    photo, cover, _ = with_hand(face[0], *BEFORE)
    pipeline = Pipeline(None, Config(**small))
    fit = exhaust(reconstruct_steps(photo, pipeline.config, stages=['landmarks'], pipeline=pipeline))
    frame = fit.face.frames[0]
    there = torch.from_numpy(cover)[::4, ::4]
    assert frame.hand > .1 and frame.mask.shape == (128, 128) and float(frame.mask.min()) == 0
    said = [w for w in fit.card(8).warnings if 'hand covers' in w]
    assert len(said) == 1 and f'{100*frame.hand:.0f} %' in said[0] and 'left out' in said[0]
    painted = make_frame(photo, pipeline.model, replace(pipeline.config, leave_out='nothing'), detector=detector)
    assert painted.hand == pytest.approx(frame.hand) and painted.mask is None
    plain = make_frame(face[0], pipeline.model, pipeline.config, detector=detector)
    assert plain.hand == 0 and plain.mask is None

def with_arm(face, middle, way, radius):
    "A forearm of the face's tone, round and slightly mottled, right across"
    size = face.width
    y, x = np.mgrid[:size, :size] + .5
    across = ((x - middle[0])*way[1] - (y - middle[1])*way[0])/radius
    shade = .45 + .55*np.clip(.85*np.sqrt(np.clip(1 - across**2, 0, 1)) - .4*across, 0, 1)
    shade *= 1 + .1*gaussian_filter(np.random.default_rng(0).normal(size=(size, size)), 3.)
    cover = gaussian_filter((abs(across) < 1).astype(float), .8)[..., None]
    pixels = face.pixels*(1 - cover) + cover*shade[..., None]*np.array([.55, .32, .22])
    return Photo(torch.as_tensor(pixels, dtype=torch.float32))

def test_an_arm_before_mouth_or_eyes_is_said(face):
    pipeline = Pipeline(None, Config(texture_resolution=64, max_resolution=128, environment_height=16))
    def said(photo, words):
        fit = exhaust(reconstruct_steps(photo, pipeline.config, stages=['landmarks'], pipeline=pipeline,
            landmarks=face[1]))
        return [w for w in fit.card(8).warnings if words in w]
    reach = .42*eye_distance(face[1])
    middle = {part: face[1].group(name).points.mean(0).tolist()
        for part, name in (('mouth', 'lips_outer'), ('left eye', 'left_eye'))}
    for part, place in middle.items():
        for way in ((.99, .14), (.88, -.48)):
            assert part in ' '.join(said(with_arm(face[0], place, way, reach), 'nothing is to be seen')), (part, way)
    below = [256., float(face[1].points[152, 1]) + reach + 8]
    assert not said(face[0], 'nothing is to be seen') and not said(with_arm(face[0], below, (1., 0.), reach),
        'nothing is to be seen')

def test_nobody_looks_and_nothing_is_said():
    card = dict(turned_degrees=5., uncertainty=.01, face_pixels=200, hidden=0., unexplained=0., unlike_skin=0.,
        occluders=0., psnr=30.,
        nme_landmarks=.01, light_psnr=25., flat=0., overexposed=0., side_light=1., mean_light=.3)
    assert [frame_warnings(card | dict(hand=h)) for h in (None, 0., .005)] == [[], [], []]
    assert 'a hand covers 20 %' in frame_warnings(card | dict(hand=.2))[0]
