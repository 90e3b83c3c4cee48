# The server with its demo and the shipped voice, for the CPU:
#     docker build -t straighttalk .
# or for NVIDIA cards:
#     docker build -t straighttalk:gpu --build-arg DEVICE=gpu .
# The image contains phonemizer and eSpeak NG, which are under the GPL-3: see README.md, "Licence".
ARG PYTHON=3.12
FROM python:${PYTHON}-slim AS build
ARG DEVICE=cpu
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/straighttalk
ENV PATH=/opt/straighttalk/bin:$PATH
WORKDIR /app
COPY constraints.txt ./
# torch alone is most of the image; here it is not fetched again when the code changes.
RUN case "$DEVICE" in \
        cpu) index=https://download.pytorch.org/whl/cpu ;; \
        gpu) index=https://pypi.org/simple ;; \
        *) echo "DEVICE is $DEVICE; it must be cpu or gpu" >&2; exit 1 ;; \
    esac \
    && pip install "$(grep -E '^torch==' constraints.txt)" --index-url "$index"
COPY pyproject.toml README.md LICENSE ./
COPY core core
COPY text text
COPY tts tts
COPY vocoder vocoder
RUN pip install -c constraints.txt ".[serve,demo]"

FROM python:${PYTHON}-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin straighttalk \
    && install -d -o straighttalk /voices
COPY --from=build /opt/straighttalk /opt/straighttalk
ENV PATH=/opt/straighttalk/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    STRAIGHTTALK_HOME=/voices \
    STRAIGHTTALK_HOST=0.0.0.0 \
    STRAIGHTTALK_PORT=8000
WORKDIR /tmp
USER straighttalk
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["python", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
# Without STRAIGHTTALK_API_KEY it refuses to start: others can reach a container.
CMD ["straighttalk", "serve"]
