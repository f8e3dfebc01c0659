"""Cameras on web pages: FastAPI serves a list of mounts, pictures, and a film of JPEGs.

    pip install fastapi uvicorn
    python examples/fastapi_pictures.py
    headwater publish input.mp4 rtsp://127.0.0.1:8554/stream1 --loop

Then open http://127.0.0.1:8000/ in a browser. For work on the program itself:

    uvicorn fastapi_pictures:app --app-dir examples --reload
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, HTTPException, Response
from fastapi.responses import HTMLResponse, StreamingResponse

from headwater import FramesError, RtspServer

server = RtspServer(publish_port=8554)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    # The server lives as long as the application, on the same event loop.
    async with server:
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/")
async def index() -> HTMLResponse:
    films = "".join(f'<img src="/film{path}" alt="{path}">' for path in server.mounts)
    return HTMLResponse(f"<!doctype html><title>cameras</title>{films or 'nobody publishes yet'}")


@app.get("/mounts")
async def mounts() -> dict[str, int]:
    return {path: len(mount.readers) for path, mount in server.mounts.items()}


@app.get("/picture/{name}")
async def picture(name: str, width: int = 640) -> Response:
    try:
        # Many who ask at the same time share one picture.
        jpeg = await server.snapshot(f"/{name}", size=(width, None), timeout_s=5)
    except FramesError as error:
        raise HTTPException(404, str(error)) from error
    return Response(jpeg, media_type="image/jpeg")


@app.get("/film/{name}")
async def film(name: str, fps: float = 5) -> StreamingResponse:
    return StreamingResponse(parts(name, fps), media_type="multipart/x-mixed-replace;boundary=jpeg")


async def parts(name: str, fps: float) -> AsyncIterator[bytes]:
    # One decoder serves all who watch; a browser that goes ends this iteration.
    async with server.frames(f"/{name}", fps=fps, size=(640, None), timeout_s=None) as frames:
        async for frame in frames:
            jpeg = frame.jpeg(quality=70)
            head = f"--jpeg\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            yield head.encode() + jpeg + b"\r\n"


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=8000)
