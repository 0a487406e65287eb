"""What a browser needs to be called while no page is open: a service worker, and a page that can be put on a home screen."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse, JSONResponse

from dashboard.language import DEFAULT
from dashboard.security import office_of

router = APIRouter()
_WORKER = Path(__file__).resolve().parents[1] / "static" / "worker.js"
_ANEW = {"Cache-Control": "no-cache"}


@router.get("/worker.js")
def worker(_request: Request) -> Response:
    """The service worker, at the root, so that it may answer for every page; each look for a new one asks us."""
    return FileResponse(_WORKER, media_type="text/javascript", headers=_ANEW)


@router.get("/manifest.webmanifest")
def manifest(request: Request) -> Response:
    """For the home screen: iPhones let only what stands there show notifications."""
    name = office_of(request).name
    icons = [{"src": f"/static/icon-{size}.png", "sizes": f"{size}x{size}", "type": "image/png"} for size in (192, 512)]
    said = {
        "id": "/", "name": name, "short_name": name[:12], "lang": DEFAULT, "start_url": "/", "scope": "/",
        "display": "standalone", "background_color": "#f4f5f8", "theme_color": "#0017c1", "icons": icons,
    }  # fmt: skip
    return JSONResponse(said, media_type="application/manifest+json", headers=_ANEW)
