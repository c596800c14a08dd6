"""A folder of static files that shows scenes of a bank in any browser, with no code on the server.

    index.html, *.js, style.css, webg*/*   the page, as it lies in ``page/`` beside this file
    manifest.json                          sizes, scene box, sampling, first camera, and the scenes by name
    shared.safetensors                     base planes in 8 bits, micro planes of the mean scene, MLP, background latent
    decoder.safetensors                    the weights of the decoder's steps: normalized latents to pictures
    scenes/0000.safetensors, 0000.webp     micro planes, as compact banks have them, and coefficients; a thumbnail

The browser combines a scene's planes, renders its latents in a shader (WebGPU, else WebGL2) by the formulas of
``triptych.representation`` and decodes them in further ones. Decoders that are not triptych's own come as
``decoder.onnx`` and are run by onnxruntime-web, in ``runtime/``.
"""

from triptych.export.web.folder import write_web

__all__ = ["write_web"]
