"""One HTML page that needs nothing else: no file beside it, and no network.

A content security policy in the page forbids every connection, so that even a figure library that
would like to fetch something cannot. Text is escaped here, once.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence

POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"

_STYLE = """
body{font:16px/1.55 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;
color:#1b2430;background:#fff}
h1{font-size:1.9rem;margin-bottom:.2rem} h2{font-size:1.3rem;margin-top:2.2rem;
border-bottom:1px solid #d5dae0;padding-bottom:.2rem} h3{font-size:1.05rem}
.wide{overflow-x:auto} table{border-collapse:collapse;width:100%;font-size:.94rem}
td,th{padding:.32rem .6rem;text-align:right;border-bottom:1px solid #e3e7eb;vertical-align:top}
td:first-child,th:first-child{text-align:left} td.text,th.text{text-align:left}
pre{background:#f4f6f8;padding:.8rem;overflow:auto;font-size:.82rem;max-height:28rem}
code{font-size:.86rem;word-break:break-all} .note{color:#5a6572;font-size:.9rem}
nav a{margin-right:1rem} figure{margin:1rem 0} figcaption{color:#5a6572;font-size:.9rem}
@media (prefers-color-scheme:dark){body{color:#e8edf2;background:#10151c}
pre{background:#1a222c} td,th,h2{border-color:#2c3640} .note,figcaption{color:#9aa5b1}
a{color:#7ab8ff}}
@media print{nav{display:none} pre{max-height:none}}
"""


def page(
    title: str,
    language: str,
    sections: Mapping[str, str],
    script: str = "",
    about: str = "",
) -> str:
    """A whole page.

    Args:
        title: Of the page, plain text.
        language: BCP 47 tag.
        sections: Markup by heading, in order.
        script: A library that figures need, inlined once.
        about: One line below the title, plain text.
    """
    links = "".join(
        f'<a href="#s{i}">{html.escape(name)}</a>' for i, name in enumerate(sections, 1)
    )
    body = "".join(
        f'<section id="s{i}"><h2>{html.escape(name)}</h2>{markup}</section>'
        for i, (name, markup) in enumerate(sections.items(), 1)
    )
    library = f"<script>{script}</script>" if script else ""
    return (
        f'<!doctype html><html lang="{html.escape(language)}"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style>{library}</head>"
        f"<body><h1>{html.escape(title)}</h1><p class='note'>{html.escape(about)}</p>"
        f"<nav>{links}</nav>{body}</body></html>"
    )


def paragraph(text: str, note: bool = False) -> str:
    """A paragraph of plain text.

    >>> paragraph("a < b")
    '<p>a &lt; b</p>'
    """
    return f"<p{' class=' + chr(34) + 'note' + chr(34) if note else ''}>{html.escape(text)}</p>"


def items(lines: Sequence[str]) -> str:
    """A list of plain texts; ``**bold**`` is kept."""
    return "<ul>" + "".join(f"<li>{bold(line)}</li>" for line in lines) + "</ul>"


def bold(text: str) -> str:
    """Escaped text with ``**…**`` as bold.

    >>> bold("**2×** <faster>")
    '<b>2×</b> &lt;faster&gt;'
    """
    return re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", html.escape(text, quote=False))


def table(head: Sequence[str], rows: Sequence[Sequence[str]], text_columns: int = 1) -> str:
    """A table of plain texts; the first columns are set to the left.

    >>> "<td>&lt;</td>" in table(["a", "b"], [["x", "<"]])
    True
    """

    def cells(tag: str, values: Sequence[str]) -> str:
        kinds = [' class="text"' if i < text_columns else "" for i in range(len(values))]
        pairs = zip(kinds, values, strict=True)
        return "".join(f"<{tag}{kind}>{html.escape(value)}</{tag}>" for kind, value in pairs)

    lines = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{cells("th", head)}</tr>{lines}</table></div>'


def code(text: str) -> str:
    """Preformatted plain text."""
    return f"<pre>{html.escape(text)}</pre>"


def figure(markup: str, caption: str) -> str:
    """A figure that is markup already, with a caption in plain text."""
    return f"<figure>{markup}<figcaption>{html.escape(caption)}</figcaption></figure>"


_REFERENCE = re.compile(
    r"""<(?:script|link|img|iframe|source|video|audio|object|embed)\b[^>]*?\b
    (?:src|href|data)\s*=\s*["']?(?!data:|\#)([^"'\s>]+)|@import|url\(\s*["']?(?:https?:)?//""",
    re.IGNORECASE | re.VERBOSE,
)


def outside_references(markup: str) -> list[str]:
    """What a browser would fetch for this page; scripts themselves are not looked into.

    >>> outside_references('<img src="https://x.org/a.png"><a href="https://x.org">x</a>')
    ['https://x.org/a.png']
    """
    without = re.sub(r"(<script[^>]*>).*?</script>", r"\1</script>", markup, flags=re.DOTALL)
    return [found[1] or found[0] for found in _REFERENCE.finditer(without)]
