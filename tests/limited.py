"Smaller limits for a test"
from nextgenface_nb.reading import LIMITS

def limited(monkeypatch, **values):
    "In this test the limits of these names are these"
    for name,value in values.items(): monkeypatch.setitem(LIMITS, name, LIMITS[name]._replace(value=value))
