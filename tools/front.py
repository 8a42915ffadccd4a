"""The pictures at the top of README and of the site, from the bundled portrait, into nbs/images: `make front`.

The photo, the fit laid over it, its shape in clay from three quarters, and the head turning, each a square of the same size.
"""
import sys
from pathlib import Path
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from nextgenface_nb import Config, reconstruct
from nextgenface_nb.imaging import portrait_path
from nextgenface_nb.output.panels import result_panels
from nextgenface_nb.output.pictures import picture
from nextgenface_nb.output.replay import Path3D, draw, staged, turntable, write_film

PICTURES = ROOT/'nbs'/'images'
SIZE = 256       # pixels; shown at 175, so that a page has room for four
GREY = .03       # behind the head, linear
TURN = 64.       # degrees that the film swings through
ZOOM = 1.35      # closer than a whole film of `nextgenface-replay`
COUNT,RATE = 40,14.

def clay(pipeline, face, yaw=35., samples=256)->torch.Tensor: # [H, W, 3] linear
    "The shape alone, from three quarters"
    seen = staged(pipeline, face, size=SIZE, zoom=ZOOM, yaw=yaw)
    frame = seen.frames[0]
    x = pipeline.renderer(frame).clay(pipeline.world_vertices(seen), frame.camera, samples=samples).detach()
    return x[...,:3]+GREY*(1-x[...,3:])

def stills(result)->dict: # name -> PIL image
    "The three that do not move"
    shown = result_panels(result.pipeline, result.face)
    chosen = dict(photo=shown['input'], overlay=shown['overlay'], clay=clay(result.pipeline, result.face))
    return {name:picture(x).convert('RGB').resize((SIZE, SIZE)) for name,x in chosen.items()}

def turning(result): # Iterator of [H, W, 3] uint8
    "The head from side to side, as `nextgenface-replay --yaw` shows it"
    moments = turntable(result.pipeline, result.face, 0, SIZE, COUNT, Path3D(TURN, zoom=ZOOM))
    return (draw(result.pipeline, face, samples=96, background=GREY) for face,_ in moments)

def main(folder=PICTURES):
    "All four; what they weigh"
    result = reconstruct(portrait_path(), Config(deterministic=True))
    for name,image in stills(result).items(): image.save(folder/f'front_{name}.jpg', quality=88)
    write_film(folder/'front_turning.webp', turning(result), RATE)
    for path in sorted(folder.glob('front_*')): print(f'{path.name}: {path.stat().st_size/1000:.0f} kB')

if __name__=='__main__': main()
