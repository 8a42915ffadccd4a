"What must hold before a tag is published"
import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).resolve().parent.parent/'tools'))
import check_release
from check_release import faults, notes

def test_a_release_says_its_version_and_what_is_new():
    log = '# Changelog\n\n## 1.2.0 (2026-12-01)\n\n- more\n'
    assert faults('v1.2.0', '1.2.0', log)==[]
    assert any('tag' in s for s in faults('v1.2.1', '1.2.0', log))
    assert any('CHANGELOG' in s for s in faults('v1.3.0', '1.3.0', log))
    assert any('CHANGELOG' in s for s in faults('v1.2.0', '1.2.0', '## 1.2.0\n\n## 1.1.0\n- old\n'))

def test_what_is_new_is_the_section_of_the_version_and_no_other():
    log = '# Changelog\n\n## Unreleased\n- soon\n\n## 1.2.0 (2026-12-01)\n\n### Added\n- more\n\n## 1.1.0\n- old\n'
    assert notes('1.2.0', log)=='### Added\n- more' and notes('1.1.0', log)=='- old' and notes('1.3.0', log)==''

def test_what_is_new_is_written_for_the_page_of_the_release(tmp_path, monkeypatch):
    "Only where nothing stands in the way"
    (tmp_path/'settings.ini').write_text('[DEFAULT]\nversion = 1.2.0\n')
    (tmp_path/'CHANGELOG.md').write_text('## 1.2.0\n- more\n')
    monkeypatch.setattr(check_release, 'ROOT', tmp_path)
    for tag,code in (('v1.2.1', 1), ('v1.2.0', 0)):
        assert not (tmp_path/'notes.md').exists()
        monkeypatch.setattr(sys, 'argv', ['check_release.py', tag, str(tmp_path/'notes.md')])
        assert check_release.main()==code
    assert (tmp_path/'notes.md').read_text()=='- more\n'
