"""bfloat16 where it is native, float32 elsewhere, and float32 parameters and results always."""

import pytest
import torch

from triptych.autoencoder.config import ConvolutionalConfig
from triptych.autoencoder.convolutional import ConvolutionalAutoencoder
from triptych.autoencoder.precision import has_fast_bfloat16

CPU = torch.device("cpu")


@pytest.mark.parametrize(("instructions", "expected"), [((False, False), False), ((True, False), True)])
def test_cpu_uses_bfloat16_only_with_its_instructions(monkeypatch, instructions: tuple, expected: bool) -> None:
    vector, matrix = instructions
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: vector, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: matrix, raising=False)
    assert has_fast_bfloat16(CPU) is expected


def test_auto_follows_the_processor(monkeypatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False, raising=False)
    images = torch.rand(1, 3, 16, 16)
    latents = {}
    for precision in ("auto", "float32", "bfloat16"):
        torch.manual_seed(0)
        config = ConvolutionalConfig(width=8, inner_width=8, precision=precision)
        latents[precision] = ConvolutionalAutoencoder(config).encode(images)
        assert latents[precision].dtype == torch.float32
    torch.testing.assert_close(latents["auto"], latents["float32"], rtol=0, atol=0)
    assert not torch.equal(latents["bfloat16"], latents["float32"])
    torch.testing.assert_close(latents["bfloat16"], latents["float32"], rtol=0.02, atol=0.05)
