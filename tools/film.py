"""Are five frames of a film better than one? One face is fitted to five frames that are spread over a film, another one to the first and a third one to the middle one of them; each is held against a sixth frame, whose pose, lens, expression and light are found.
usage: film.py FILM ... [--choices N] [--set KEY=VALUE ...]"""
import argparse
from pathlib import Path

#: Where the six frames begin, in sixths of a sixth of the film, and which of them is held out
CHOICES = (3, 3), (1, 5), (5, 2)

def pictures(path):
    "All frames of a film, [H, W, 3] uint8"
    import imageio_ffmpeg, numpy as np
    frames = imageio_ffmpeg.read_frames(str(path))
    width,height = next(frames)['size']
    return [np.frombuffer(f, np.uint8).reshape(height, width, 3) for f in frames]

def chosen(film, choice):
    "Five frames, and a sixth"
    begins,held = CHOICES[choice]
    six = [film[int((k+begins/6)*len(film)/6)] for k in range(6)]
    return six[:held]+six[held+1:],six[held]

def compared(path, choice, config, pipeline):
    "A row of the table"
    from nextgenface_nb.evaluation.photos import held_out_photo
    from nextgenface_nb.reconstruction import exhaust, reconstruct_steps
    five,sixth = chosen(pictures(path), choice)
    row = dict(film=Path(path).stem, choice=choice+1)
    for name,photos in (('first', five[:1]), ('middle', five[2:3]), ('five', five)):
        fit = exhaust(reconstruct_steps(photos, config, pipeline=pipeline))
        row |= {f'{name} {k}':v for k,v in held_out_photo(fit, sixth).items()}
    row['five - one'] = row['five psnr']-(row['first psnr']+row['middle psnr'])/2
    return row

def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('films', nargs='+')
    p.add_argument('--choices', type=int, default=2, help='of six frames, of each film')
    p.add_argument('--set', action='append', default=[], metavar='KEY=VALUE')
    args = p.parse_args()
    from nextgenface_nb.config import Config
    from nextgenface_nb.evaluation.photos import markdown_table
    from nextgenface_nb.pipeline import Pipeline
    config = Config.preset('default')
    config.set('max_resolution=192', *args.set)
    pipeline = Pipeline(None, config)
    rows = []
    for film in args.films:
        for choice in range(args.choices):
            rows.append(compared(film, choice, config, pipeline))
            print({k:round(v, 3) if isinstance(v, float) else v for k,v in rows[-1].items()}, flush=True)
    print(markdown_table([{k:f'{v:.2f}' if isinstance(v, float) else v for k,v in row.items()} for row in rows]))
    print(f'five frames over one: {sum(row["five - one"] for row in rows)/len(rows):+.1f} dB on the mean')

if __name__=='__main__': main()
