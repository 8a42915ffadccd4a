("Writes the SHA-256 of each file into data/README.md: for who has made one of them anew and looked at it. Other "
 "columns are written by hand.")
import hashlib, re, sys
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent/'data'
FETCHED = 'baselMorphableModel', 'models'   # of the user
ROW = re.compile(r'^\| `(?P<file>[^`]+)` \|(?P<about>.*)\| `(?P<digest>[0-9a-f]*)` \|$', re.M)

def listed(text:str)->dict: # file -> (its SHA-256, [what it is, where it is from, licence, what makes it])
    "What the README says"
    return {m['file']:(m['digest'], [cell.strip() for cell in m['about'].split('|')]) for m in ROW.finditer(text)}

def there()->dict: # file -> its SHA-256
    "What lies in the folder: all files but the README and what users have put there"
    files = [f for f in sorted(DATA.rglob('*')) if f.is_file() and f!=DATA/'README.md'
        and f.relative_to(DATA).parts[0] not in FETCHED]
    return {f.relative_to(DATA).as_posix():hashlib.sha256(f.read_bytes()).hexdigest() for f in files}

def main():
    page,found = DATA/'README.md',there()
    text = page.read_bytes().decode('utf-8')
    new = ROW.sub(lambda m: f"| `{m['file']}` |{m['about']}| `{found.get(m['file'], '')}` |", text)
    page.write_bytes(new.encode('utf-8'))
    before,after = listed(text),listed(new)
    for file in after:
        if before[file][0]!=after[file][0]:
            print(f'{file}: {after[file][0]}' if file in found else f'{file}: is not there')
    unknown = sorted(found.keys()-after.keys())
    if unknown: sys.exit(f'No line in data/README.md: {", ".join(unknown)}')

if __name__=='__main__': main()
