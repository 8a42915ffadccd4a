"Photos as people have them: held sideways, in other colour spaces, handed over as arrays, in folders of folders"
import hashlib, io, os, re, struct, zlib
from pathlib import Path
import numpy as np, pytest, torch
from PIL import Image, ImageCms, ImageOps
from limited import limited
from os_calls import exchange
from nextgenface_nb import cli, colour, imaging, reading
from nextgenface_nb.errors import PhotoError
from nextgenface_nb.imaging import load_folder, load_photo, load_values, portrait_path, scan_folder, to_bytes, to_srgb
from nextgenface_nb.reading import PICTURES, can_read

@pytest.fixture(scope='module')
def small(): return Image.open(portrait_path(), formats=('JPEG',)).crop((150, 20, 310, 220)).resize((60, 76))

def chunk(kind, content):
    return struct.pack('>I', len(content))+kind+content+struct.pack('>I', zlib.crc32(kind+content))

def png(codes, *extra): # [H, W, C] uint8 or uint16
    "A PNG of 8 or 16 bits with further chunks before the picture"
    height, width, channels = codes.shape
    bits = codes.dtype.itemsize*8
    rows = b''.join(b'\0'+row.astype('>u2' if bits == 16 else 'u1').tobytes() for row in codes)
    header = struct.pack('>IIBBBBB', width, height, bits, {1:0, 2:4, 3:2, 4:6}[channels], 0, 0, 0)
    return b'\x89PNG\r\n\x1a\n'+chunk(b'IHDR', header)+b''.join(extra)+chunk(b'IDAT',
        zlib.compress(rows))+chunk(b'IEND', b'')

def light(data, name=''): return load_photo(data, name).pixels.numpy()

# ---- orientation: as Pillow's exif_transpose says

MODES = {'1':('raw', 'group4', 'packbits'), 'L':('raw', 'tiff_lzw', 'tiff_adobe_deflate', 'packbits', 'jpeg'),
    'LA':('raw', 'tiff_lzw', 'tiff_adobe_deflate', 'packbits'),
    'I;16':('raw', 'tiff_lzw', 'tiff_adobe_deflate', 'packbits'),
    'RGB':('raw', 'tiff_lzw', 'tiff_adobe_deflate', 'packbits', 'jpeg'),
    'RGBA':('raw', 'tiff_lzw', 'tiff_adobe_deflate', 'packbits'),
    'P':('raw', 'tiff_lzw', 'tiff_adobe_deflate', 'packbits'),
    'CMYK':('raw', 'tiff_lzw', 'tiff_adobe_deflate', 'packbits', 'jpeg'), 'YCbCr':('raw', 'tiff_lzw', 'jpeg')}

def in_mode(image, mode):
    if mode == 'I;16': return Image.fromarray(np.asarray(image.convert('L')).astype(np.uint16)*257)
    if mode == 'YCbCr': return image.convert('YCbCr')
    return image.convert(mode)

def upright_codes(data):
    "What Pillow makes of it, by its own ImageOps"
    turned = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if turned.mode.startswith('I'): return np.repeat((np.asarray(turned) >> 8).astype(np.uint8)[..., None], 3, -1)
    return np.asarray(turned.convert('RGBA' if turned.mode in ('LA', 'RGBA') else 'RGB'))[..., :3]

@pytest.mark.parametrize('mode, packing', [(mode, packing) for mode, packings in MODES.items() for packing in packings])
def test_tiff_of_every_mode_and_compression_is_turned_once(small, mode, packing):
    if mode == 'YCbCr' and packing == 'jpeg': tags, image = {}, small.convert('YCbCr')
    else: tags, image = {}, in_mode(small, mode)
    for orientation in range(1, 9):
        file = io.BytesIO()
        image.save(file, 'TIFF', compression=None if packing == 'raw' else packing, tiffinfo={274:orientation})
        try: wanted = upright_codes(file.getvalue())
        except OSError: # Pillow 12, the last one for Python 3.10, cannot read the raw YCbCr that it writes
            with pytest.raises(PhotoError, match='truncated'): load_photo(file.getvalue(), 'a.tif')
            continue
        photo = load_photo(file.getvalue(), 'a.tif')
        assert photo.original_size == wanted.shape[1::-1]
        np.testing.assert_array_equal(to_bytes(photo.pixels), wanted)

KINDS = ('JPEG', 'PNG', 'WEBP', 'AVIF', 'JPEG2000', 'MPO')

@pytest.mark.parametrize('kind', KINDS)
def test_other_kinds_are_turned_once(small, kind):
    if not can_read('JPEG' if kind == 'MPO' else kind): pytest.skip(f'Pillow has no {kind}')
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[274] = orientation
        file = io.BytesIO()
        more = (dict(save_all=True, append_images=[small.rotate(90)]) if kind == 'MPO' else dict(quality=90)
            if kind in ('WEBP', 'AVIF') else {})
        small.save(file, kind, exif=exif, **more)
        photo = load_photo(file.getvalue())
        wanted = upright_codes(file.getvalue())
        assert photo.original_size == wanted.shape[1::-1]
        np.testing.assert_array_equal(to_bytes(photo.pixels), wanted)

def test_orientation_in_xmp_and_in_texts_of_png(small):
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    codes = np.asarray(small)
    exif = Image.Exif()
    exif[274] = 6
    raw = b'\nexif\n      %d\n' % len(exif.tobytes())+exif.tobytes().hex().encode()+b'\n'
    for data in (png(codes, chunk(b'iTXt', b'XML:com.adobe.xmp\0\0\0\0\0'+xmp)),
        png(codes, chunk(b'zTXt', b'Raw profile type exif\0\0'+zlib.compress(raw)))):
        np.testing.assert_array_equal(to_bytes(load_photo(data).pixels), upright_codes(data))
        assert load_photo(data).width == 76

def test_a_large_photo_is_cut_into_blocks_from_its_own_corner(monkeypatch):
    ("513 x 516 are averaged by two where 512 are the most; the odd row and column are left out on the same sides "
     "whichever way it was held")
    limited(monkeypatch, working_side=512)
    codes = np.random.default_rng(0).integers(0, 256, (516, 513), dtype=np.uint8)
    wanted = light(codes)
    for orientation, stored in ((3, codes[::-1, ::-1]), (6, np.rot90(codes)), (7, codes.T[::-1, ::-1])):
        exif = Image.Exif()
        exif[274] = orientation
        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(stored)).save(file, 'PNG', exif=exif, compress_level=0)
        np.testing.assert_allclose(light(file.getvalue()), wanted, atol=1e-6)

def test_a_turned_tiff_against_arithmetic(small):
    codes = np.asarray(small)
    stored = {1:codes, 2:codes[:, ::-1], 3:codes[::-1, ::-1], 4:codes[::-1], 5:codes.swapaxes(0, 1), 6:np.rot90(codes),
        7:codes.swapaxes(0, 1)[::-1, ::-1], 8:np.rot90(codes, -1)}
    for orientation, turned in stored.items():
        for packing in (None, 'tiff_lzw'):
            file = io.BytesIO()
            Image.fromarray(np.ascontiguousarray(turned)).save(file, 'TIFF', compression=packing,
                tiffinfo={274:orientation})
            np.testing.assert_array_equal(to_bytes(load_photo(file.getvalue()).pixels), codes)

# ---- colours

P3, ADOBE, SRGB = ((.68, .32), (.265, .69), (.15, .06)), ((.64, .33), (.21, .71), (.15, .06)), ((.64, .33), (.30, .60),
    (.15, .06))

def gamma(value): return struct.pack('>4sIIH', b'curv', 0, 1, round(value*256))+bytes(2)

def make_profile(space=b'RGB ', primaries=P3, curve=gamma(2.2), table=b''):
    "An ICC profile: primaries at the white of D65, one curve or three, or a table `A2B0`"
    d50 = np.array([.9642, 1, .8249])
    xyz = colour.to_xyz(colour.D65, primaries)
    columns = colour.adapted(xyz.sum(1), d50) @ xyz
    part = lambda v: b'XYZ '+bytes(4)+struct.pack('>3i', *(round(float(x)*65536) for x in v))
    parts = [(b'desc', b'desc'+bytes(4)+struct.pack('>I', 5)+b'mine\0'+bytes(79)), (b'wtpt', part(d50)),
        (b'cprt', b'text\0\0\0\0none\0')]
    if table: parts.append((b'A2B0', table))
    elif space == b'GRAY': parts.append((b'kTRC', curve))
    else:
        parts += [*zip((b'rXYZ', b'gXYZ', b'bXYZ'), map(part, columns.T)),
            *zip((b'rTRC', b'gTRC', b'bTRC'), curve if isinstance(curve, tuple) else [curve]*3)]
    body, index, start = b'', b'', 132+12*len(parts)
    for name, content in parts:
        index += name+struct.pack('>II', start+len(body), len(content))
        body += content+bytes(-len(content) % 4)
    head = struct.pack('>I4sI4s4s4s12s4s', start+len(body), b'none', 0x02200000, b'mntr', space,
        b'Lab ' if table else b'XYZ ', bytes(12), b'acsp')+bytes(28)
    head += struct.pack('>3i', *(round(x*65536) for x in d50))
    return head.ljust(128, b'\0')+struct.pack('>I', len(parts))+index+body

def expected(codes, primaries, exponent, most): # [..., 3] linear sRGB
    "From colour science: codes to light, their primaries to XYZ, XYZ to sRGB; both have the white of D65"
    to_xyz = lambda p: colour.to_xyz(colour.D65, p)
    light = colour.srgb_curve(codes/most) if exponent is None else (codes/most)**exponent
    found = light @ (np.linalg.inv(to_xyz(SRGB)) @ to_xyz(primaries)).T
    return found.clip(0, 1)

def iccp(profile): return chunk(b'iCCP', b'x\0\0'+zlib.compress(profile))

RANDOM = np.random.default_rng(1)
CODES8, CODES16 = RANDOM.integers(0, 256, (40, 50, 4), dtype=np.uint8), RANDOM.integers(0, 65536, (40, 50, 4),
    dtype=np.uint16)

@pytest.mark.parametrize('primaries', (P3, ADOBE))
@pytest.mark.parametrize('channels', (3, 4))
def test_a_profile_counts_for_all_16_bits(channels, primaries):
    codes = CODES16[..., :channels]
    found = load_photo(png(codes, iccp(make_profile(primaries=primaries))))
    np.testing.assert_allclose(found.pixels, expected(codes[..., :3], primaries, 2.2, 65535), atol=3e-4)
    if channels == 4: np.testing.assert_allclose(found.alpha, codes[..., 3]/65535, atol=1e-6)
    low = codes & 0xff00
    apart = np.abs(found.pixels.numpy() - light(png(low, iccp(make_profile(primaries=primaries)))))
    assert apart.max() > 1e-3       # the lower bytes count

@pytest.mark.parametrize('codes', (CODES8[..., :1], CODES8[..., :2], CODES16[..., :1], CODES16[..., :2]),
    ids=('L', 'LA', 'I;16', 'LA;16'))
@pytest.mark.parametrize('how', ('grey profile', 'colour profile', 'gAMA'))
def test_grey_with_a_profile(codes, how):
    most = np.iinfo(codes.dtype).max
    extra = dict([('grey profile', iccp(make_profile(b'GRAY', curve=gamma(1.0)))),
        ('colour profile', iccp(make_profile(curve=gamma(1.0)))),
        ('gAMA', chunk(b'gAMA', struct.pack('>I', 100_000)))])[how]
    found = load_photo(png(codes, extra))
    np.testing.assert_allclose(found.pixels, np.repeat(codes[..., :1]/most, 3, -1), atol=1e-3)
    if codes.shape[-1] == 2: np.testing.assert_allclose(found.alpha, codes[..., 1]/most, atol=1e-6)
    np.testing.assert_allclose(light(png(codes)), np.repeat(colour.srgb_curve(codes[..., :1]/most), 3, -1), atol=1e-6)

def test_a_grey_profile_of_another_build():
    "Its curve leads to the lightness of CIE Lab: by Little CMS"
    profile = bytearray(make_profile(b'GRAY', curve=gamma(1.)))
    profile[20:24] = b'Lab '
    codes = np.arange(2048).reshape(32, 64, 1)//8
    lightness = 100*codes/255
    wanted = np.where(lightness > 8, ((lightness+16)/116)**3, lightness/903.3)
    np.testing.assert_allclose(light(png(codes.astype(np.uint8), iccp(bytes(profile)))), np.repeat(wanted, 3, -1),
        atol=6e-3)

def test_what_png_says_in_its_order():
    codes = CODES8[..., :3]
    p3, linear, srgb, gama = make_profile(curve=gamma(2.2)), make_profile(primaries=SRGB,
        curve=gamma(1.)), chunk(b'sRGB', b'\0'), chunk(b'gAMA', struct.pack('>I', 100_000))
    cicp = chunk(b'cICP', bytes((9, 8, 0, 1)))
    bt2020 = (.708, .292), (.17, .797), (.131, .046)
    cases = {'cICP before all':((cicp, iccp(p3), srgb, gama), (bt2020, 1.)),
        'iCCP before sRGB':((iccp(p3), srgb, gama), (P3, 2.2)), 'sRGB before gAMA':((srgb, gama), None),
        'gAMA':((gama,), (SRGB, 1.)), 'gAMA of 2.2':((chunk(b'gAMA', struct.pack('>I', 45_455)),), (SRGB, 1/.45455)),
        'nothing':((), None),
        'unknown cICP':((chunk(b'cICP', bytes((77, 8, 0, 1))), iccp(p3)), (P3, 2.2)),
        'broken iCCP':((chunk(b'iCCP', b'x\0\0broken'), gama), (SRGB, 1.)),
        'gAMA 0':((chunk(b'gAMA', bytes(4)),), None),
        'gAMA and cHRM':((gama, chunk(b'cHRM',
        struct.pack('>8I', 31270, 32900, *(round(1e5*v) for p in P3 for v in p)))), (P3, 1.)),
        'cHRM that is cut off':((gama, chunk(b'cHRM', bytes(31))), (SRGB, 1.)),
        'gAMA that is cut off':((chunk(b'gAMA', b'\0\1\0'),
        chunk(b'cHRM', struct.pack('>8I', 31270, 32900, *(round(1e5*v) for p in P3 for v in p)))), (P3, None)),
        'grey profile on colours':((iccp(make_profile(b'GRAY', curve=gamma(1.))),), None)}
    white, there = (.3127, .3290), chunk(b'gAMA', struct.pack('>I', 45_455))
    for name, places in {'y of 0':(white, (.64, 0.), (.3, .6), (.15, .06)), 'all at one place':(white, *[(.3, .3)]*3),
        'nearly on a line':(white, (.64, .33), (.3, .33001), (.15, .33))}.items():
        cases[f'cHRM, {name}'] = (there, chunk(b'cHRM',
            struct.pack('>8I', *(round(1e5*v) for place in places for v in place)))), (SRGB, 1/.45455)
    for number in (1, 9_999, 500_001, 2**32-1): # .00001 to 43,000
        cases[f'gAMA of {number}'] = (chunk(b'gAMA', struct.pack('>I', number)),), None
    for name, (extra, meaning) in cases.items():
        wanted = colour.srgb_curve(codes/255) if meaning is None else expected(codes, *meaning, 255)
        np.testing.assert_allclose(light(png(codes, *extra)), wanted, atol=2e-3, err_msg=name)

def para(kind, *numbers):
    return b'para'+bytes(4)+struct.pack('>HH', kind, 0)+struct.pack(f'>{len(numbers)}i',
        *(round(n*65536) for n in numbers))

# The formulas of ICC.1:2022, 10.18, and a table of 17 values
CURVES = {'gamma':(para(0, 1.8), lambda x: x**1.8), 'with an offset':(para(1, 2.2, .9, .1), lambda x: (.9*x+.1)**2.2),
    'lifted':(para(2, 2.2, .9, .05, .03), lambda x: (.9*x+.05)**2.2+.03),
    'with a straight part':(para(3, 2., .8, .2, .5, .3), lambda x: np.where(x >= .3, (.8*x+.2)**2, .5*x)),
    'all numbers':(para(4, 2., .8, .1, .4, .3, .05, .02), lambda x: np.where(x >= .3, (.8*x+.1)**2+.05, .4*x+.02)),
    'with an offset, from a ninth on':(para(1, 2.2, .9, -.1), lambda x: np.clip(.9*x-.1, 0, None)**2.2),
    'lifted, from a ninth on':(para(2, 2.2, .9, -.1, .03), lambda x: np.clip(.9*x-.1, 0, None)**2.2+.03),
    'of what is negative':(para(3, 2.2, 1., -.5, .1, .2),
    lambda x: np.where(x >= .2, np.clip(x-.5, 0, None)**2.2, .1*x)),
    'table':(b'curv'+bytes(4)+struct.pack('>I17H', 17, *(round(65535*(i/16)**3) for i in range(17))),
    lambda x: np.interp(x, np.arange(17)/16, (np.arange(17)/16)**3)), 'straight':(b'curv'+bytes(8), lambda x: x)}

@pytest.mark.parametrize('name', CURVES)
def test_curves_of_profiles(name):
    curve, wanted = CURVES[name]
    codes = np.dstack([np.arange(2048).reshape(32, 64)*32]*3).astype(np.uint16)
    np.testing.assert_allclose(light(png(codes, iccp(make_profile(primaries=SRGB, curve=curve)))), wanted(codes/65535),
        atol=2e-3)

def test_each_channel_has_its_own_curve():
    codes = np.dstack([np.arange(2048).reshape(32, 64)*32]*3).astype(np.uint16)
    found = light(png(codes, iccp(make_profile(primaries=SRGB, curve=(gamma(1.), gamma(1.8), gamma(2.5))))))
    np.testing.assert_allclose(found, (codes/65535)**(1., 1.8, 2.5), atol=2e-3)

DAMAGE = {'a curve is missing':lambda p: p.replace(b'gTRC', b'none'),
    'a primary is missing':lambda p: p.replace(b'bXYZ', b'none'),
    'a curve of no kind':lambda p: p.replace(b'curv', b'nono'),
    'a formula of no kind':lambda p: make_profile(curve=para(9, 1.)),
    'a curve that is cut off':lambda p: make_profile(curve=struct.pack('>4sII', b'curv', 0, 4000)+bytes(8)),
    'one primary three times':lambda p: p.replace(b'gXYZ', b'none').replace(b'rXYZ', b'gXYZ', 1),
    'primaries of nothing':lambda p: p[:128]+re.sub(rb'(?s)XYZ \0{4}.{12}', b'XYZ '+bytes(16), p[128:]),
    'a table of noise':lambda p: make_profile(table=b'mft1'+bytes(range(200)))}

@pytest.mark.parametrize('name', DAMAGE)
def test_a_damaged_profile_counts_as_none(name):
    codes, profile = CODES8[..., :3], DAMAGE[name](make_profile())
    for given in (codes, codes.astype(np.uint16)*257, CODES8, codes[..., :1]):
        np.testing.assert_allclose(light(png(given, iccp(profile))), light(png(given)), atol=1e-6)

BT601, PAL, P3_DCI = ((.63, .34), (.31, .595), (.155, .07)), ((.64, .33), (.29, .60), (.15, .06)), (.314, .351)

@pytest.mark.parametrize('number, white, primaries', [(1, colour.D65, SRGB), (5, colour.D65, PAL),
    (6, colour.D65, BT601), (7, colour.D65, BT601), (11, P3_DCI, P3), (12, colour.D65, P3)])
def test_primaries_of_video(number, white, primaries):
    "ITU-T H.273, table 2; white stays white"
    codes = np.full((32, 32, 3), 100, np.uint8)
    for n in range(3): codes[8*n:8*n+8, :, n] = 150
    codes[24:] = 255
    found = light(png(codes, chunk(b'cICP', bytes((number, 8, 0, 1)))))
    wanted = codes/255@colour.to_srgb_primaries(colour.to_xyz(white, primaries)).T
    assert wanted.min()>.2 and wanted.max()<1.00001, 'nothing is cut off'
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    np.testing.assert_allclose(found[28, 4], [1.]*3, atol=1e-5)

@pytest.mark.parametrize('numbers, wanted', [((1, 6, 14, 15),
    lambda x: np.where(x < .081, x/4.5, ((x+.099)/1.099)**(1/.45))), ((4,), lambda x: x**2.2),
    ((5,), lambda x: x**2.8)])
def test_curves_of_video(numbers, wanted):
    "ITU-T H.273, table 3"
    codes = np.dstack([np.arange(2048).reshape(32, 64)*32]*3).astype(np.uint16)
    for number in numbers:
        np.testing.assert_allclose(light(png(codes, chunk(b'cICP', bytes((1, number, 0, 1))))), wanted(codes/65535),
            atol=1e-4)

def test_code_points_of_video():
    "Codes of 16 to 235, differences of colours (which RGB cannot be), PQ and HLG by the levels of BT.2408"
    codes = np.dstack([np.arange(2048).reshape(32, 64)//8]*3).astype(np.uint8)
    def seen(*points): return light(png(codes, chunk(b'cICP', bytes(points))))
    np.testing.assert_allclose(seen(1, 13, 0, 0), colour.srgb_curve(np.clip((codes-16.)/219, 0, 1)), atol=1e-5)
    np.testing.assert_allclose(seen(1, 8, 1, 1), colour.srgb_curve(codes/255), atol=1e-5)
    for transfer, code, wanted in ((16, .50808, 100/203), (16, .38003, 26/203), (18, .5, (.25/3)/.26496),
        (18, .375, (.140625/3)/.26496)):
        deep = np.full((32, 32, 3), round(code*65535), np.uint16)
        np.testing.assert_allclose(light(png(deep, chunk(b'cICP', bytes((9, transfer, 0, 1)))))[4, 4], [wanted]*3,
            rtol=.02)

@pytest.mark.parametrize('kind', ('JPEG', 'WEBP', 'TIFF', 'AVIF', 'PNG'))
@pytest.mark.parametrize('primaries', (P3, ADOBE))
def test_profiles_in_every_kind_of_file(kind, primaries):
    if not can_read(kind): pytest.skip(f'Pillow has no {kind}')
    codes = np.zeros((48, 64, 3), np.uint8)+np.uint8((200, 90, 60))
    file = io.BytesIO()
    Image.fromarray(codes).save(file, kind, icc_profile=make_profile(primaries=primaries),
        **dict(quality=100) if kind in ('JPEG', 'AVIF') else dict(lossless=True) if kind == 'WEBP' else {})
    decoded = np.asarray(Image.open(io.BytesIO(file.getvalue())).convert('RGB'))
    np.testing.assert_allclose(light(file.getvalue()), expected(decoded, primaries, 2.2, 255), atol=2e-3)

def test_sixteen_bits_of_tiff(tmp_path):
    "Colours of both byte orders, raw: Pillow gives the upper bytes only"
    codes = CODES16[..., :3]
    for order in '<>':
        data = tiff16(codes, order)
        np.testing.assert_allclose(light(data), colour.srgb_curve(codes/65535), atol=1e-6)
        np.testing.assert_allclose(light(tiff16(codes, order, make_profile())), expected(codes, P3, 2.2, 65535),
            atol=3e-4)
        np.testing.assert_allclose(light(tiff16(codes, order, packed=True)), colour.srgb_curve(codes/65535), atol=1e-6)

def tiff16(codes, order, profile=b'', packed=False):
    "A TIFF of one strip, 16 bits of 3 colours"
    pixels = codes.astype(order+'u2').tobytes()
    if packed: pixels = zlib.compress(pixels)
    tags = [(256, 4, codes.shape[1]), (257, 4, codes.shape[0]), (258, 3, 0), (259, 3, 8 if packed else 1), (262, 3, 2),
        (273, 4, 0), (277, 3, 3), (278, 4, codes.shape[0]), (279, 4, len(pixels))]
    if profile: tags.append((34675, 7, 0))
    at = 8+2+12*len(tags)+4
    places = {258:at, 34675:at+6, 273:at+6+len(profile)}
    table = b''
    for tag, kind, value in tags:
        count = {258:3, 34675:len(profile)}.get(tag, 1)
        value = places.get(tag, value)
        table += struct.pack(order+'HHI', tag, kind, count)+(struct.pack(order+'HH', value, 0) if kind == 3
            and count == 1 else struct.pack(order+'I', value))
    return (b'II*\0' if order == '<' else b'MM\0*')+struct.pack(order+'IH', 8,
        len(tags))+table+bytes(4)+struct.pack(order+'3H', 16, 16, 16)+profile+pixels

@pytest.mark.parametrize('order', '<>')
def test_sixteen_bits_of_tiff_in_planes(order):
    "A plane for each colour, as Photoshop offers it: Pillow takes the bytes of an uncompressed one for codes of 8 bits"
    for codes in (CODES16[..., :3], np.dstack((CODES16[..., :3], np.full(CODES16.shape[:2], 65535, np.uint16)))):
        np.testing.assert_allclose(light(planes16(codes, order)), colour.srgb_curve(codes[..., :3]/65535), atol=1e-6)

def planes16(codes, order):
    "An uncompressed TIFF with a strip for each colour"
    height, width, count = codes.shape
    planes = [codes[..., n].astype(order+'u2').tobytes() for n in range(count)]
    tags = {256:(4, width), 257:(4, height), 258:(3, *[16]*count), 259:(3, 1), 262:(3, 2), 277:(3, count),
        278:(4, height), 284:(3, 2)}
    if count == 4: tags[338] = (3, 2)
    tags[279] = (4, *[len(planes[0])]*count)
    after = 8+2+12*(len(tags)+1)+4
    tags[273] = (4, *[after+1000+n*len(planes[0]) for n in range(count)])
    table, lists = b'', b''
    for tag, (kind, *values) in sorted(tags.items()):
        content = struct.pack(f'{order}{len(values)}{"H" if kind == 3 else "I"}', *values)
        place = content.ljust(4, b'\0') if len(content) <= 4 else struct.pack(order+'I', after+len(lists))
        if len(content) > 4: lists += content
        table += struct.pack(order+'HHI', tag, kind, len(values))+place
    start = (b'II*\0' if order == '<' else b'MM\0*')+struct.pack(order+'IH', 8, len(tags))
    return start+table+bytes(4)+lists.ljust(1000, b'\0')+b''.join(planes)

def test_inks_lab_and_palettes(small):
    file = io.BytesIO()
    lab = ImageCms.profileToProfile(small, ImageCms.createProfile('sRGB'), ImageCms.createProfile('LAB'),
        outputMode='LAB')
    lab.save(file, 'TIFF')
    np.testing.assert_allclose(to_srgb(light(file.getvalue())), np.asarray(small)/255, atol=.03)
    file = io.BytesIO()
    palette = small.quantize(64)
    palette.save(file, 'PNG', icc_profile=make_profile())
    np.testing.assert_allclose(light(file.getvalue()), expected(np.asarray(palette.convert('RGB')), P3, 2.2, 255),
        atol=2e-3)
    file = io.BytesIO()
    palette.save(file, 'PNG', icc_profile=make_profile(), transparency=3)
    found = load_photo(file.getvalue())
    np.testing.assert_array_equal(found.alpha.numpy() == 0, np.asarray(palette) == 3)
    np.testing.assert_allclose(found.pixels, expected(np.asarray(palette.convert('RGB')), P3, 2.2, 255), atol=2e-3)
    file = io.BytesIO()
    # a profile that is not for inks counts as none
    small.convert('CMYK').save(file, 'JPEG', quality=95, icc_profile=make_profile())
    assert np.abs(light(file.getvalue()) - colour.srgb_curve(np.asarray(small)/255)).mean() < .02

def test_a_profile_that_is_a_table(small):
    "`A2B0`, in which red and blue change places: by Little CMS for 8 bits, by a lattice for 16, and for grey"
    swap = make_lut()
    codes = CODES8[..., :3]
    by_cms = ImageCms.profileToProfile(Image.fromarray(codes), ImageCms.ImageCmsProfile(io.BytesIO(swap)),
        ImageCms.createProfile('sRGB'))
    np.testing.assert_allclose(light(png(codes, iccp(swap))), colour.srgb_curve(np.asarray(by_cms)/255), atol=1e-6)
    clear = load_photo(png(CODES8, iccp(swap)))
    np.testing.assert_allclose(clear.pixels, colour.srgb_curve(np.asarray(by_cms)/255), atol=1e-6)
    np.testing.assert_allclose(clear.alpha, CODES8[..., 3]/255, atol=1e-6)
    deep = light(png(codes.astype(np.uint16)*257, iccp(swap)))
    assert np.abs(to_srgb(deep)*255 - np.asarray(by_cms)).max() < 8 and np.abs(to_srgb(deep)*255
        - np.asarray(by_cms)).mean() < 1

    for grey in (codes[..., :1], codes[..., :1].astype(np.uint16)*257):
        by_cms = ImageCms.profileToProfile(Image.fromarray(np.repeat(codes[..., :1], 3, -1)),
            ImageCms.ImageCmsProfile(io.BytesIO(swap)), ImageCms.createProfile('sRGB'))
        assert np.abs(to_srgb(light(png(grey, iccp(swap))))*255 - np.asarray(by_cms)).max() < 8

def make_lut():
    "An RGB profile whose A2B0 (lut8, 2 x 2 x 2) gives Lab = (mean, red, blue), a smooth table"
    corners = b''.join(bytes((85*(r+g+b), 128+60*(r-g), 128+60*(g-b))) for r in (0, 1) for g in (0, 1) for b in (0, 1))
    identity = bytes(range(256))*3
    matrix = struct.pack('>9i', 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    return make_profile(table=b'mft1'+bytes(4)+bytes((3, 3, 2, 0))+matrix+identity+corners+identity)

def test_adobe_rgb_of_cameras(small):
    "No profile: EXIF says `uncalibrated` and names the option file R03"
    exif = Image.Exif()
    exif[274] = 1
    exif[0x8769] = {0xA001:65535, 0xA005:{1:'R03', 2:b'0100'}}
    file = io.BytesIO()
    small.save(file, 'JPEG', exif=exif, quality=95)
    decoded = np.asarray(Image.open(io.BytesIO(file.getvalue())))
    np.testing.assert_allclose(light(file.getvalue()), expected(decoded, ADOBE, 563/256, 255), atol=2e-3)

    # it says sRGB; uncalibrated, and the option file is another
    for space, option in ((1, 'R03'), (65535, 'R98'), (65535, 'THM')):
        exif[0x8769] = {0xA001:space, 0xA005:{1:option, 2:b'0100'}}
        file = io.BytesIO()
        small.save(file, 'JPEG', exif=exif, quality=95)
        np.testing.assert_allclose(light(file.getvalue()), colour.srgb_curve(decoded/255), atol=1e-6)

def ink_profile():
    "A profile of four inks on brownish paper (lut8, 2 x 2 x 2 x 2), unlike what inks are where nothing is said"
    corners = b''.join(bytes((round(220*(1-.3*(c+m+y))*(1-.9*k)), 128+30*(m-c), 140+30*(y-m)))
        for c in (0, 1) for m in (0, 1) for y in (0, 1) for k in (0, 1))
    matrix = struct.pack('>9i', 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    return make_profile(b'CMYK', table=b'mft1'+bytes(4)+bytes((4, 3, 2, 0))+matrix+bytes(range(256))*4+corners
        +bytes(range(256))*3)

def test_inks_by_their_profile(small):
    inks, file = small.convert('CMYK'), io.BytesIO()
    inks.save(file, 'TIFF', icc_profile=ink_profile())
    wanted = ImageCms.profileToProfile(inks, ImageCms.ImageCmsProfile(io.BytesIO(ink_profile())),
        ImageCms.createProfile('sRGB'), outputMode='RGB')
    found = light(file.getvalue())
    np.testing.assert_allclose(found, colour.srgb_curve(np.asarray(wanted)/255), atol=1e-6)
    assert np.abs(found-colour.srgb_curve(np.asarray(inks.convert('RGB'))/255)).mean()>.02

def test_inks_whose_profile_is_damaged(small):
    "Counts as no profile"
    plain, damaged = io.BytesIO(), io.BytesIO()
    small.convert('CMYK').save(plain, 'JPEG', quality=95)
    small.convert('CMYK').save(damaged, 'JPEG', quality=95, icc_profile=make_profile(b'CMYK'))
    np.testing.assert_array_equal(light(damaged.getvalue()), light(plain.getvalue()))

def test_transparent_colours_of_8_bits():
    codes = CODES8[..., :3].copy()
    codes[5:9, 7:20] = 10, 20, 30
    found = load_photo(png(codes, chunk(b'tRNS', struct.pack('>3H', 10, 20, 30))))
    np.testing.assert_array_equal(found.alpha.numpy() == 0, (codes == (10, 20, 30)).all(-1))
    grey = load_photo(png(codes[..., :1], chunk(b'tRNS', struct.pack('>H', 10))))
    np.testing.assert_array_equal(grey.alpha.numpy() == 0, codes[..., 0] == 10)

def test_opacity_is_turned_with_the_colours_and_says_what_is_inside(small):
    codes = np.dstack((np.asarray(small), np.full((76, 60), 255, np.uint8)))
    codes[:20, :30, 3] = 0
    codes[20:30, :, 3] = 102
    codes[30:40, :, 3] = 153
    exif = Image.Exif()
    exif[274] = 6
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(np.rot90(codes))).save(file, 'PNG', exif=exif)
    found = load_photo(file.getvalue())
    np.testing.assert_allclose(found.alpha, codes[..., 3]/255, atol=1e-6)
    np.testing.assert_array_equal(found.inside, codes[..., 3] > 127)

def associated(codes, kind):
    "An uncompressed TIFF whose fourth channel is of this kind: 0 unspecified, 1 opacity, multiplied in, 2 opacity"
    height, width, count = codes.shape
    bits, pixels = codes.dtype.itemsize*8, codes.astype(codes.dtype.newbyteorder('<')).tobytes()
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 4, 134+8), (259, 3, 1, 1), (262, 3, 1, 2),
        (273, 4, 1, 200), (277, 3, 1, count), (278, 4, 1, height), (279, 4, 1, len(pixels)), (338, 3, 1, kind)]
    table = b''.join(struct.pack('<HHI', *tag[:3])+struct.pack('<H2x' if tag[1:3] == (3, 1) else '<I', tag[3])
        for tag in tags)
    head = b'II*\0'+struct.pack('<IH', 8, len(tags))+table+bytes(4)
    return head.ljust(142, b'\0')+struct.pack('<4H', *[bits]*4)+bytes(50)+pixels

@pytest.mark.parametrize('kind', (np.uint8, np.uint16))
def test_opacity_that_is_multiplied_into_the_colours(kind):
    "Of TIFF: taken out again; opacity that is not, and a channel that is none, leave the colours as they are"
    most = np.iinfo(kind).max
    alpha = np.full((40, 50, 1), most//2+1)
    alpha[10:20] = most
    colours = CODES16[..., :3].astype(float)/65535*alpha/most
    codes = np.concatenate((np.rint(colours*most), alpha), -1).astype(kind)
    plain = colour.srgb_curve(codes[..., :3]/most)
    found = load_photo(associated(codes, 1))
    np.testing.assert_allclose(to_srgb(found.pixels), CODES16[..., :3]/65535, atol=.012)
    np.testing.assert_allclose(found.alpha, alpha[..., 0]/most, atol=.003)
    found = load_photo(associated(codes, 2))
    np.testing.assert_allclose(found.pixels, plain, atol=1e-6)
    np.testing.assert_allclose(found.alpha, alpha[..., 0]/most, atol=1e-6)
    found = load_photo(associated(codes, 0))
    np.testing.assert_allclose(found.pixels, plain, atol=1e-6)
    assert found.alpha is None

@pytest.mark.parametrize('mode', ('RGBa', 'La', 'PA'))
def test_pillow_images_with_every_kind_of_opacity(small, mode):
    whole = small.convert('RGBA' if mode == 'RGBa' else 'LA')
    alpha = np.full((76, 60), 255, np.uint8)
    alpha[:30] = 128
    whole.putalpha(Image.fromarray(alpha))
    if mode == 'PA':
        whole = small.quantize(64).convert('PA')
        whole.putalpha(Image.fromarray(alpha))
    found = load_photo(whole.convert(mode) if mode != 'PA' else whole)
    np.testing.assert_allclose(found.alpha, alpha/255, atol=.003)
    np.testing.assert_allclose(to_srgb(found.pixels), np.asarray(whole.convert('RGBA'))[..., :3]/255, atol=.012)

def grey_tiff(codes, bits, pixels, black=1):
    "An uncompressed TIFF of grey; black 0: 0 is white"
    height, width = codes.shape
    tags = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, bits), (259, 3, 1, 1), (262, 3, 1, black),
        (273, 4, 1, 200), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, len(pixels))]
    table = b''.join(struct.pack('<HHII', *t) for t in tags)
    return (b'II*\0\x08\0\0\0'+struct.pack('<H', len(tags))+table+bytes(4)).ljust(200, b'\0')+pixels

def test_12_and_32_bits_of_grey():
    "The largest code is white, whichever it is"
    deep = CODES16[..., 0].copy()
    deep[:5] = 65535
    wide = deep.astype(np.uint32) << 16 | 0x1234
    np.testing.assert_allclose(light(grey_tiff(deep, 32, wide.tobytes()))[..., 1], colour.srgb_curve(deep/65535),
        atol=1e-5)
    few = deep >> 4
    pairs = few.reshape(-1, 2).astype(np.uint32)
    packed = np.stack((pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255), -1)
    found = light(grey_tiff(few, 12, packed.astype(np.uint8).tobytes()))
    np.testing.assert_allclose(found[..., 1], colour.srgb_curve(few/4095), atol=1e-4)
    assert (found[:5] == 1).all()

@pytest.mark.parametrize('kind', (np.uint8, np.uint16))
def test_tiff_whose_0_is_white(kind):
    codes = (CODES16[..., 0] >> (8 if kind == np.uint8 else 0)).astype(kind)
    most, bits = np.iinfo(kind).max, codes.dtype.itemsize*8
    for black, wanted in ((1, codes/most), (0, 1-codes/most)):
        np.testing.assert_allclose(light(grey_tiff(codes, bits, codes.tobytes(), black))[..., 2],
            colour.srgb_curve(wanted), atol=1e-6)

def test_transparent_colours_of_16_bits():
    codes = CODES16[..., :3].copy()
    codes[5:9, 7:20] = 1000, 2000, 3001
    codes[10:12] = 1000, 2000, 3000                         # differs in the last byte
    found = load_photo(png(codes, chunk(b'tRNS', struct.pack('>3H', 1000, 2000, 3001))))
    np.testing.assert_array_equal(found.alpha.numpy() == 0, (codes == (1000, 2000, 3001)).all(-1))
    grey = load_photo(png(codes[..., :1], chunk(b'tRNS', struct.pack('>H', 1000))))
    np.testing.assert_array_equal(grey.alpha.numpy() == 0, codes[..., 0] == 1000)

# ---- what a photo may be

def test_every_way_to_give_a_photo(tmp_path, small):
    ("Path, text, bytes, open files, Pillow image, arrays and tensors: the same picture; names and digests that make "
     "sense")
    path = tmp_path/'me.png'
    small.save(path)
    data, codes = path.read_bytes(), np.asarray(small)
    whole = load_photo(path)
    assert (whole.path, whole.sha256) == (str(path), hashlib.sha256(data).hexdigest())
    buffer = io.BytesIO(data)
    buffer.seek(0, 2)
    with open(path, 'rb') as file, Image.open(path) as image:
        ways = {'text':str(path), 'bytes':data, 'bytearray':bytearray(data), 'memoryview':memoryview(data), 'file':file,
            'buffer':buffer, 'Pillow':image, 'in memory':small, 'uint8':codes,
            'big-endian uint16':codes.astype('>u2')*257, 'uint16':codes.astype(np.uint16)*257,
            'tensor':torch.from_numpy(codes.copy()), 'light':colour.srgb_curve(codes/255),
            'float16':colour.srgb_curve(codes/255).astype(np.float16),
            'light as tensor':torch.from_numpy(colour.srgb_curve(codes/255)),
            'view':np.ascontiguousarray(codes[::-1])[::-1], 'photo':whole}
        found = {name:load_photo(way) for name, way in ways.items()}
    for name, photo in found.items():
        np.testing.assert_allclose(photo.pixels, whole.pixels, atol=5e-4 if name == 'float16' else 1e-6, err_msg=name)
        assert photo.pixels.dtype == torch.float32 and photo.original_size == (60, 76) and len(photo.sha256) == 64, name
    assert {found[n].sha256 for n in ('text', 'bytes', 'bytearray', 'memoryview', 'file', 'buffer',
        'photo')} == {whole.sha256}
    assert found['uint8'].sha256 == found['tensor'].sha256 == found['view'].sha256 != found['uint16'].sha256 == found['big-endian uint16'].sha256
    assert [found[n].path for n in ('file', 'Pillow', 'bytes', 'uint8', 'in memory')] == [str(path), str(path), '', '',
        ''] and load_photo(codes, 'me').path == 'me'

def test_tensors_of_every_kind(small):
    "Gradients, bfloat16, half of all digits, sparse, negated in passing: as NumPy would have them"
    plain = torch.from_numpy(colour.srgb_curve(np.asarray(small)/255).astype(np.float32))
    whole = load_photo(plain)
    ways = {'gradients':plain.clone().requires_grad_(), 'sparse':plain.to_sparse(),
        'negated':torch.imag(torch.complex(plain*0, -plain).conj()),
        'bfloat16':plain.bfloat16(), 'eight bits':plain.to(torch.float8_e4m3fn)}
    for name, way in ways.items():
        photo = load_photo(way)
        atol = dict(bfloat16=4e-3).get(name, .04 if name == 'eight bits' else 0)
        np.testing.assert_allclose(photo.pixels, whole.pixels, atol=atol, err_msg=name)
        assert not photo.pixels.requires_grad
    with pytest.raises(PhotoError, match='meta'): load_photo(plain.to('meta'))

def test_files_that_give_nothing(tmp_path):
    "Closed, opened for writing, a connection that has nothing yet: in words"
    closed = io.BytesIO(b'x')
    closed.close()
    with pytest.raises(PhotoError, match='closed'): load_photo(closed)
    with open(tmp_path/'new.jpg', 'wb') as file, pytest.raises(PhotoError, match='new.jpg: cannot be read'):
        load_photo(file)
    class Waiting:
        def read(self, most): return None
    with pytest.raises(PhotoError, match='nothing to read yet'): load_photo(Waiting())

def test_words_for_broken_files_name_no_objects():
    "No address of a Python object, no key of a table"
    for start in (b'\xff\xd8\xff', b'II*\0', b'GIF89a', b'BM'):
        with pytest.raises(PhotoError) as found: load_photo(start+bytes(50), 'me')
        assert str(found.value).startswith('me: ') and '0x' not in str(found.value) and "('" not in str(
            found.value), start

def test_grey_and_transparent_arrays(small):
    codes, alpha = np.asarray(small), np.zeros((76, 60), np.uint8)
    alpha[10:60, 10:50] = 255
    grey = codes[..., 0]
    for given in (grey, grey[..., None], np.dstack((grey, alpha)), Image.fromarray(grey)):
        np.testing.assert_allclose(load_photo(given).pixels[..., 2], colour.srgb_curve(grey/255), atol=1e-6)
    for given in (np.dstack((codes, alpha)), np.dstack((grey, alpha)), Image.fromarray(np.dstack((codes, alpha))),
        np.dstack((codes, alpha)).astype(np.float32)/255):
        np.testing.assert_array_equal(load_photo(given).alpha, alpha/255)

def test_a_pillow_image_brings_its_orientation_and_profile(small):
    for kind in ('JPEG', 'TIFF', 'PNG'):
        exif = Image.Exif()
        exif[274] = 6
        file = io.BytesIO()
        small.save(file, kind, exif=exif, icc_profile=make_profile())
        np.testing.assert_allclose(load_photo(Image.open(io.BytesIO(file.getvalue()))).pixels,
            load_photo(file.getvalue()).pixels, atol=1e-6)
    file = png(np.asarray(small), chunk(b'gAMA', struct.pack('>I', 100_000)))
    np.testing.assert_allclose(light(Image.open(io.BytesIO(file))), np.asarray(small)/255, atol=1e-6)
    gama, srgb = chunk(b'gAMA', struct.pack('>I', 100_000)), chunk(b'sRGB', b'\0')
    places = chunk(b'cHRM', struct.pack('>8I', 31270, 32900, *(round(1e5*v) for p in P3 for v in p)))
    for extra in ((gama, srgb), (gama, places), (places,), (gama, srgb, places)):
        file = png(np.asarray(small), *extra)
        np.testing.assert_allclose(light(Image.open(io.BytesIO(file))), light(file), atol=1e-6)

@pytest.mark.parametrize('given, words',
    [(np.zeros((3, 64, 64), np.uint8), 'shape'), (np.zeros((64, 64, 5), np.uint8), 'shape'),
    (np.zeros((2, 64, 64, 3), np.uint8), 'shape'), (np.zeros((64, 64, 3), np.int64), 'int64'),
    (np.zeros((64, 64, 3), bool), 'bool'), (np.full((64, 64, 3), np.nan), 'not finite'),
    (np.full((64, 64, 3), 255.), '255'), (np.zeros((8, 8, 3), np.uint8), '8 x 8'), (3, 'int'), (None, 'NoneType'),
    ([1, 2], 'list'),
    (b'', 'empty'), (b'text', 'not a picture'), (io.StringIO('text'), 'text'),
    (np.zeros((64, 64, 3), complex), 'complex'), (np.array([['a']*64]*64), 'U1'),
    (Image.new('F', (64, 64)), 'floating'), (np.broadcast_to(np.uint8(0), (90_000, 900)), '900 x 90000')])
def test_what_is_no_photo_is_refused_in_words(given, words):
    with pytest.raises(PhotoError, match=words) as caught: load_photo(given)
    assert caught.value.advice

def test_values_that_are_no_light():
    codes = RANDOM.integers(0, 256, (40, 50), dtype=np.uint8)
    for data in (png(codes[..., None]), png(np.dstack([codes]*3)),
        png(codes[..., None], chunk(b'gAMA', struct.pack('>I', 100_000))),
        png((codes.astype(np.uint16)*257)[..., None])):
        np.testing.assert_allclose(load_values(data), codes/255, atol=1e-6)
    colours = CODES8[..., :3]
    np.testing.assert_allclose(load_values(png(colours)), colours@np.array([.299, .587, .114])/255, atol=1e-6)

# ---- folders

def test_folders_of_folders(tmp_path):
    names = ('b.JFIF', 'a.jpe', 'c.mpo', 'd.gif', 'sub/a.jpe', 'sub/deep/e.jp2', 'sub/notes.txt', '.hidden/f.png',
        'results/old/render.png', '.DS_Store')
    for name in names:
        (tmp_path/name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path/name).touch()
    if hasattr(os, 'mkfifo'): os.mkfifo(tmp_path/'pipe.png')
    (tmp_path/'loop').symlink_to(tmp_path, target_is_directory=True)
    (tmp_path/'lost.png').symlink_to(tmp_path/'nowhere.png')
    shown = lambda found: [p.relative_to(tmp_path).as_posix() for p in found]
    assert shown(load_folder(tmp_path)) == ['a.jpe', 'b.JFIF', 'c.mpo', 'd.gif']
    photos, left = scan_folder(tmp_path, True, [tmp_path/'results'])
    assert shown(photos) == ['a.jpe', 'b.JFIF', 'c.mpo', 'd.gif', 'sub/a.jpe', 'sub/deep/e.jp2']
    reasons = dict(zip(shown(p for p, _ in left), (reason for _, reason in left)))
    for name, word in {'.hidden':'hidden', '.DS_Store':'hidden', 'loop':'link', 'lost.png':'link', 'results':'results',
        'sub/notes.txt':'ending', **({'pipe.png':'pipe'} if hasattr(os, 'mkfifo') else {})}.items():
        assert word in reasons[name], (name, reasons)
    assert len(reasons) == len(left) == (7 if hasattr(os, 'mkfifo') else 6)
    assert 'recursive' in dict((p.name, r) for p, r in scan_folder(tmp_path)[1])['sub']

def close_the_door(monkeypatch):
    ("All that lies in a folder called `locked` can be listed, and not asked for or opened: what a folder without the "
     "right x does, also for root")
    real = os.stat, os.open
    def refused(path): return isinstance(path, (str, os.PathLike)) and Path(path).parent.name == 'locked'
    def guard(work):
        def guarded(path, *a, **k):
            if refused(path): raise PermissionError(13, 'Permission denied', str(path))
            return work(path, *a, **k)
        return guarded
    exchange(monkeypatch.setattr, 'stat', guard(real[0]))
    exchange(monkeypatch.setattr, 'open', guard(real[1]))

def test_a_folder_that_may_be_listed_and_not_entered(tmp_path, monkeypatch):
    "Its photos fail one by one, in words, and the others are done"
    (tmp_path/'locked').mkdir()
    (tmp_path/'locked'/'a.jpg').touch()
    (tmp_path/'b.jpg').touch()
    close_the_door(monkeypatch)
    with pytest.raises(PermissionError): (tmp_path/'locked'/'a.jpg').stat()
    assert [p.name for p in scan_folder(tmp_path, True)[0]] == ['b.jpg', 'a.jpg']
    with pytest.raises(PhotoError, match='a.jpg: may not be read'): load_photo(tmp_path/'locked'/'a.jpg')
    with pytest.raises(PhotoError, match='locked/a.jpg: cannot be read'): cli.check_reachable(tmp_path/'locked'/'a.jpg')
    with pytest.raises(PhotoError, match='cannot be read'): cli.check_reachable('x'*5000)

def test_every_ending_that_is_read_is_found(tmp_path):
    for n, end in enumerate(reading.picture_suffixes()): (tmp_path/f'{n}{end.upper() if n % 2 else end}').touch()
    assert len(load_folder(tmp_path)) == len(reading.picture_suffixes()) >= 15

@pytest.mark.skipif(os.name != 'posix', reason='names that are no UTF-8')
def test_names_that_are_no_utf8(tmp_path, small):
    for name in (b'caf\xe9.png', b'caf\xe9.txt'): Path(os.fsdecode(os.fsencode(tmp_path)+b'/'+name)).write_bytes(b'x')
    photos, left = scan_folder(tmp_path)
    assert len(photos) == len(left) == 1
    with pytest.raises(PhotoError, match=r'caf\\xe9.png'): load_photo(photos[0])
    small.save(photos[0], 'PNG')
    assert load_photo(photos[0]).path == str(photos[0])

def test_results_keep_the_tree_and_never_lie_in_each_other(tmp_path):
    from nextgenface_nb.cli import Request, list_jobs
    names = 'a.jpg', 'b.jpg/a.jpg', 'b.jpg/c/a.jpg', 'c/a.jpg', 'failures.json/x.png', 'summary.csv/summary.csv/y.png'
    for name in names:
        (tmp_path/'in'/name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path/'in'/name).touch()
    request = Request(input=str(tmp_path/'in'), output=str(tmp_path/'in'/'out'), recursive=True)
    found = [where.relative_to(tmp_path/'in'/'out'/'in').as_posix() for _, where in list_jobs(request)[0]]
    assert found == ['a.jpg', 'b.jpg/a.jpg', 'b.jpg/c/a.jpg', 'c/a.jpg', 'failures.json (2)/x.png',
        'summary.csv (2)/summary.csv/y.png']
    (tmp_path/'in'/'c'/'a.jpg (2)').mkdir()
    places = [where for _, where in list_jobs(request)[0]]
    assert not any(a in b.parents for a in places for b in places)

def test_names_that_are_one_on_other_disks_get_places_of_their_own():
    "On disks of Windows and macOS a.jpg is A.jpg, and a letter with an accent is one letter or two"
    from nextgenface_nb.batch import result_folders
    names = 'A.jpg', 'a.jpg', 'caf\u00e9.jpg', 'cafe\u0301.jpg', 'Summary.CSV/b.jpg', 'x/B.jpg', 'X/b.jpg'
    found = list(result_folders([Path('in')/n for n in names], Path('in'), Path('out')))
    assert [p.relative_to('out').as_posix() for p in found]==['A.jpg', 'a.jpg (2)', 'caf\u00e9.jpg',
        'cafe\u0301.jpg (2)', 'Summary.CSV (2)/b.jpg', 'x/B.jpg', 'X/b.jpg (2)']

# ---- HEIC

def box(kind, *parts): return struct.pack('>I', 8+sum(map(len, parts)))+kind+b''.join(parts)
def full(kind, *parts, version=0, flags=0): return box(kind, struct.pack('>I', version << 24 | flags), *parts)

def heic(picture, rotation=0, profile=b''):
    "A HEIC file of one picture: a frame of HEVC, from the ffmpeg that writes our films, in the boxes of the format"
    import subprocess, imageio_ffmpeg
    height, width = picture.shape[:2]
    command = [imageio_ffmpeg.get_ffmpeg_exe(), '-v', 'error', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s',
        f'{width}x{height}', '-i', '-', '-frames:v', '1', '-pix_fmt', 'yuv444p', '-vf',
        'scale=out_color_matrix=bt709:out_range=full',
        '-c:v', 'libx265', '-x265-params', 'log-level=none:keyint=1:crf=4:range=full:colormatrix=bt709', '-f', 'hevc',
        '-']
    done = subprocess.run(command, input=picture.tobytes(), capture_output=True)
    if done.returncode: pytest.skip('this ffmpeg has no HEVC')
    units = [u.rstrip(b'\0') for u in done.stdout.replace(b'\0\0\0\1', b'\0\0\1').split(b'\0\0\1') if u]
    kinds = {k:[u for u in units if u[0] >> 1 & 63 == k] for k in (32, 33, 34)}
    frame = b''.join(struct.pack('>I', len(u))+u for u in units if u[0] >> 1 & 63 < 32)
    level = kinds[33][0].replace(b'\0\0\3', b'\0\0')[3:15]
    config = b'\1'+level+bytes.fromhex('f000fcfff8f800000f')[:2]+bytes((0xfc, 0xfc | 3, 0xf8, 0xf8, 0, 0, 0x0f, 3))
    for kind, found in kinds.items():
        config += bytes((0x80 | kind,))+struct.pack('>H', len(found))+b''.join(struct.pack('>H', len(u))+u
            for u in found)
    properties = [box(b'hvcC', config), full(b'ispe', struct.pack('>II', width, height)),
        box(b'colr', b'nclx', struct.pack('>HHHB', 1, 13, 1, 0x80)), box(b'irot', bytes((rotation,)))]
    if profile: properties.append(box(b'colr', b'prof', profile))
    uses = bytes((0x81, 2, 3, *([0x84] if rotation else []), *([5] if profile else [])))
    def meta(start):
        return full(b'meta', full(b'hdlr', bytes(4)+b'pict'+bytes(13)), full(b'pitm', struct.pack('>H', 1)),
            full(b'iloc', struct.pack('>BBHHHHII', 0x44, 0, 1, 1, 0, 1, start, len(frame))),
            full(b'iinf', struct.pack('>H', 1), full(b'infe', struct.pack('>HH', 1, 0)+b'hvc1\0', version=2)),
            box(b'iprp', box(b'ipco', *properties), full(b'ipma', struct.pack('>IHB', 1, 1, len(uses))+uses)))
    head = box(b'ftyp', b'heic', bytes(4), b'mif1heic')
    return head+meta(len(head)+len(meta(0))+8)+box(b'mdat', frame)

def test_heic(small, monkeypatch, tmp_path):
    "What iPhones write, where pi-heif is installed; words where it is not"
    if not can_read('HEIF'): pytest.skip('needs pi-heif')
    codes = np.asarray(small.resize((128, 160)))
    plain = heic(codes)
    photo = load_photo(plain)
    assert np.abs(to_srgb(photo.pixels)*255 - codes).mean() < 3 and (photo.width, photo.height) == (128, 160)
    # irot counts quarter turns against the clock
    turned = load_photo(heic(np.ascontiguousarray(np.rot90(codes, -1)), rotation=1))
    assert (turned.width, turned.height) == (128, 160) and np.abs(to_srgb(turned.pixels)*255 - codes).mean() < 3
    wide = load_photo(heic(codes, profile=make_profile()))
    assert np.abs(wide.pixels.numpy() - expected(codes, P3, 2.2, 255)).mean() < .02 < np.abs(wide.pixels
        - photo.pixels).numpy().max()
    monkeypatch.setattr(reading, 'can_read', lambda kind: kind != 'HEIF')
    with pytest.raises(PhotoError, match='HEIF') as caught: load_photo(plain, 'IMG_1.heic')
    assert 'pi-heif' in caught.value.advice
    (tmp_path/'IMG_1.HEIC').touch()
    assert [reason for _, reason in scan_folder(tmp_path)[1] if 'pi-heif' in reason]

# ---- where photos and maps come in

def test_a_batch_of_subfolders_tells_what_it_left_out(tmp_path, monkeypatch, capsys):
    ("Two walls without a face, one in a subfolder, and a letter: rows for all three, the tree of results, words on "
     "standard error")
    import csv
    from nextgenface_nb.cli import main
    monkeypatch.chdir(tmp_path)
    for name in ('wall.jpe', 'sub/wall.jpe'):
        (tmp_path/'in'/name).parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (64, 64), 'grey').save(tmp_path/'in'/name, 'JPEG')
    (tmp_path/'in'/'sub'/'letter.txt').write_text('dear')
    assert main(['--input', 'in', '--recursive', '--output', 'in/out', '--preset', 'fast', '--set',
        'renderer=vertex']) == 3
    said = capsys.readouterr().err
    assert 'left out: sub/letter.txt (no photo' in said.replace(os.sep, '/')
    rows = list(csv.DictReader(open(tmp_path/'in'/'out'/'in'/'summary.csv', encoding='utf-8', newline='')))
    assert [(row['photo'], row['status']) for row in rows] == [('sub/wall.jpe', 'failed'), ('wall.jpe', 'failed'),
        ('sub/letter.txt', 'left out')]

def test_environment_maps_as_bytes(small):
    from nextgenface_nb.light.environment import read_environment
    wide = np.asarray(small.resize((64, 32)))
    np.testing.assert_allclose(read_environment(png(wide), 32).values, colour.srgb_curve(wide/255), atol=1e-5)
    with pytest.raises(PhotoError, match='sky.hdr'): read_environment(b'nothing', name='sky.hdr')

def test_uploads_in_dashboards(tmp_path, monkeypatch):
    ("A map of light and a painted map by what they hold; bombs in words; the digest of an upload is its own, whatever "
     "lies in the working directory")
    pytest.importorskip('ipywidgets')
    from nextgenface_nb.light.environment import HarmonicLight
    from nextgenface_nb.widgets import dashboards
    monkeypatch.chdir(tmp_path)
    panel = dashboards.LightPanel(HarmonicLight.frontal(3))
    wide = np.full((32, 64, 3), 188, np.uint8)
    panel.load(png(wide), 'sky.png')
    assert panel.menu.value == 'map: sky.png' and abs(float(panel.maps['map: sky.png'].values.mean())
        -colour.srgb_curve(188/255)) < 1e-3
    bomb = b'\x89PNG\r\n\x1a\n'+chunk(b'IHDR', struct.pack('>IIBBBBB', 60_000, 30_000, 8, 2, 0, 0, 0))+chunk(b'IDAT',
        zlib.compress(b'x'))+chunk(b'IEND', b'')
    with pytest.raises(PhotoError, match='60000'): panel.load(bomb, 'sky.hdr')
    painted = []
    class Maps:
        upload, which = type('', (), dict(value=({'name':'a.png', 'content':memoryview(png(wide))},))), type('', (),
            dict(value='roughness'))
        def paint(self, name, values): painted.append((name, values))
    stage = next(c for c in vars(dashboards).values() if isinstance(c, type) and '_take_upload' in vars(c)
        and 'paint' in vars(c))
    stage._take_upload(Maps())
    Maps.which.value = 'diffuse'
    stage._take_upload(Maps())
    (first, rough), (second, diffuse) = painted
    assert (first, tuple(rough.shape), second, tuple(diffuse.shape)) == ('roughness', (32, 64, 1), 'diffuse',
        (32, 64, 3))
    assert float(rough.mean()) == pytest.approx(188/255,
        abs=1e-4) and float(diffuse.mean()) == pytest.approx(float(colour.srgb_curve(188/255)), abs=1e-4)
    Maps.upload.value = ({'name':'a.png', 'content':memoryview(bomb)},)
    with pytest.raises(PhotoError, match='60000'): stage._take_upload(Maps())
