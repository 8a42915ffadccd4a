("As if the renderer worked on a graphics card: tensors carry a mark where they lie, and an operation with tensors of "
 "two places is an error, as in PyTorch")
import contextlib
import torch
from torch.overrides import TorchFunctionMode

CARD,HOST = torch.device('cuda', 0),torch.device('cpu')

def on_card(x): return getattr(x, '_on_card', False)

def mark(x, there):
    "Mark a tensor, or all in a list, tuple or dict"
    if torch.is_tensor(x): x._on_card = there
    elif isinstance(x, (list, tuple)): [mark(y, there) for y in x]
    elif isinstance(x, dict): [mark(y, there) for y in x.values()]
    return x

def tensors(values):
    for x in values:
        if torch.is_tensor(x): yield x
        elif isinstance(x, (list, tuple)): yield from tensors(x)
        elif isinstance(x, dict): yield from tensors(x.values())

def two_places(name): return RuntimeError(f'Expected all tensors to be on the same device: {name}')

class Elsewhere(TorchFunctionMode):
    "Follows all calls of PyTorch, passes them on, and marks what comes back"
    backward = False

    def __torch_function__(self, call, types, args=(), options=None):
        name,options = getattr(call, '__name__', ''),dict(options or {})
        if call == torch.Tensor.device.__get__: return CARD if on_card(args[0]) else HOST
        if call == torch.Tensor.is_cuda.__get__: return on_card(args[0])
        if name in ('backward', 'grad') and call != torch.Tensor.grad.__get__:
            self.backward = True                            # what PyTorch hands on in there is not marked
            try: return call(*args, **options)
            finally: self.backward = False
        if name in ('numpy', '__array__') and on_card(args[0]):
            raise TypeError("can't convert cuda:0 device type tensor to numpy")
        if name in ('cpu', 'cuda'): return self.move(args[0], name=='cuda')
        if name == 'to': return self.to(call, args[0], args[1:], options)
        if options.get('device') is not None:
            there = torch.device(options.pop('device')).type == 'cuda'
            if there and options.get('generator') is not None:
                raise RuntimeError("Expected a 'cuda' device type for generator")
            return mark(call(*args, **options), there)
        inputs = list(tensors([*args, *options.values()]))
        there = any(map(on_card, inputs))
        if there and not all(on_card(x) or (x.ndim==0 and name not in ('stack', 'cat')) for x in inputs):
            self.check(name, args)
        found = call(*args, **options)
        return (mark(found, True) if there and (torch.is_tensor(found) or isinstance(found, (list, tuple, dict)))
            else found)

    def check(self, name, args):
        "Indices may lie on the host where the tensor is on the card; else nothing may be mixed"
        if name == '__getitem__' and on_card(args[0]): return
        if name == '__setitem__' and on_card(args[0]) and (not torch.is_tensor(args[2]) or on_card(args[2])
            or not args[2].ndim):
            return
        if name == 'copy_': return
        raise two_places(name)

    def move(self, x, there): return x if there == on_card(x) else mark(x.view_as(x), there)

    def to(self, call, x, places, options):
        "`Tensor.to`: a device, a type, or a tensor that shows both"
        there,rest = on_card(x),[]
        for place in places:
            if isinstance(place, (str, torch.device)): there = torch.device(place).type == 'cuda'
            elif torch.is_tensor(place):
                there = on_card(place)
                rest.append(place.dtype)
            else: rest.append(place)
        if options.get('device') is not None: there = torch.device(options.pop('device')).type == 'cuda'
        found = call(x, *rest, **options) if rest or options else x
        if found is x: return self.move(x, there)
        return mark(found, there)

class Card(str):
    "A variant that says it is CUDA's"
    def startswith(self, start): return start == 'cuda'

@contextlib.contextmanager
def elsewhere(monkeypatch):
    ("In here, renderers of either kind think that they are on a card; what goes in has to be moved there, what comes "
     "out lies there")
    import drjit as dr
    from nextgenface_nb.rendering import bridge,renderer,scene,vertex
    plain,give,take = renderer.use_variant,renderer.to_drjit,dr.ArrayBase.torch
    mode = Elsewhere()
    def there(tensor, flat=False):
        if not (on_card(tensor) or mode.backward): raise two_places('to_drjit')
        return give(tensor, flat)
    with monkeypatch.context() as patch:
        patch.setattr(renderer, 'use_variant', lambda *asked, **options: Card(plain('cpu', say=False)))
        patch.setattr(vertex, 'torch_device', lambda device: 'cuda')
        for module in (bridge, renderer, scene): patch.setattr(module, 'to_drjit', there)
        plain('cpu', say=False)
        dr.ArrayBase.torch = lambda array: mark(take(array), True)
        try:
            with mode: yield
        finally: dr.ArrayBase.torch = take
