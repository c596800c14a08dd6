"""What a joint step of preset paper does and holds, counted without doing it: on tensors without data.

    python benchmarks/paper/count.py [--side 128] [--views 32]

The autoencoder is that of Stable Diffusion, by its configuration alone. Operations are multiplications and additions,
two to each product; bytes are what autograd keeps for the backward pass, with convolutions and products in bfloat16 and
norms in float32, as under autocast.
"""

import argparse
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch.utils.flop_counter import FlopCounterMode

CONFIGURATION = {
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "layers_per_block": 2,
    "latent_channels": 4,
    "norm_num_groups": 32,
}


@contextmanager
def bytes_kept(parameters):
    """A list that ends up with the bytes of everything that is kept, parameters left out, once each."""
    own, seen, found = {id(parameter) for parameter in parameters}, [], []

    def keep(tensor):
        if id(tensor) not in own and not any(tensor is other for other in seen):
            seen.append(tensor)
            found.append(tensor.untyped_storage().nbytes())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield found


def in_format(function, dtype):
    """The function with all that goes into it in one format, as autocast has it."""

    def call(*arguments, **named):
        def cast(part):
            return part.to(dtype) if torch.is_tensor(part) else part

        return function(*map(cast, arguments), **{name: cast(part) for name, part in named.items()})

    return call


def autocast():
    """What ``torch.autocast`` does on a GPU, which has no form for tensors without data."""
    for name, dtype in (("conv2d", torch.bfloat16), ("linear", torch.bfloat16), ("group_norm", torch.float32)):
        setattr(F, name, in_format(getattr(F, name), dtype))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=128)
    parser.add_argument("--views", type=int, default=32)
    asked = parser.parse_args()
    autocast()
    with torch.device("meta"):
        network = AutoencoderKL(**CONFIGURATION)
        images = torch.empty(asked.views, 3, asked.side, asked.side)
        rendered = torch.empty(asked.views, 4, asked.side // 8, asked.side // 8)
    rendered.requires_grad_()
    parameters = list(network.parameters())
    with FlopCounterMode(display=False) as counter, bytes_kept(parameters) as kept:
        latents = network.encode(images).latent_dist.mean
        decoded = network.decode(torch.cat([latents, rendered]), return_dict=False)[0]
        loss = F.mse_loss(decoded[: asked.views], images) + F.mse_loss(decoded[asked.views :], images)
        forward = counter.get_total_flops()
        loss.backward()
    print(f"parameters: {sum(parameter.numel() for parameter in parameters) / 1e6:.1f} million")
    print(f"operations: {forward / 1e12:.2f} T forward, {counter.get_total_flops() / 1e12:.2f} T in all")
    print(f"kept for the backward pass: {sum(kept) / 2**30:.2f} GiB, {sum(kept) / 2**30 / asked.views:.3f} a view")


if __name__ == "__main__":
    main()
