"""Do two versions of Mitsuba draw the same pictures, and do they have the same gradients?
usage: compare_mitsuba.py 3.8.0                the installed version against another one, installed for the time being beside it
       compare_mitsuba.py --write FILE.npz     picture and gradients of the installed version
       compare_mitsuba.py ONE.npz OTHER.npz    compare two such files
Exit code 1 if they differ: root mean square of the pictures' difference 1e-3 or more at 1,024 rays per pixel, or gradients that differ by 1e-3 of their length or more."""
import argparse, os, subprocess, sys, sysconfig, tempfile
from pathlib import Path
import numpy as np

def write(path, samples, rays=256):
    "Picture, and gradients of one number by every variable, twice each with other random numbers"
    import drjit, mitsuba, torch
    from nextgenface_nb.facemodel.model import toy_model
    from nextgenface_nb.evaluation.gradients import Setting, adjoint
    from nextgenface_nb.rendering.renderer import Renderer
    setting,found = Setting(toy_model()),dict(versions=f'Mitsuba {mitsuba.__version__}, Dr.Jit {drjit.__version__}')
    renderer = setting.renderer(lambda *arguments: Renderer(*arguments, device='cpu'))
    for seed in (1, 2):
        with torch.no_grad():
            found[f'picture {seed}'] = setting.picture(renderer, setting.values, samples=samples, seed=seed).numpy()
    weights = adjoint('picture', torch.from_numpy(found['picture 1'][...,3]), torch.Generator().manual_seed(0))
    for seed in (1, 2):
        free = {name:value.clone().requires_grad_() for name,value in setting.values.items()}
        (setting.picture(renderer, free, samples=rays, seed=seed, silhouettes=True,
            shadow_edges=64)*weights).sum().backward()
        found |= {f'{name} {seed}':value.grad.numpy() for name,value in free.items()}
    np.savez(path, **found)

def far(a, b)->float:
    "Length of the difference over the length of both"
    return float(np.linalg.norm(a-b)/np.sqrt((np.linalg.norm(a)**2+np.linalg.norm(b)**2)/2))

def compare(one, other)->tuple: # table, what differs too much
    "Two files of `write`"
    one,other = np.load(one),np.load(other)
    rms = lambda a,b: float(np.sqrt(np.square(a-b).mean()))
    between,noise = rms(one['picture 1'], other['picture 1']),rms(one['picture 1'], one['picture 2'])
    mean = lambda file: (file['picture 1']+file['picture 2'])/2
    lines = [f'{one["versions"]} | {other["versions"]}',
        'root mean square of the pictures\' difference (the same random numbers | others, which is noise)',
        f'  picture      {between:.1e} | {noise:.1e}, mean {mean(other).mean()/mean(one).mean()-1:+.1e}',
        'gradients: length of the difference over their length']
    bad = [] if between<1e-3 else ['picture']
    for name in sorted({key[:-2] for key in one.files if key[-1]=='1'}-{'picture'}):
        between,noise = (far(one[f'{name} 1'], other[f'{name} {k}'] if k==1 else one[f'{name} 2']) for k in (1, 2))
        lines.append(f'  {name:12s} {between:.1e} | {noise:.1e}')
        if not between<1e-3: bad.append(name)
    return '\n'.join(lines),bad

def another_python(version:str, folder:Path)->str:
    "A Python with another Mitsuba and everything else of ours"
    subprocess.run([sys.executable, '-m', 'venv', folder], check=True)
    python = folder/('Scripts' if os.name=='nt' else 'bin')/'python'
    done = subprocess.run([python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check',
        f'mitsuba=={version}'], capture_output=True, text=True)
    if done.returncode: raise SystemExit(f'Mitsuba {version} cannot be installed here:\n{done.stderr}')
    own = subprocess.run([python, '-c', 'import sysconfig; print(sysconfig.get_path("purelib"))'], check=True,
        capture_output=True, text=True).stdout.strip()
    # comes after its own
    (Path(own)/'zz_ours.pth').write_text('\n'.join({sysconfig.get_path('purelib'), sysconfig.get_path('platlib')})+'\n')
    return str(python)

def main(argv=None)->int:
    p = argparse.ArgumentParser('compare_mitsuba.py', description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('what', nargs='*', help='a version, or two files')
    p.add_argument('--write', metavar='FILE.npz')
    p.add_argument('--samples', type=int, default=1024, help='rays per pixel of the pictures (default: %(default)s)')
    args = p.parse_args(argv)
    if args.write:
        write(args.write, args.samples)
        return 0
    if len(args.what)==2: said,bad = compare(*args.what)
    elif len(args.what)==1:
        with tempfile.TemporaryDirectory() as folder:
            files = [f'{folder}/{k}.npz' for k in (1, 2)]
            for python,file in zip((sys.executable, another_python(args.what[0], Path(folder)/'venv')), files):
                environment = dict(os.environ,
                    PYTHONPATH=os.pathsep.join([str(Path(__file__).resolve().parents[1]),
                    os.environ.get('PYTHONPATH', '')]))
                subprocess.run([python, __file__, '--write', file, '--samples', str(args.samples)], check=True,
                    env=environment)
            said,bad = compare(*files)
    else: p.error('one version, two files, or --write')
    print(said, f'different: {", ".join(bad)}' if bad else 'the same', sep='\n')
    return bool(bad)

if __name__=='__main__': sys.exit(main())
