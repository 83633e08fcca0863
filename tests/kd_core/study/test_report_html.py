from kd_core.study import report_html as html


def test_a_page_forbids_every_connection_and_escapes_what_it_is_given() -> None:
    made = html.page("A <b>", "en", {"One & two": html.paragraph("x < y")}, "let a = 1;", "about")
    assert "default-src 'none'" in made
    assert "A &lt;b&gt;" in made
    assert "One &amp; two" in made
    assert made.count("let a = 1;") == 1
    assert html.outside_references(made) == []


def test_tables_and_lists_are_plain_text() -> None:
    assert "<td>&lt;i&gt;</td>" in html.table(["a", "b"], [["x", "<i>"]])
    assert html.items(["**big** <x>"]) == "<ul><li><b>big</b> &lt;x&gt;</li></ul>"
    assert "&lt;" in html.code("<")
    assert html.paragraph("a", note=True).startswith('<p class="note">')


def test_what_a_browser_would_fetch_is_found() -> None:
    for markup in (
        '<script src="https://cdn.example/p.js"></script>',
        "<link rel=stylesheet href=/style.css>",
        '<img src="picture.png">',
        "<style>@import 'x.css'</style>",
        "<style>a{background:url(//x.org/a.png)}</style>",
    ):
        assert html.outside_references(markup), markup
    for markup in ('<img src="data:image/png;base64,AA">', '<a href="https://x.org">x</a>',
                   '<script>fetch("https://x.org")</script>'):  # fmt: skip
        assert html.outside_references(markup) == [], markup
