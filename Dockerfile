# syntax=docker/dockerfile:1
# docker build -t avfusion . && docker run --gpus all -p 7860:7860 -v avfusion:/data avfusion

# The CUDA libraries come with torch's own wheels, so the smallest CUDA image is enough; 13.0 is what torch is built for.
ARG BASE=nvidia/cuda:13.0.2-base-ubuntu24.04

FROM ${BASE} AS builder
# pyworld is compiled while it is installed.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends build-essential python3-dev python3-venv \
    && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /opt/avfusion && /opt/avfusion/bin/python -m pip install --no-cache-dir uv==0.13.8
COPY requirements.txt /build/
RUN VIRTUAL_ENV=/opt/avfusion /opt/avfusion/bin/uv pip install --no-cache --compile-bytecode -r /build/requirements.txt

FROM ${BASE}
# torchcodec loads FFmpeg's shared libraries.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ffmpeg python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 avfusion \
    && install --directory --owner=avfusion --group=avfusion /data
COPY --from=builder /opt/avfusion /opt/avfusion
COPY . /app
# For the command `avfusion`; the page alone would find the package in its own folder.
RUN /opt/avfusion/bin/uv pip install --python /opt/avfusion/bin/python --no-cache --no-deps --no-build-isolation --editable /app
ENV PATH=/opt/avfusion/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HF_HOME=/data/huggingface \
    AVFUSION_HOME=/data/avfusion \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860 \
    GRADIO_ANALYTICS_ENABLED=False
USER 10001:10001
WORKDIR /app
VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:7860/', timeout=4)"]
CMD ["python", "app.py"]
