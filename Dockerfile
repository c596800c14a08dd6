# triptych for a CPU, or for an NVIDIA GPU:
#   docker build --tag triptych .
#   docker build --tag triptych --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128 --build-arg EXTRAS=[gpu,mesh,viewer,web] .
#   docker run --rm --volume "$PWD:/work" triptych fit cars DATA --out bank           # a GPU: --gpus all
FROM python:3.11-slim
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG EXTRAS=[mesh,viewer,web]
# Triton compiles a small C file when it starts.
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
RUN pip install --no-cache-dir torch --index-url "$TORCH_INDEX"
COPY pyproject.toml hatch_build.py README.md LICENSE /triptych/
COPY src /triptych/src
RUN pip install --no-cache-dir "/triptych$EXTRAS"
WORKDIR /work
ENTRYPOINT ["triptych"]
CMD ["--help"]
