"""Configuration of the convolutional autoencoder, of its precision, and of how latents are normalized."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from triptych.options import Options, Range

Precision = Literal["auto", "float32", "bfloat16"]
NormalizationKind = Literal["affine", "tanh"]
"""How latents are brought to a common range: each channel to mean 0 and deviation 1, or all through a tanh."""


@dataclass(frozen=True)
class ConvolutionalConfig(Options):
    """The shape of the autoencoder made from scratch."""

    channels: Annotated[int, Range(1, 192)] = 8
    """Latent channels C."""
    downscale: Literal[2, 4, 8] = 4
    """Image size divided by latent size. The smaller it is, the more 3D-consistent are the latents, the larger, the
    fewer rays render them."""
    width: Annotated[int, Range(1, 4096)] = 64
    """Features at a quarter of the image's size; at half of it with downscale=2."""
    blocks: Annotated[int, Range(1, 256)] = 4
    """Residual blocks of that size on each side of the latents."""
    inner_width: Annotated[int, Range(1, 4096)] = 128
    """Features at an eighth of the image's size, for downscale=8."""
    inner_blocks: Annotated[int, Range(1, 256)] = 2
    """Residual blocks at an eighth of the image's size, on each side of the latents, for downscale=8."""
    expansion: Annotated[int, Range(1, 64)] = 2
    """Hidden features of a residual block, as a multiple of its width."""
    precision: Precision = "auto"
    """Format of the convolutions; `auto` is bfloat16 where the processor has it natively, else float32."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        most = 3 * self.downscale**2
        if self.channels > most:
            block = f"a {self.downscale}x{self.downscale} block of the image"
            yield "channels", f"is {self.channels}, expected at most {most}, the numbers in {block}"
