"What must hold before a tag is published"
import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).resolve().parent.parent/'tools'))
from check_release import faults

def test_a_release_says_its_version_and_what_is_new():
    log = '# Changelog\n\n## 1.2.0 (2026-12-01)\n\n- more\n'
    assert faults('v1.2.0', '1.2.0', log)==[]
    assert any('tag' in s for s in faults('v1.2.1', '1.2.0', log))
    assert any('CHANGELOG' in s for s in faults('v1.3.0', '1.3.0', log))
