#!/bin/sh
# A libLLVM that this Dr.Jit can use: the library looks for one; where we may, we install it; else its error says the other ways out.
# usage: llvm.sh PYTHON
python=${1:-.venv/bin/python}
check() { "$python" -m nextgenface_nb.rendering.variant 2>&1; }
gpu() { "$python" -c 'from nextgenface_nb.rendering.variant import use_variant; use_variant()' 2>/dev/null; }

if message=$(check) || gpu; then exit 0; fi
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
    echo "No usable libLLVM yet: looking for the package libllvm19 ..."
    apt-get update -qq >/dev/null 2>&1
    if apt-cache show libllvm19 >/dev/null 2>&1; then
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libllvm19 >/dev/null && message=$(check) && echo "$message" && exit 0
    else
        echo "This system has no package libllvm19."
    fi
fi
echo "$message"
exit 1
