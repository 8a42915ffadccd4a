"Photos in which a fit cannot succeed: a clear refusal, or a result with a warning that says so."
from dataclasses import replace
from pathlib import Path
import numpy as np
import pytest
import torch
from nextgenface_nb.config import Config
from nextgenface_nb.errors import NoFaceError, PhotoError
from nextgenface_nb.imaging import Photo, from_srgb, load_photo, portrait_path
from nextgenface_nb.reconstruction import exhaust, reconstruct_steps
from nextgenface_nb.pipeline import Pipeline

@pytest.fixture(scope='module')
def pipeline():
    return Pipeline(None, Config(max_resolution=64, texture_resolution=64, environment_height=32, samples_final=8,
        steps_shading=2, samples_train=4))

def fitted(photo, pipeline, stages=('landmarks', 'photometric')):
    return exhaust(reconstruct_steps(photo, pipeline.config, stages=list(stages), pipeline=pipeline))

def warnings_of(photo, pipeline, *stages):
    "The card's warnings, or a refusal in words"
    try: return ' '.join(fitted(photo, pipeline, *stages).card(8).warnings)
    except (NoFaceError, PhotoError) as refused: return f'refused: {refused}'

@pytest.fixture(scope='module')
def portrait(): return load_photo(portrait_path()).crop(0., 0., 512., 256)

@pytest.mark.slow
def test_good_photo_has_no_warning(portrait, pipeline): assert warnings_of(portrait, pipeline)==''

def test_small_face(portrait, pipeline):
    small = replace(portrait.crop(-256., -256., 1024., 128), offset=(0., 0.), scale=1., original_size=(128, 128),
        inside=None)
    said = warnings_of(small, pipeline, ('landmarks',))
    assert 'pixels large' in said or 'refused' in said, said

def test_face_of_a_dozen_pixels(portrait, pipeline):
    tiny = replace(portrait.crop(-1024., -1024., 3000., 128), offset=(0., 0.), scale=1., original_size=(128, 128),
        inside=None)
    assert 'refused' in warnings_of(tiny, pipeline, ('landmarks',))

def test_profile(pipeline):
    from nextgenface_nb.evaluation.synthetic import studio_light, synthetic_face
    truth = synthetic_face(pipeline, 2, studio_light(.4), 192, rotation=(0., 1.3, 0.), samples=32)
    said = warnings_of(truth.photo(), pipeline, ('landmarks',))
    assert 'profile' in said or 'refused' in said, said

def turned_scan(yaw, size=512):
    "A scanned head, turned and drawn from its far triangles to the near ones"
    from PIL import Image, ImageDraw
    path = Path(__file__).resolve().parents[2]/'shared'/'scans'/'scan_2.npz'
    if not path.is_file(): pytest.skip('no scanned head: shared/scans beside the checkout')
    scan = np.load(path)
    vertices, triangles, albedo = (scan['vertices'].astype(float), scan['triangles'].astype(int),
        scan['albedo'].astype(float))
    at = scan['principal'] + float(scan['focal'])*vertices[:, :2]*[1, -1]/-vertices[:, 2:]
    column, row = at.astype(int).clip(0, 511).T
    seen = abs(scan['depth'][row, column] + vertices[:, 2]) < 6
    colour = np.where(seen[:, None], albedo[row, column], np.median(albedo[row, column][seen], 0))
    c, s = np.cos(np.radians(yaw)), np.sin(np.radians(yaw))
    head = (vertices - vertices.mean(0)) @ scan['rotation'] @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T
    a, b, d = (head[triangles[:, k]] for k in range(3))
    normal = np.cross(b - a, d - a)
    smooth = np.zeros_like(head)
    for k in range(3): np.add.at(smooth, triangles[:, k], normal)
    smooth /= np.linalg.norm(smooth, axis=1, keepdims=True) + 1e-9
    shade = .3 + .9*(smooth @ (np.array([.4, .5, .8])/np.linalg.norm([.4, .5, .8]))).clip(0)
    light = (1.2*colour*shade[:, None])[triangles].mean(1)
    picture = Image.new('RGB', (2*size, 2*size), (137, 137, 137))
    pen = ImageDraw.Draw(picture)
    place = size + 5.2*size*head[:, :2]*[1, -1]/(900 - head[:, 2:])
    near = (normal*(np.array([0, 0, 900]) - (a + b + d)/3)).sum(1) > 0
    for k in np.argsort((a + b + d)[:, 2]):
        if near[k]:
            pen.polygon([tuple(p) for p in place[triangles[k]]],
                fill=tuple(int(255*v**(1/2.2)) for v in light[k].clip(0, 1)))
    return load_photo(np.asarray(picture.resize((size, size), Image.LANCZOS)))

def test_profiles_of_a_scanned_head_are_said_or_refused(pipeline):
    "The detector takes 60 degrees for 48, and 80 for 23 or for nothing"
    for yaw in (-85, -60, 60, 80):
        said = warnings_of(turned_scan(yaw), pipeline, ('landmarks',))
        assert 'profile' in said or 'refused: Photo: no face' in said, (yaw, said)
    assert 'profile' not in warnings_of(turned_scan(15), pipeline, ('landmarks',))

def test_half_hidden(portrait, pipeline):
    face = fitted(portrait, pipeline, ('landmarks',)).face
    points = face.frames[0].landmarks.moved(portrait).points
    pixels = portrait.pixels.clone()
    pixels[int(points[:,1].median())-4:] = torch.tensor([.02, .3, .08])
    frame = face.frames[0]
    frame.photo = Photo(pixels).crop(*frame.photo.offset, 64/frame.photo.scale, 64)
    from nextgenface_nb.output.card import frame_card, frame_warnings
    card = frame_card(pipeline, face, 0, dict(nme=.01, psnr=30., ssim=.9))
    assert card['unlike_skin']>.5 and 'hidden or look like no skin' in ' '.join(frame_warnings(card)), card

def test_cartoon(pipeline):
    from PIL import Image, ImageDraw
    picture = Image.new('RGB', (256, 256), (90, 160, 255))
    pen = ImageDraw.Draw(picture)
    pen.ellipse((50, 30, 206, 226), fill=(255, 220, 60), outline=(0, 0, 0), width=5)
    for x in (98, 158):
        pen.ellipse((x-18, 85, x+18, 125), fill=(255, 255, 255), outline=(0, 0, 0), width=4)
        pen.ellipse((x-6, 98, x+6, 112), fill=(0, 0, 0))
    pen.polygon([(128, 115), (116, 155), (140, 155)], outline=(120, 60, 0))
    pen.arc((88, 140, 168, 195), 15, 165, fill=(180, 0, 0), width=7)
    photo = Photo(torch.from_numpy(from_srgb(np.asarray(picture)/255.)).float())
    large = Pipeline(pipeline.model, replace(pipeline.config, max_resolution=256))
    try: result = fitted(photo, large, ('landmarks',))
    except (NoFaceError, PhotoError): return                    # a clear refusal
    from nextgenface_nb.output.card import frame_card
    assert frame_card(large, result.face, 0, dict(nme=.01, psnr=30., ssim=.9))['flat']>.4
    assert 'not look like a photo' in ' '.join(result.card(8).warnings)
