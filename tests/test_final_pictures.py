("Final pictures take as many rays as their noise asks for, no more than the settings allow, and a bar shows how far "
 "they are.")
import pytest
import torch
from nextgenface_nb.evaluation.speed import bench_scene
from nextgenface_nb.cli import Bars
from nextgenface_nb.facemodel.model import toy_model
from nextgenface_nb.rendering.renderer import Renderer, picture_noise

@pytest.fixture(scope='module')
def truth(): return bench_scene(48, 64, model=toy_model(31, 23), environment_height=32)

def rays(truth, monkeypatch, samples=None, **settings):
    "The picture, rays per pixel that were shot, and what the bar was told"
    shot,said,shoot = [],[],Renderer._shoot
    for name,value in settings.items(): monkeypatch.setattr(truth.pipeline.config, name, value)
    monkeypatch.setattr(Renderer, '_shoot',
        lambda self,inputs,count,*rest: (shot.append(count), shoot(self, inputs, count, *rest))[1])
    picture = truth.pipeline.render(
        truth.face, 0, samples, final=True, progress=lambda done,total: said.append((done, total)))
    return picture,sum(shot),said

def test_they_end_when_the_noise_is_low(truth, monkeypatch):
    image,shot,said = rays(truth, monkeypatch, samples_final=2048, noise_final=.02)
    assert 16<shot<1024 and said[-1]==(2048, 2048)
    judge,_,_ = rays(truth, monkeypatch, 1024)
    assert picture_noise(2*image-judge, judge)<.03

def test_or_when_all_rays_are_shot(truth, monkeypatch):
    _,shot,said = rays(truth, monkeypatch, samples_final=40, noise_final=1e-9)
    assert shot==40 and said==[(16, 40), (32, 40), (40, 40)]

@pytest.mark.parametrize('samples, settings',
    [(48, dict(noise_final=.9)), (None, dict(noise_final=0., samples_final=48))])
def test_whoever_asks_for_a_number_gets_it(truth, monkeypatch, samples, settings):
    assert rays(truth, monkeypatch, samples, **settings)[1]==48

def test_a_bar_shows_how_far_they_are(capsys):
    bars = Bars()
    for done in (16, 32, 64): bars.rays(done, 64)
    assert 'picture' in capsys.readouterr().err and bars.bar is None
    quiet = Bars(False)
    quiet.rays(16, 64)
    assert quiet.bar is None and not capsys.readouterr().err
