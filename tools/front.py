"""The pictures at the top of README and of the site, from the bundled portrait, into nbs/images: `make front`.

The photo, the fit laid over it, its shape in clay from three quarters, and the head turning, each a square of the same size;
for the gallery, the head speaking and blinking.
"""
import math, sys
from pathlib import Path
import torch
from scipy.interpolate import CubicSpline

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from nextgenface_nb import Config, reconstruct
from nextgenface_nb.imaging import portrait_path, to_srgb
from nextgenface_nb.output.panels import result_panels
from nextgenface_nb.output.pictures import picture
from nextgenface_nb.output.replay import Path3D, draw, staged, turntable, write_film

PICTURES = ROOT/'nbs'/'images'
SIZE = 256       # pixels; shown at 175, so that a page has room for four
GREY = .03       # behind the head, linear
TURN = 64.       # degrees that the film swings through
ZOOM = 1.15      # closer than a whole film of `nextgenface-replay`
COUNT,RATE = 36,14.

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

#: Weights at some moments of the film, seconds; in between they go over smoothly
SPEECH = (
    (0., {}), (.25, dict(jawOpen=.3, mouthStretch=.3)), (.45, dict(mouthPress=.4, mouthClose=.05)),
    (.65, dict(jawOpen=.25, mouthFunnel=.6)), (.9, dict(jawOpen=.12, mouthPucker=.7)), (1.15, dict(jawOpen=.35, mouthSmile=.3)),
    (1.3, dict(jawOpen=.1, mouthRollLower=.4)), (1.55, dict(jawOpen=.45, mouthUpperUp=.2)), (1.8, dict(mouthPress=.5)),
    (2.05, dict(mouthSmile=.6, cheekSquint=.4)), (2.5, dict(mouthSmile=.6, cheekSquint=.4)), (2.9, {}))
BLINKS = .35, 1.9 # Seconds

def spoken(moment:float, names:list)->dict: # name -> weight
    "The expression at a moment of the film"
    times = [t for t,_ in SPEECH]
    weights = {}
    for name in {n for _,w in SPEECH for n in w}:
        value = float(CubicSpline(times, [w.get(name, 0) for _,w in SPEECH], bc_type='clamped')(moment))
        for side in ([name] if name in names else [f'{name}Left', f'{name}Right']): weights[side] = min(max(value, 0), 1)
    blink = max(math.exp(-((moment-b)/.07)**2) for b in BLINKS)
    return weights|dict(eyeBlinkLeft=blink, eyeBlinkRight=blink)

def speaking(result): # Iterator of [H, W, 3] uint8
    "The head says something, and turns a little meanwhile"
    rest = result.with_(expression='neutral')
    names = result.pipeline.model.expression_names
    length = SPEECH[-1][0]
    for k in range(round(length*RATE)):
        moment = k/RATE
        seen = rest.with_(expression=spoken(moment, names))
        look = seen.render(yaw=18*math.sin(2*math.pi*moment/length), size=SIZE, samples=64, lashes=True, as_array=True)
        yield (to_srgb(torch.from_numpy(look[...,:3]+GREY*(1-look[...,3:])).clamp(0, 1))*255).round().byte().numpy()

def main(folder=PICTURES):
    "All five; what they weigh"
    result = reconstruct(portrait_path(), Config(deterministic=True))
    for name,image in stills(result).items(): image.save(folder/f'front_{name}.jpg', quality=88)
    write_film(folder/'front_turning.webp', turning(result), RATE)
    write_film(folder/'front_speaking.webp', speaking(result), RATE)
    for path in sorted(folder.glob('front_*')): print(f'{path.name}: {path.stat().st_size/1000:.0f} kB')

if __name__=='__main__': main()
