"""Does memory grow with the number of photos? Reconstructs many small photos of different sizes in one process, as `nextgenface-reconstruct --input FOLDER` does, and says how much it holds after each.
usage: memory.py [--photos N] [KEY=VALUE ...]"""
import argparse, sys, tempfile, time
from pathlib import Path

QUICK = 'max_resolution=128 texture_resolution=64 steps_shading=1 steps_texture=4 samples_final=2 bands=5 environment_height=16'.split()

def photographs(folder:Path, count:int):
    "The bundled portrait, in as many sizes and turns"
    from PIL import Image
    from nextgenface_nb.imaging import portrait_path
    portrait = Image.open(portrait_path(), formats=('JPEG',)).convert('RGB')
    for k in range(count):
        size = 160+7*(k*11%count)
        portrait.resize((size, size)).rotate((k%9-4)*2, fillcolor=(90,90,90)).save(folder/f'{k:03}.png')

def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--photos', type=int, default=30)
    p.add_argument('settings', nargs='*', metavar='KEY=VALUE')
    args = p.parse_args()
    from nextgenface_nb import cli
    from nextgenface_nb.evaluation import speed as bench
    from nextgenface_nb.results import runs
    held,fit_and_save = [],runs.fit_and_save
    def watched(*arguments, **options):
        began = time.perf_counter()
        try: return fit_and_save(*arguments, **options)
        finally:
            bench.tidy()
            held.append(bench.resident()*2**20/1e6)
            print(f'photo {len(held)}: {held[-1]:.0f} MB, {time.perf_counter()-began:.1f} s', flush=True)
    runs.fit_and_save = watched
    with tempfile.TemporaryDirectory() as there:
        folder = Path(there)/'photos'
        folder.mkdir()
        photographs(folder, args.photos)
        flags = [part for setting in (*QUICK, *args.settings) for part in ('--set', setting)]
        code = cli.main(['--input', str(folder), '--output', str(Path(there)/'out'), '--quiet', *flags])
    third = len(held)//3
    growth = bench.growth(held[third:])
    print(f'{len(held)} photos; after the first third {held[third]:.0f} MB, at the end {held[-1]:.0f} MB: '
        f'{growth:+.2f} MB per photo')
    return code

if __name__=='__main__': sys.exit(main())
