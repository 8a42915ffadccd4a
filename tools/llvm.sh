#!/bin/sh
# A libLLVM that this Dr.Jit can use: the library looks for one; where we may, we install it; else its error says the other ways out.
# Tried with Mitsuba 3.9.1: 17 to 22 work, 16 ends the process (nbs/30_rendering.variant.ipynb). 19 is the one that our tests run with.
# usage: llvm.sh PYTHON
python=${1:-.venv/bin/python}
check() { "$python" -m nextgenface_nb.rendering.variant 2>&1; }
gpu() { "$python" -c 'from nextgenface_nb.rendering.variant import use_variant; use_variant()' 2>/dev/null; }

if message=$(check) || gpu; then exit 0; fi
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "No usable libLLVM yet: looking for a package (libllvm19, 20, 21, 22, 18, 17) ..."
    apt-get update -qq >/dev/null 2>&1
    for version in 19 20 21 22 18 17; do
        apt-cache show libllvm$version >/dev/null 2>&1 || continue
        DEBIAN_FRONTEND=noninteractive apt-get install -o DPkg::Lock::Timeout=120 -y -qq --no-install-recommends libllvm$version >/dev/null && message=$(check) && echo "$message" && exit 0
    done
    echo "This system has none of these packages, or none that works."
fi
echo "$message"
exit 1
