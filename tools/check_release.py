("Does a tag say the version that the package has, and does the changelog tell of it?  python tools/check_release.py "
 "v1.2.3")
import configparser, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

def faults(
    tag:str,       # 'v' and the version
    version:str,   # Of settings.ini
    changelog:str, # Its text
)->list: # of sentences
    "What stands in the way of a release"
    said = []
    if tag!=f'v{version}':
        said.append(f'The tag is {tag}, the version in settings.ini {version}: bump it, or tag v{version}.')
    if not any(line.split()[:2]==['##', version] for line in changelog.splitlines()):
        said.append(f'CHANGELOG.md has no section "## {version}": say there what is new.')
    return said

def main()->int: # Exit code
    "Say what stands in the way"
    settings = configparser.ConfigParser()
    settings.read(ROOT/'settings.ini', encoding='utf-8')
    said = faults(sys.argv[1], settings['DEFAULT']['version'], (ROOT/'CHANGELOG.md').read_text(encoding='utf-8'))
    for line in said: print(line, file=sys.stderr)
    return bool(said)

if __name__=='__main__': sys.exit(main())
