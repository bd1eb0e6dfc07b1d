"""The page and its files: read once, sent with a policy that lets nothing else in."""

from pathlib import Path
from urllib.parse import quote

from wsserve import HTTPException, Request, Response

FOLDER = Path(__file__).with_name("files")
MEDIA_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

# Everything comes from here, and nothing is inline; the page talks to the server that it came from, and to no other.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}

RESPONSES = {
    path.name: Response(path.read_bytes(), headers=HEADERS, media_type=MEDIA_TYPES[path.suffix])
    for path in FOLDER.iterdir()
    if path.suffix in MEDIA_TYPES
}


async def page(request: Request) -> Response:
    """Answer with the page; its relative links need a slash at the end of its address."""
    path: str = request["path"]
    if path.endswith("/"):
        return RESPONSES["page.html"]
    return Response(status_code=307, headers={"location": f"{quote(path.rpartition('/')[2])}/"})


async def file(name: str) -> Response:
    """Answer with one of the page's files."""
    if name not in RESPONSES:
        raise HTTPException(404, f"The page has no file {name!r}.\n")
    return RESPONSES[name]
