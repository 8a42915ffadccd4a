("Does a tag say the version that the package has, and does the changelog tell of it?  python tools/check_release.py "
 "v1.2.3, with a file's name behind: what is new is written there, for the page of the release")
import configparser, itertools, sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

def notes(
    version:str,
    changelog:str, # Its text
)->str: # Empty: there is no section, or nothing in it
    "What the changelog says of a version"
    lines = iter(changelog.splitlines())
    for line in lines:
        if line.split()[:2]==['##', version]: return '\n'.join(itertools.takewhile(lambda l: not l.startswith('## '), lines)).strip()
    return ''

def faults(
    tag:str,       # 'v' and the version
    version:str,   # Of settings.ini
    changelog:str, # Its text
)->list: # of sentences
    "What stands in the way of a release"
    said = []
    if tag!=f'v{version}':
        said.append(f'The tag is {tag}, the version in settings.ini {version}: bump it, or tag v{version}.')
    if not notes(version, changelog):
        said.append(f'CHANGELOG.md has no section "## {version}", or nothing in it: say there what is new.')
    return said

def main()->int: # Exit code
    "Say what stands in the way"
    settings = configparser.ConfigParser()
    settings.read(ROOT/'settings.ini', encoding='utf-8')
    version,changelog = settings['DEFAULT']['version'],(ROOT/'CHANGELOG.md').read_text(encoding='utf-8')
    said = faults(sys.argv[1], version, changelog)
    for line in said: print(line, file=sys.stderr)
    if not said and sys.argv[2:]: Path(sys.argv[2]).write_text(notes(version, changelog)+'\n', encoding='utf-8')
    return bool(said)

if __name__=='__main__': sys.exit(main())
