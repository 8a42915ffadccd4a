"""Before a release: measures anew what is older than the code, runs the notebooks whose outputs are, and fails if something is still old or does not agree.

`make release` runs it. Hours on two cores; what is finished is kept, so that it can be stopped and started again. Photos for `nextgenface-measure` and level D: NEXTGENFACE_PHOTOS=FOLDER. What cannot be measured on this machine is named: make release WITHOUT='devices cuda'."""
import os, shlex, subprocess, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
sys.path.insert(0, str(ROOT))
from nextgenface_nb.evaluation.figures import COMMANDS, figure_files, figures_path, old_figures

def needed(without):
    "Names of figures that are old or missing, in the order of `COMMANDS`"
    files = figure_files()
    old = set(old_figures(files))|(set(COMMANDS)-set(files))
    return [name for name in COMMANDS if name in old and name not in without]

def command(name):
    "Program and flags that write some figures"
    program,*flags = shlex.split(COMMANDS[name][0].format(shlex.quote(str(figures_path(name)))))
    return [sys.executable if program=='python' else str(BIN/program), *flags]

def main(without):
    "All of it"
    missing = ([name for name in needed(without) if COMMANDS[name][1]=='photos']
        if not os.environ.get('NEXTGENFACE_PHOTOS') else [])
    if missing:
        sys.exit(
            f'{", ".join(missing)}: need photos. Set NEXTGENFACE_PHOTOS to their folder, or leave them out: make '
            f'release WITHOUT="{" ".join(missing)}"')
    for name in needed(without):
        print(f'--- {name}: {COMMANDS[name][0]}', flush=True)
        subprocess.run(command(name), check=True, cwd=ROOT)
    tools = ROOT/'tools'
    subprocess.run([sys.executable, tools/'figures.py'], check=True, cwd=ROOT)        # texts first: they are cells too
    subprocess.run([sys.executable, tools/'front.py'], check=True, cwd=ROOT)
    subprocess.run([sys.executable, tools/'run.py', '--old'], check=True, cwd=ROOT)
    subprocess.run([sys.executable, tools/'readme.py'], check=True, cwd=ROOT)
    subprocess.run([sys.executable, tools/'figures.py', '--release', '--without', *without], check=True, cwd=ROOT)
    print('All figures and outputs are as old as the code. Look at what has changed, and commit it.')

if __name__=='__main__':
    try: main(sys.argv[1:])
    except subprocess.CalledProcessError as error: sys.exit(error.returncode)
