"""The page of a mount, as HTML: names are escaped, and nothing is asked of another host."""

from __future__ import annotations

from collections.abc import Callable, Collection
from html import escape
from string import Template
from urllib.parse import quote

from headwater.http.settings import ANY_ORIGIN
from headwater.shown_text import shown

_MOST_NAME_CHARACTERS = 200
_PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>$name</title>
<link rel="icon" href="$icon">
<script src="$theme"></script>
<link rel="stylesheet" href="$style">
<script type="module" src="$script"></script>
</head>
$body
</html>
""")
_WHOLE = Template("""\
<body>
<header><h1>$name</h1><span id="live" hidden>Live</span>
</header>
<main>
<headwater-player src="$address"></headwater-player>
<noscript>
<p>The player needs JavaScript. Without it, open the stream in VLC or ffplay.</p>
</noscript>
<div class="below">
<section aria-labelledby="how">
<h2 id="how">How it plays</h2>
<dl>
<dt>State</dt><dd id="state">Connecting</dd>
<dt>Plays by</dt><dd id="way">–</dd>
<dt>Behind live</dt><dd id="late">–</dd>
<dt>Codecs</dt><dd id="codecs">–</dd>
<dt>Picture</dt><dd id="size">–</dd>
</dl>
<ul id="why" class="why"></ul>
</section>
<section aria-labelledby="elsewhere">
<h2 id="elsewhere">Watch it elsewhere</h2>
<ul id="urls" class="urls"></ul>
</section>
</div>
</main>
<footer>
<label class="theme" hidden><span class="unseen">Theme</span>
<select id="theme" title="Theme">
<option value="auto">System theme</option>
<option value="light">Light theme</option>
<option value="dark">Dark theme</option>
</select></label>
</footer>
</body>""")
_EMBEDDED = Template("""\
<body class="embedded">
<headwater-player src="$address"></headwater-player>
</body>""")


def page_of(path: str, asset: Callable[[str], str], *, embedded: bool) -> str:
    """Return the page of the mount at a path; `asset` tells the address of a file."""
    words = {
        "name": escape(shown(path.lstrip("/"), _MOST_NAME_CHARACTERS)),
        "address": escape(quote(path)),
        "icon": escape(asset("icon.svg")),
        "style": escape(asset("page.css")),
        "script": escape(asset("page.js")),
        "theme": escape(asset("theme.js")),
    }
    body = (_EMBEDDED if embedded else _WHOLE).substitute(words)
    return _PAGE.substitute(words, body=body)


def policy_of(host: str, framed_by: Collection[str]) -> str:
    """Return the Content-Security-Policy of the page.

    Args:
        host: as the request names this server; not every browser takes `'self'` for WebSockets.
        framed_by: the origins of other sites that may show the page in a frame.
    """
    sockets = f" ws://{host} wss://{host}" if _is_host(host) else ""
    frames = "*" if ANY_ORIGIN in framed_by else " ".join(("'self'", *sorted(framed_by)))
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        f"media-src 'self' blob:; connect-src 'self'{sockets}; frame-ancestors {frames}; "
        "base-uri 'none'; form-action 'none'"
    )


def _is_host(text: str) -> bool:
    return bool(text) and all(one.isascii() and (one.isalnum() or one in ".-:[]_") for one in text)
