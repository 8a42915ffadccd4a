"""Whether parts of the packaged head show through each other, over many people and expressions.

usage: penetration.py [--people N] [--single N] [--mixed N] [--seed N] [--quiet] [--json FILE]

Five hundred people make thirty thousand heads: half an hour on a core."""
import argparse, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
from nextgenface_nb.evaluation.figures import save_figures, stamp
from nextgenface_nb.evaluation.penetration import measure_penetration
from nextgenface_nb.facemodel.model import load_model

def table(report:dict)->list: # of lines
    "The deepest of each kind, those beyond the limit first"
    deepest = {kind:max(parts.items(), key=lambda p: p[1]) for kind,parts in report['worst'].items()}
    return [f'{kind:20} {part:12} {depth:6.2f} mm   {report["deeper"][kind]:5.1%} of heads beyond {report["limit"]} mm'
        for kind,(part,depth) in sorted(deepest.items(), key=lambda k: -k[1][1])]

def main(args:list|None=None):
    "Measure, print, write"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name,default in dict(people=500, single=52, mixed=8, seed=0).items():
        parser.add_argument(f'--{name}', type=int, default=default)
    parser.add_argument('--quiet', action='store_true')
    parser.add_argument('--json', type=Path)
    asked = parser.parse_args(args)
    report = measure_penetration(load_model(), asked.people, asked.single, asked.mixed, asked.seed, asked.quiet)
    print(*table(report), sep='\n')
    if asked.json: save_figures(stamp('evaluation.penetration')|report, asked.json)

if __name__=='__main__': main()
