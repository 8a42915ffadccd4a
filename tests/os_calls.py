"Calls of the operating system, exchanged in tests"
import os, pathlib

def exchange(set_attribute, name, work):
    ("`os.NAME` becomes `work`, by `setattr` or that of monkeypatch. Python 3.10's pathlib holds the functions of `os` "
     "that it calls: there too")
    held,before = getattr(pathlib, '_NormalAccessor', None),getattr(os, name)
    set_attribute(os, name, work)
    if getattr(held, name, None) is before: set_attribute(held, name, staticmethod(work))
