"""What the card says of real pictures: for each quantity the range over them, and how often each warning is said.

usage: cards.py [--photos FOLDER...] [--films FOLDER] [--frames N] [--json FILE]

From it come the figures beside the thresholds in the notebook of the card. Pictures are not kept, nor is what is said
of one of them: ranges over all and counts only. The bundled portrait is always among them."""
import argparse, os, sys, tempfile
from collections import Counter
from pathlib import Path
import imageio_ffmpeg, numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from nextgenface_nb.config import Config
from nextgenface_nb.errors import FaceError
from nextgenface_nb.evaluation.figures import save_figures, stamp
from nextgenface_nb.facemodel.interface import FaceModel
from nextgenface_nb.facemodel.model import load_model
from nextgenface_nb.imaging import load_photo, portrait_path
from nextgenface_nb.output.card import landmark_limit, report_card
from nextgenface_nb.reconstruction import block_edges, reconstruct

SETTINGS = dict(max_resolution=128, texture_resolution=128, steps_shading=2, steps_texture=6)
PICTURES = '.png', '.jpg', '.jpeg', '.webp'

def film_pictures(path:Path)->list: # of [H, W, 3] uint8
    "All frames of a film"
    steps = imageio_ffmpeg.read_frames(str(path), pix_fmt='rgb24')
    width,height = next(steps)['size']
    return [np.frombuffer(data, np.uint8).reshape(height, width, 3) for data in steps]

def film_frames(path:Path, count:int)->list: # of [H, W, 3] uint8
    "Frames of a film at even distances, neither the first nor the last"
    film = film_pictures(path)
    return [film[round((k+1)*len(film)/(count+1))] for k in range(count)]

def pictures(folders:list, films:Path|None, frames:int, place:Path)->list: # of paths
    "The portrait, all photos of the folders, and frames of all films, which are put into `place`"
    found = [Path(portrait_path())]
    found += [p for f in folders for p in sorted(Path(f).iterdir()) if p.suffix.lower() in PICTURES]
    for film in sorted(Path(films).glob('*.mp4')) if films else []:
        for k,frame in enumerate(film_frames(film, frames)):
            Image.fromarray(frame).save(place/f'{film.stem}_{k}.png')
            found.append(place/f'{film.stem}_{k}.png')
    return found

def said_of(path:Path, model:FaceModel)->tuple: # quantities, warnings
    "The card of one picture"
    result = reconstruct(path, Config(**SETTINGS), model)
    card = report_card(result)
    known = dict(card.frames[0])
    photo = load_photo(path)
    frame = result.face.frames[0]
    known['blocks'] = block_edges(photo, frame.landmarks.moved(photo).points)
    known['landmarks_of_limit'] = (known['nme_landmarks'] or 0)/landmark_limit(known)
    known['covered'] = max(known['hidden'], known['unexplained'], known['unlike_skin'])
    if card.texels: known['half_seen'] = min(card.texels[side]['seen'] for side in ('left', 'right'))
    return flat(known),card.warnings

def flat(known:dict)->dict: # name -> list of finite numbers
    "Numbers alone; those of parts and zones under the one name"
    values = {k:list(v.values()) if isinstance(v, dict) else v if isinstance(v, list) else [v] for k,v in known.items()}
    kept = {k:[float(x) for x in v if isinstance(x, (int, float)) and np.isfinite(x)] for k,v in values.items()}
    return {k:v for k,v in kept.items() if v}

def kind(warning:str)->str: # its words without the numbers
    return ' '.join(w for w in warning.split(';')[0].split(':')[0].split() if not any(c.isdigit() for c in w))

def known(name:str)->list: # of folders
    return [part for part in os.environ.get(name, '').split(os.pathsep) if part]

def main():
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    p.add_argument('--photos', nargs='*', default=known('NEXTGENFACE_PHOTOS')+known('NEXTGENFACE_SCANS'),
        metavar='FOLDER', help='default: the environment variables NEXTGENFACE_PHOTOS and NEXTGENFACE_SCANS')
    p.add_argument('--films', type=Path, default=next(iter(known('NEXTGENFACE_FILMS')), None), metavar='FOLDER',
        help='of .mp4; default: the environment variable NEXTGENFACE_FILMS')
    p.add_argument('--frames', type=int, default=2, help='of each film; default %(default)s')
    p.add_argument('--json', type=Path, metavar='FILE')
    args = p.parse_args()
    model = load_model('')
    ranges,warned,refused = {},Counter(),0
    with tempfile.TemporaryDirectory() as place:
        paths = pictures(args.photos, args.films, args.frames, Path(place))
        for path in paths:
            try: known,warnings = said_of(path, model)
            except FaceError as error:
                refused += 1
                print(f'{path.name}: {error}', flush=True)
                continue
            print(path.name, *(f'\n  {w}' for w in warnings), flush=True)
            warned.update({kind(w) for w in warnings})
            for name,values in known.items():
                low,high = ranges.get(name, (np.inf, -np.inf))
                ranges[name] = [min(low, *values), max(high, *values)]
    report = stamp('output.card', 'reconstruction')|dict(settings=SETTINGS, pictures=len(paths)-refused,
        refused=refused, ranges=ranges, warned=dict(sorted(warned.items())))
    if args.json: save_figures(report, args.json)
    for name,(low,high) in sorted(ranges.items()): print(f'{name:20s} {low:9.3f} {high:9.3f}')

if __name__=='__main__': main()
