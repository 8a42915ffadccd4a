("Values worked out by hand, for what a picture can be wrong in without looking it: directions, orders, signs, means. "
 "tests/mutants.py breaks each of them.")
import math
import pytest
import torch
from torch import tensor
from nextgenface_nb.geometry.camera import Camera, estimate_pose, euler_to_matrix, matrix_to_euler, project, transform
from nextgenface_nb.geometry.harmonics import (environment_basis, environment_directions, environment_map,
    environment_solid_angles, harmonics, rotate_harmonics)
from nextgenface_nb.geometry.mesh import vertex_normals
from nextgenface_nb.optim import losses
from nextgenface_nb.optim.landmarks import rotation_and_derivatives

close = lambda a,b,tolerance=1e-5: torch.testing.assert_close(torch.as_tensor(a, dtype=torch.float32),
    torch.as_tensor(b, dtype=torch.float32), rtol=tolerance, atol=tolerance)

def turn(axis, angle):
    "Rotation about x, y or z, written out"
    c,s = math.cos(angle),math.sin(angle)
    return tensor({'x': [[1,0,0],[0,c,-s],[0,s,c]], 'y': [[c,0,s],[0,1,0],[-s,0,c]],
        'z': [[c,-s,0],[s,c,0],[0,0,1]]}[axis], dtype=torch.float32)

def test_right_is_right_and_up_is_up():
    "A point 10 mm to the right and 20 mm above the axis, 500 mm away"
    close(project(tensor([10.,20,-500]), Camera.centred(200, 100, 1000.)), [100+20., 50-40.])

def test_euler_angles_are_roll_after_yaw_after_pitch():
    a,b,g = .3,-.5,.2
    close(euler_to_matrix(tensor([a,b,g])), turn('z', g)@turn('y', b)@turn('x', a))
    close(matrix_to_euler(euler_to_matrix(tensor([a,b,g]))), [a,b,g])
    close(transform(tensor([[1.,0,0]]), tensor([0,0,math.pi/2]), tensor([0.,0,-600])), [[0,1,-600.]])

def test_both_implementations_of_the_rotation_agree():
    rotation = tensor([.4,-.7,.3], dtype=torch.float64)
    matrix,derivatives = rotation_and_derivatives(rotation.numpy())
    close(matrix, euler_to_matrix(rotation))
    by_autograd = torch.func.jacfwd(euler_to_matrix)(rotation)
    for k in range(3): close(derivatives[k], by_autograd[...,k])

def test_pose_is_recovered():
    generator = torch.Generator().manual_seed(1)
    points,rotation,translation,camera = torch.randn(30, 3,
        generator=generator)*50,tensor([.2,-.4,.1]),tensor([12.,-7,-650]),Camera.centred(256, 256, 800.)
    found = estimate_pose(points, project(transform(points, rotation, translation), camera), camera)
    close(found[0], rotation, 1e-3)
    close(found[1]/650, translation/650, 1e-3)

def test_harmonics_of_the_first_two_bands_are_the_textbooks():
    d = torch.nn.functional.normalize(tensor([[1.,2,3],[-.5,.1,.2]]), dim=-1)
    x,y,z = d.T
    a,b = math.sqrt(1/(4*math.pi)),math.sqrt(3/(4*math.pi))
    close(harmonics(d, 2), torch.stack([torch.full_like(x, a), b*y, b*z, b*x], -1))
    close(harmonics(d, 3)[:,4:],
        torch.stack([math.sqrt(15/(4*math.pi))*x*y, math.sqrt(15/(4*math.pi))*y*z, math.sqrt(5/(16*math.pi))*(3*z*z-1),
        math.sqrt(15/(4*math.pi))*x*z, math.sqrt(15/(16*math.pi))*(x*x-y*y)], -1))

def test_harmonics_are_orthonormal():
    basis,weight = environment_basis(64, 5).reshape(-1, 25),environment_solid_angles(64).expand(64, 128).reshape(-1, 1)
    close(basis.T@(basis*weight), torch.eye(25), 3e-3)

def test_the_environment_map_shows_the_viewer_in_its_middle():
    directions = environment_directions(64)
    for (row,column),direction in {(32, 64): (0,0,1), (32, 32): (1,0,0), (32, 96): (-1,0,0), (0, 5): (0,1,0)}.items():
        close(directions[row,column], direction, .06)

def test_light_turns_with_its_rotation():
    light = torch.randn(25, 3, generator=torch.Generator().manual_seed(2))
    turned,direction = rotate_harmonics(light,
        turn('y', .7)@turn('x', .3)),torch.nn.functional.normalize(tensor([.3,.2,.9]), dim=0)
    close(harmonics(turn('y', .7)@turn('x', .3)@direction, 5)@turned, harmonics(direction, 5)@light, 1e-4)

def test_frontal_light_comes_from_the_front():
    light = torch.zeros(4, 3)
    light[0] = 1
    light[2] = 1
    environment = environment_map(light, 32)
    assert environment[16,32].mean()>environment[16,0].mean()+.5

def test_normals_point_out_and_count_areas():
    "A corner where a large triangle facing the viewer meets a small one facing right"
    vertices = tensor([[0.,0,0],[-4,0,0],[0,-4,0],[0,0,-1],[0,1,0]])
    triangles = tensor([[0,1,2],[0,3,4]])
    first,second = torch.linalg.cross(vertices[1], vertices[2]),torch.linalg.cross(vertices[3], vertices[4])
    assert first[2]>0 and second[0]>0
    close(vertex_normals(vertices, triangles)[0], torch.nn.functional.normalize(first+second, dim=0))

# ---- losses: all are means

MIRROR = torch.arange(64).reshape(8, 8).flip(1).reshape(-1)

def test_symmetry_is_zero_for_a_symmetric_map_only():
    ramp = torch.arange(8.).expand(8, 8)[...,None]
    ones = torch.ones(8, 8)
    close(losses.symmetry_loss((ramp-3.5).abs(), MIRROR, ones), [0.])
    close(losses.symmetry_loss(ramp, MIRROR, ones), (torch.arange(8.)*2-7).abs().mean()[None])

@pytest.mark.parametrize('size', [8, 32])
def test_smoothness_does_not_know_the_size_of_the_texture(size):
    "A slope of 51.2 over the whole texture, along rows and along columns: 0.1 per texel of 512"
    ramp = (torch.arange(float(size))*51.2/size).expand(size, size)[...,None]
    close(losses.smoothness_loss(ramp, torch.ones(size, size)), [.01])
    close(losses.smoothness_loss(ramp.transpose(0, 1), torch.ones(size, size)), [.01])

def test_only_weighted_pixels_count_in_the_photo_loss():
    picture,target,weight = torch.zeros(8, 8, 3),torch.full((8, 8, 3), .5),torch.zeros(8, 8, 1)
    weight[2:4,2:4] = 1
    close(losses.photo_loss(picture, target, weight), losses.photo_loss(picture, target, torch.ones(8, 8, 1)))
    assert losses.photo_loss(picture, target, weight)>.1
    picture[2:4,2:4] = .5
    close(losses.photo_loss(picture, target, weight), 0)
