#!/usr/bin/env python3
("Do two devices draw the same picture and the same gradients? python tools/compare_devices.py --devices cpu cuda "
 "--json found.json")
import argparse
import math
import subprocess
import sys
import tempfile
from pathlib import Path
import numpy as np

PARTS = 'shading', 'coverage', 'picture', 'shadows'

def make_parser():
    "The flags"
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--devices', nargs=2, default=['cpu', 'cuda'], help='the first is the judge')
    p.add_argument('--size', type=int, default=128, help='pixels and texels along each side')
    p.add_argument('--samples', type=int, default=256, help='rays per pixel')
    p.add_argument('--json', help='write the figures to this file')
    p.add_argument('--draw', nargs=2, metavar=('DEVICE', 'FILE'), help=argparse.SUPPRESS)   # the work of one process
    return p

def draw(device, file, size, samples):
    "A picture with two seeds and the gradients of one number by every variable: one Mitsuba variant to a process"
    import torch
    from nextgenface_nb.facemodel.model import load_model
    from nextgenface_nb.evaluation.gradients import Setting, adjoint, geometric, parts
    from nextgenface_nb.rendering.renderer import Renderer
    setting,found = Setting(load_model(''), size=size, resolution=size),{}
    for name,more in (('diffuse', .15), ('specular', .01)):
        setting.values[name] = setting.values[name]+more   # nowhere below 0
    renderer = setting.renderer(lambda *arguments: Renderer(*arguments, device=device))
    for seed in (1, 2):
        with torch.no_grad():
            found[f'picture {seed}'] = setting.picture(renderer, setting.values, samples=samples, seed=seed)
    for part in PARTS:
        options = dict(silhouettes=True, shadow_edges=256) if part=='shadows' else parts[part]
        weights = adjoint('picture' if part=='shadows' else part, found['picture 1'][...,3],
            torch.Generator().manual_seed(5))
        names = geometric if part=='coverage' else list(setting.values)
        for seed in (1, 2):
            free = {name:value.clone().requires_grad_(name in names) for name,value in setting.values.items()}
            picture = setting.picture(renderer, free, samples=1 if part=='coverage' else samples, seed=seed, **options)
            (picture*weights).sum().backward()
            found |= {f'{part} {name} {seed}':free[name].grad for name in names}
    np.savez(file, **{name:value.numpy() for name,value in found.items()})

def psnr(a, b):
    "In sRGB, dB"
    codes = [np.where(x<=.0031308, 12.92*x, 1.055*np.maximum(x, 1e-9)**(1/2.4)-.055)
        for x in (a[...,:3].clip(0, 1), b[...,:3].clip(0, 1))]
    return -10*math.log10(max(float(((codes[0]-codes[1])**2).mean()), 1e-16))

def compared(a, b):
    "Two results of `draw`; by noise: the same device, other rays"
    apart = lambda x,y: float(np.linalg.norm(x-y)/max(np.linalg.norm(x), 1e-30))
    cosine = lambda x,y: float((x*y).sum()/max(np.linalg.norm(x)*np.linalg.norm(y), 1e-30))
    rows = []
    for name in a:
        part,variable,seed = [*name.split(' '), ''][:3]
        if part not in PARTS or seed!='1': continue
        x,y,other = (v.astype(np.float64) for v in (a[name], b[name], a[f'{part} {variable} 2']))
        rows.append(dict(part=part, variable=variable, cosine=cosine(x, y), difference=apart(x, y),
            noise=apart(x, other)))
    first,second,other = a['picture 1'],b['picture 1'],a['picture 2']
    return dict(picture=dict(psnr=psnr(first, second), psnr_of_other_rays=psnr(first, other)), gradients=rows)

def main():
    args = make_parser().parse_args()
    if args.draw: return draw(*args.draw, args.size, args.samples)
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder)/f'{k}.npz' for k in (0, 1)]
        for device,file in zip(args.devices, files):
            flags = ['--size', str(args.size), '--samples', str(args.samples), '--draw', device, str(file)]
            subprocess.run([sys.executable, __file__, *flags], check=True)
        found = compared(*[dict(np.load(file)) for file in files])
    found |= dict(devices=args.devices, size=args.size, samples=args.samples)
    print(f"picture: {found['picture']['psnr']:.1f} dB of each other; other rays: "
        f"{found['picture']['psnr_of_other_rays']:.1f} dB")
    for row in found['gradients']:
        print('{part:9} {variable:12} cosine {cosine:.6f} difference {difference:.1e} noise {noise:.1e}'.format(**row))
    if args.json:
        from nextgenface_nb.evaluation.figures import save_figures, stamp
        save_figures(found|stamp('evaluation.gradients', 'rendering.renderer'), args.json)

if __name__=='__main__': main()
