"Photos of all kinds, damaged ones, and crops against arithmetic"
import io, os, struct, subprocess, sys, zlib
import numpy as np, pytest, torch
from PIL import Image, ImageFile, ImageOps
from nextgenface_nb.errors import OutputError, PhotoError
from nextgenface_nb.imaging import (Photo, from_srgb, load_folder, load_photo, overlay, portrait_path,
    resampling_matrix, save_png, to_bytes, to_srgb)

@pytest.fixture(scope='module')
def small(): return np.asarray(Image.open(portrait_path()).crop((150, 20, 310, 220)).resize((80, 100)))

def write_png16(path, codes, interlace=False, extra=b''):
    chunk = lambda kind, data: struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    height, width, channels = codes.shape
    def rows(part): return b''.join(b'\0' + row.astype('>u2').tobytes() for row in part) if part.size else b''
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
        (0, 1, 1, 2)) if interlace else ((0, 0, 1, 1),)
    data = b''.join(rows(codes[y::dy, x::dx]) for x, y, dx, dy in passes)
    header = struct.pack('>IIBBBBB', width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[channels], 0, 0, int(interlace))
    path.write_bytes(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + extra + chunk(b'IDAT', zlib.compress(data))
        + chunk(b'IEND', b''))

def test_the_curve_is_srgb_and_not_a_power():
    x = np.linspace(0, 1, 1001)
    wanted = [12.92*v if v <= .0031308 else 1.055*v**(1/2.4)-.055 for v in x]
    np.testing.assert_allclose(to_srgb(x), wanted, atol=1e-12)
    np.testing.assert_allclose(to_srgb(torch.tensor(x)), wanted, atol=1e-12)
    np.testing.assert_allclose(from_srgb(to_srgb(x)), x, atol=1e-6)
    assert np.abs(to_srgb(x) - x**(1/2.2)).max() > .03

@pytest.mark.parametrize('interlace', (False, True))
@pytest.mark.parametrize('channels', (1, 3, 4))
def test_sixteen_bits_are_all_read(tmp_path, channels, interlace):
    codes = np.random.default_rng(0).integers(0, 65536, (40, 53, channels), dtype=np.uint16)
    write_png16(tmp_path/'a.png', codes, interlace)
    photo = load_photo(tmp_path/'a.png')
    np.testing.assert_allclose(photo.pixels, from_srgb(np.broadcast_to(codes[..., :3], (40, 53, 3))/65535), atol=1e-6)
    if channels == 4: np.testing.assert_allclose(photo.alpha, codes[..., 3]/65535, atol=1e-6)

@pytest.mark.parametrize('kind', ('JPEG', 'PNG', 'WEBP'))
@pytest.mark.parametrize('orientation', range(1, 9))
def test_exif_orientation_as_pillow_does_it(tmp_path, small, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path/f'a.{kind.lower()}'
    Image.fromarray(small).save(path, kind, exif=exif, quality=95)
    wanted = np.asarray(ImageOps.exif_transpose(Image.open(path)).convert('RGB'))
    photo = load_photo(path)
    np.testing.assert_array_equal(to_bytes(photo.pixels), wanted)
    assert photo.original_size == wanted.shape[1::-1]

def test_grey_palette_cmyk_bilevel_and_animation(tmp_path, small):
    image = Image.fromarray(small)
    image.convert('L').save(tmp_path/'l.jpg')
    image.convert('1').save(tmp_path/'1.png')
    image.convert('CMYK').save(tmp_path/'c.jpg', quality=95)
    image.convert('LA').save(tmp_path/'la.png')
    image.convert('P').save(tmp_path/'p.png')
    image.convert('P').save(tmp_path/'t.png', transparency=image.convert('P').getpixel((0, 0)))
    image.save(tmp_path/'anim.webp', save_all=True, append_images=[image.rotate(90)]*2, lossless=True)
    truth = from_srgb(small/255)
    for name, tolerance in (('l.jpg', .2), ('1.png', .6), ('c.jpg', .03), ('la.png', .2), ('p.png', .1), ('t.png', .1),
        ('anim.webp', 1e-3)):
        photo = load_photo(tmp_path/name)
        assert photo.pixels.shape == (100, 80,
            3) and photo.pixels.dtype == torch.float32 and photo.pixels.is_contiguous(), name
        assert np.abs(photo.pixels.numpy() - truth).mean() < tolerance, name
    assert load_photo(tmp_path/'t.png').alpha is not None and load_photo(tmp_path/'la.png').alpha is None

def test_a_colour_profile_is_honoured(tmp_path, small):
    "A profile whose red and blue primaries are swapped."
    from PIL import ImageCms
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile('sRGB')).tobytes())
    table = bytes(profile)
    tags = {table[132+12*i:136+12*i]: struct.unpack('>II', table[136+12*i:144+12*i])
        for i in range(struct.unpack('>I', table[128:132])[0])}
    (red, size), (blue, _) = tags[b'rXYZ'], tags[b'bXYZ']
    profile[red:red+size], profile[blue:blue+size] = table[blue:blue+size], table[red:red+size]
    start, length = tags[b'desc']
    profile[start:start+length] = bytes(profile[start:start+length]).replace('sRGB'.encode('utf-16-be'),
        'xxxx'.encode('utf-16-be')).replace(b'sRGB', b'xxxx')
    Image.fromarray(small).save(tmp_path/'a.png', icc_profile=bytes(profile))
    np.testing.assert_allclose(load_photo(tmp_path/'a.png').pixels, from_srgb(small[..., ::-1]/255), atol=.02)
    Image.fromarray(small).save(tmp_path/'b.png', icc_profile=b'broken')
    np.testing.assert_allclose(load_photo(tmp_path/'b.png').pixels, from_srgb(small/255), atol=1e-6)

@pytest.mark.parametrize('kind', ('JPEG', 'PNG', 'WEBP'))
def test_files_cut_anywhere_are_refused_in_words(tmp_path, small, kind):
    whole = io.BytesIO()
    Image.fromarray(small).save(whole, kind)
    data = whole.getvalue()
    for part in (.001, .01, .05, .2, .5, .8, .95):
        path = tmp_path/'cut'
        path.write_bytes(data[:max(1, int(part*len(data)))])
        with pytest.raises(PhotoError) as e: load_photo(path)
        assert e.value.advice and str(path) in e.value.what

def test_damaged_bytes_never_give_another_error(tmp_path, small):
    whole = io.BytesIO()
    Image.fromarray(small).save(whole, 'PNG')
    random = np.random.default_rng(0)
    for _ in range(60):
        data = bytearray(whole.getvalue())
        for place in random.integers(8, len(data), 5): data[place] = random.integers(256)
        (tmp_path/'a.png').write_bytes(data)
        try: load_photo(tmp_path/'a.png')
        except PhotoError: pass

def test_too_small_and_too_large(tmp_path, monkeypatch):
    Image.new('RGB', (16, 16)).save(tmp_path/'tiny.png')
    Image.new('RGB', (400, 31)).save(tmp_path/'flat.png')
    Image.new('1', (12000, 9000)).save(tmp_path/'huge.png')
    header = struct.pack('>IIBBBBB', 60000, 60000, 8, 2, 0, 0, 0)
    (tmp_path/'bomb.png').write_bytes(b'\x89PNG\r\n\x1a\n' + struct.pack('>I', 13) + b'IHDR' + header
        + struct.pack('>I', zlib.crc32(b'IHDR' + header)) + struct.pack('>I', 0) + b'IDAT'
        + struct.pack('>I', zlib.crc32(b'IDAT')))
    def refused(name, word):
        with pytest.raises(PhotoError, match=word): load_photo(tmp_path/name)
    refused('tiny.png', '16 x 16')
    refused('flat.png', '400 x 31')
    # the large ones are refused before
    monkeypatch.setattr(ImageFile.ImageFile, 'load', lambda picture: pytest.fail('it was decoded'))
    refused('huge.png', '12000 x 9000')
    refused('bomb.png', 'pixels')

@pytest.mark.skipif(hasattr(os, 'geteuid') and os.geteuid() == 0, reason='root may read everything')
def test_a_file_that_may_not_be_read(tmp_path, small):
    Image.fromarray(small).save(tmp_path/'a.png')
    (tmp_path/'a.png').chmod(0)
    with pytest.raises(PhotoError, match='read'): load_photo(tmp_path/'a.png')

def test_a_large_photo_is_averaged_in_light(tmp_path):
    codes = np.random.default_rng(0).integers(0, 256, (3001, 4502, 3), dtype=np.uint8)
    Image.fromarray(codes).save(tmp_path/'large.bmp')
    photo = load_photo(tmp_path/'large.bmp')
    assert (photo.width, photo.height, photo.scale, photo.original_size) == (2251, 1500, .5, (4502, 3001))
    light = from_srgb(codes[:3000]/255).astype(np.float32)
    np.testing.assert_allclose(photo.pixels, light.reshape(1500, 2, 2251, 2, 3).mean((1, 3)), atol=1e-5)
    np.testing.assert_allclose(photo.principal_point(), [4502/4, 3001/4])

def test_reading_leaves_no_file_open_and_takes_odd_names(tmp_path, small):
    path = tmp_path/'ein Gesicht, größer ☺.png'
    Image.fromarray(small).save(path)
    before = len(os.listdir('/proc/self/fd')) if os.path.isdir('/proc/self/fd') else 0
    for _ in range(5): load_photo(path)
    if before: assert len(os.listdir('/proc/self/fd')) <= before + 1

# crops

def test_resampling_is_pillows_lanczos():
    picture = np.random.default_rng(0).random((60, 80)).astype(np.float32)
    box = (10.3, 5.7, 58.1, 50.2)
    for size in ((20, 16), (100, 90)):
        theirs = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS, box=box))
        ours = resampling_matrix(box[1], box[3]-box[1], size[1], 60) @ torch.tensor(picture) @ resampling_matrix(box[0],
            box[2]-box[0], size[0], 80).T
        inner = slice(size[1]//5, -size[1]//5), slice(size[0]//5, -size[0]//5)      # Pillow cuts its window at the box
        np.testing.assert_allclose(ours[inner], theirs[inner], atol=2e-3)

@pytest.mark.parametrize('size', (40, 100, 333))
def test_points_go_where_pixels_go(size):
    y, x = torch.meshgrid(torch.arange(200.)+.5, torch.arange(300.)+.5, indexing='ij')
    # each pixel knows its own place
    photo = Photo(torch.stack((x, y, torch.ones_like(x)), -1)/300)
    part = photo.crop(61.3, 40.8, 97.7, size)
    grid = torch.stack(torch.meshgrid(torch.arange(size)+.5, torch.arange(size)+.5, indexing='xy'), -1)
    torch.testing.assert_close(part.pixels[..., :2]*300, part.to_original(grid), atol=.03, rtol=0)
    assert part.inside.all() and part.pixels.is_contiguous()

def test_outside_is_known_and_padded():
    photo = Photo(torch.rand(50, 60, 3, generator=torch.Generator().manual_seed(0)))
    part = photo.crop(-30, -10, 90, 90)
    assert not part.inside[:, :30].any() and not part.inside[:10].any() and part.inside[10:60, 30:90].all() and not part.inside[60:].any()
    torch.testing.assert_close(part.pixels[10:60, 30:90], photo.pixels, atol=1e-5, rtol=0)
    torch.testing.assert_close(part.pixels[30, 0], photo.pixels[20, 0], atol=1e-5, rtol=0)
    again = part.crop(0, 0, 45, 45)
    assert torch.equal(again.inside, part.inside[:45, :45])

def test_transparent_pixels_do_not_bleed():
    pixels, alpha = torch.zeros(40, 40, 3), torch.zeros(40, 40)
    # green on hidden red
    pixels[:] = torch.tensor([1., 0, 0])
    pixels[10:30, 10:30] = torch.tensor([0., 1, 0])
    alpha[10:30, 10:30] = 1
    part = Photo(pixels, alpha=alpha).crop(5, 5, 30, 11)
    seen = part.alpha > .05
    assert part.pixels[seen][:, 0].max() < .05 and part.pixels[seen][:, 1].min() > .9
    assert part.composited(.5)[0, 0].tolist() == pytest.approx([.5]*3, abs=.02)

def test_face_crops_hold_the_face_and_stay_inside():
    random = np.random.default_rng(0)
    for _ in range(60):
        width, height = random.integers(64, 800, 2)
        photo = Photo(torch.zeros(int(height), int(width), 3))
        box = random.uniform(20, min(width, height)*.95)
        corner = random.uniform(0, [width-box, height-box])
        points = torch.tensor(corner + random.uniform(0, box, (30, 2)), dtype=torch.float32)
        low, high = points.amin(0), points.amax(0)
        if (high-low).max() < 16: continue
        part = photo.crop_face(points, 64)
        mapped = part.from_original(points)
        assert mapped.min() > -.01 and mapped.max() < 64.01
        assert part.inside.all() or 1.05*(high-low).max() > min(width, height)
        torch.testing.assert_close(part.to_original(mapped), points, atol=1e-2, rtol=1e-4)
        torch.testing.assert_close(part.principal_point(),
            part.from_original(torch.tensor([width/2, height/2], dtype=torch.float32)))

def test_a_face_of_a_few_pixels_is_refused():
    with pytest.raises(PhotoError, match='10 pixels'):
        Photo(torch.zeros(99, 99, 3)).crop_face(torch.tensor([[50., 50], [60, 58]]))

# writing and folders

def test_saving_is_all_or_nothing(tmp_path, monkeypatch):
    save_png(tmp_path/'a.png', torch.full((4, 4, 3), .5))
    before = (tmp_path/'a.png').read_bytes()
    def fail(self, path, **options):
        open(path, 'wb').write(b'half')
        raise OSError(28, 'No space left on device')
    monkeypatch.setattr(Image.Image, 'save', fail)
    with pytest.raises(OutputError): save_png(tmp_path/'a.png', torch.zeros(4, 4, 3))
    assert (tmp_path/'a.png').read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ['a.png']

def test_opacity_is_no_light():
    "It is neither encoded nor mixed as a code"
    half = torch.full((4, 4, 4), .5)
    assert to_bytes(half)[0, 0].tolist() == [188, 188, 188, 128]
    assert to_bytes(half, srgb=False)[0, 0].tolist() == [128]*4
    mixed = overlay(torch.full((4, 4, 3), .2), torch.full((4, 4, 4), .8)*torch.tensor([1., 1, 1, .5]))
    torch.testing.assert_close(mixed, torch.full((4, 4, 3), .2*.6+.8*.4))
    torch.testing.assert_close(overlay(torch.zeros(4, 4, 3), half, torch.full((4, 4), .1)), torch.full((4, 4, 3), .05))

def test_what_is_saved_is_what_is_read(tmp_path):
    linear = torch.rand(40, 50, 3, generator=torch.Generator().manual_seed(0))
    save_png(tmp_path/'a.png', linear)
    assert (to_srgb(load_photo(tmp_path/'a.png').pixels) - to_srgb(linear)).abs().max() <= .5/255 + 1e-6
    save_png(tmp_path/'r.png', linear[..., :1], srgb=False)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path/'r.png')), np.rint(linear[..., 0].numpy()*255))
    save_png(tmp_path/'n.png', torch.tensor([[float('nan'), float('inf'), -1]]))
    assert np.asarray(Image.open(tmp_path/'n.png')).tolist() == [[0, 255, 0]]

def test_folders_are_sorted_and_filtered(tmp_path):
    for name in ('b.png', 'a.JPEG', 'c.webp', 'd.txt', '.e.png'): (tmp_path/name).touch()
    (tmp_path/'f.png').mkdir()
    assert [p.name for p in load_folder(tmp_path)] == ['a.JPEG', 'b.png', 'c.webp']
    (tmp_path/'empty').mkdir()
    for bad, word in ((tmp_path/'empty', 'no photos'), (tmp_path/'b.png', 'not a folder'),
        (tmp_path/'none', 'no such')):
        with pytest.raises(PhotoError, match=word): load_folder(bad)

def test_importing_is_light():
    program = "import sys, nextgenface_nb.imaging; print([m for m in ('PIL', 'cv2', 'matplotlib', 'mediapipe', 'mitsuba', 'scipy') if m in sys.modules])"
    assert subprocess.run([sys.executable, '-c', program], capture_output=True, text=True).stdout.strip() == '[]'
