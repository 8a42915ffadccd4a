"""Are five frames of a film better than one?

One face is fitted to five frames that are spread over a film, another one to the first and a third one to the middle
one of them; each is held against a sixth frame, whose pose, lens, expression and light are found.
usage: film.py [FILM ...] [--choices N] [--set KEY=VALUE ...] [--json FILE]"""
import argparse, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT/'tools')]
from cards import film_pictures, known

#: Where the six frames begin, in sixths of a sixth of the film, and which of them is held out
CHOICES = (3, 3), (1, 5), (5, 2)

def chosen(film, choice):
    "Five frames, and a sixth"
    begins,held = CHOICES[choice]
    six = [film[int((k+begins/6)*len(film)/6)] for k in range(6)]
    return six[:held]+six[held+1:],six[held]

def compared(path, choice, config, pipeline):
    "A row of the table"
    from nextgenface_nb.evaluation.photos import held_out_photo
    from nextgenface_nb.reconstruction import exhaust, reconstruct_steps
    five,sixth = chosen(film_pictures(path), choice)
    row = dict(film=Path(path).stem, choice=choice+1)
    for name,photos in (('first', five[:1]), ('middle', five[2:3]), ('five', five)):
        fit = exhaust(reconstruct_steps(photos, config, pipeline=pipeline))
        row |= {f'{name} {k}':v for k,v in held_out_photo(fit, sixth).items()}
    one = row['first psnr'],row['middle psnr']
    return row|{'five over one':row['five psnr']-sum(one)/2, 'over the better':row['five psnr']-max(one)}

def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('films', nargs='*', type=Path,
        help='default: all .mp4 of the folder in the environment variable NEXTGENFACE_FILMS')
    p.add_argument('--choices', type=int, default=1, help='of six frames, of each film; default 1, at most 3')
    p.add_argument('--set', action='append', default=[], metavar='KEY=VALUE')
    p.add_argument('--json', type=Path, metavar='FILE', help='write the figures there')
    args = p.parse_args()
    films = args.films or [film for folder in known('NEXTGENFACE_FILMS') for film in sorted(Path(folder).glob('*.mp4'))]
    if not films: p.error('no film: name one, or set NEXTGENFACE_FILMS to a folder of films')
    from nextgenface_nb.config import Config
    from nextgenface_nb.evaluation.figures import save_figures, stamp
    from nextgenface_nb.evaluation.photos import markdown_table
    from nextgenface_nb.pipeline import Pipeline
    config = Config.preset('default')
    config.set('max_resolution=192', *args.set)
    pipeline = Pipeline(None, config)
    rows = []
    for film in films:
        for choice in range(args.choices):
            rows.append(compared(film, choice, config, pipeline))
            print({k:round(v, 3) if isinstance(v, float) else v for k,v in rows[-1].items()}, flush=True)
    numbered = [{'film':k//args.choices+1}|{n:v for n,v in row.items() if n!='film'} for k,row in enumerate(rows)]
    print(markdown_table([{k:f'{v:.2f}' if isinstance(v, float) else v for k,v in row.items()} for row in rows]))
    means = {n:sum(row[n] for row in rows)/len(rows) for n in ('five over one', 'over the better')}
    print(*(f'{n}: {gain:+.1f} dB on the mean' for n,gain in means.items()), sep='\n')
    report = stamp('evaluation.photos')|dict(films=len(films), rows=numbered, means=means)
    if args.json: save_figures(report, args.json)

if __name__=='__main__': main()
