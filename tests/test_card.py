"Photos in which a fit cannot succeed: a clear refusal, or a result with a warning that says so."
from dataclasses import replace
import numpy as np
import pytest
import torch
from nextgenface_nb.config import Config
from nextgenface_nb.errors import NoFaceError, PhotoError
from nextgenface_nb.imaging import Photo, from_srgb, load_photo, portrait_path
from nextgenface_nb.optim.optimizer import exhaust, reconstruct_steps
from nextgenface_nb.optim.pipeline import Pipeline

@pytest.fixture(scope='module')
def pipeline(): return Pipeline(None, Config(max_resolution=64, texture_resolution=64, environment_height=32, samples_final=8, steps_shading=2, samples_train=4))

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
    small = replace(portrait.crop(-256., -256., 1024., 128), offset=(0., 0.), scale=1., original_size=(128, 128), inside=None)
    said = warnings_of(small, pipeline, ('landmarks',))
    assert 'pixels large' in said or 'refused' in said, said

def test_face_of_a_dozen_pixels(portrait, pipeline):
    tiny = replace(portrait.crop(-1024., -1024., 3000., 128), offset=(0., 0.), scale=1., original_size=(128, 128), inside=None)
    assert 'refused' in warnings_of(tiny, pipeline, ('landmarks',))

def test_profile(pipeline):
    from nextgenface_nb.synthetic import studio_light, synthetic_face
    truth = synthetic_face(pipeline, 2, studio_light(.4), 192, rotation=(0., 1.3, 0.), samples=32)
    said = warnings_of(truth.photo(), pipeline, ('landmarks',))
    assert 'profile' in said or 'refused' in said, said

def test_half_hidden(portrait, pipeline):
    face = fitted(portrait, pipeline, ('landmarks',)).face
    points = face.frames[0].landmarks.moved(portrait).points
    pixels = portrait.pixels.clone(); pixels[int(points[:,1].median())-4:] = torch.tensor([.02, .3, .08])
    frame = face.frames[0]; frame.photo = Photo(pixels).crop(*frame.photo.offset, 64/frame.photo.scale, 64)
    from nextgenface_nb.output.card import frame_card, frame_warnings
    card = frame_card(pipeline, face, 0, dict(nme=.01, psnr=30., ssim=.9))
    assert card['unlike_skin']>.5 and 'hidden or look like no skin' in ' '.join(frame_warnings(card)), card

def test_cartoon(pipeline):
    from PIL import Image, ImageDraw
    picture = Image.new('RGB', (256, 256), (90, 160, 255)); pen = ImageDraw.Draw(picture)
    pen.ellipse((50, 30, 206, 226), fill=(255, 220, 60), outline=(0, 0, 0), width=5)
    for x in (98, 158): pen.ellipse((x-18, 85, x+18, 125), fill=(255, 255, 255), outline=(0, 0, 0), width=4); pen.ellipse((x-6, 98, x+6, 112), fill=(0, 0, 0))
    pen.polygon([(128, 115), (116, 155), (140, 155)], outline=(120, 60, 0)); pen.arc((88, 140, 168, 195), 15, 165, fill=(180, 0, 0), width=7)
    photo = Photo(torch.from_numpy(from_srgb(np.asarray(picture)/255.)).float())
    large = Pipeline(pipeline.model, replace(pipeline.config, max_resolution=256))
    try: result = fitted(photo, large, ('landmarks',))
    except (NoFaceError, PhotoError): return                    # a clear refusal
    from nextgenface_nb.output.card import frame_card
    assert frame_card(large, result.face, 0, dict(nme=.01, psnr=30., ssim=.9))['flat']>.4
    assert 'not look like a photo' in ' '.join(result.card(8).warnings)
