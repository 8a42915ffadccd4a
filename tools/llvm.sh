#!/bin/sh
# A libLLVM that this Dr.Jit can use: the library looks for one; where we may, we install it; else we say the other way out.
# usage: llvm.sh PYTHON
python=${1:-.venv/bin/python}
check() { "$python" -m nextgenface_nb.rendering.variant "$@"; }

if message=$(check 2>&1); then exit 0; fi
if command -v apt-get >/dev/null 2>&1; then
    if [ "$(id -u)" = 0 ]; then
        echo "No usable libLLVM yet: looking for the package libllvm19 ..."
        apt-get update -qq >/dev/null 2>&1
        if apt-cache show libllvm19 >/dev/null 2>&1; then
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libllvm19 >/dev/null && check && exit 0
        else
            echo "This system has no package libllvm19."
        fi
    else
        echo "No usable libLLVM. Try: sudo apt-get install libllvm19"
    fi
fi
echo "$message" | tail -n 5
cat <<'END'
Ways out:
  - a newer libLLVM (19 is tested) from your system or from apt.llvm.org, and its path in DRJIT_LIBLLVM_PATH if it is not found;
  - or Mitsuba 3.8, which works with LLVM 15 too: .venv/bin/pip install 'mitsuba==3.8.0'.
END
exit 1
