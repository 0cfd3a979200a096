"""Markdown as it is seen: markup goes, and every word and sign of the text stays in its order."""

from emulator.text.markdown import blocks, plain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

AS_WRITTEN = """MAX_RETRY_COUNT|2*3*volts|List<Message>|a < 3 and b > 80|2<sup>7</sup>|__init__
    |__init__.py|*args, **kwargs|rows[1]|snake_case_|x = a * b * c|vec<i>|<source> <target>|~5
    |$a_{1} * b_2$|http://a_b.c/__x__|AT&T|f(2)*g*(3)|12.50 euros|5 > 4|CO<sub>2</sub>|\\d+|#5|C#
    |Map<K, List<V>>|if (a<b && c>d)|-5 °C|key: value|100 %|E15 | x ^ y|a/b|[x]|!important
    |https://a.b/?c=*d*&e=_f_"""
AS_WRITTEN = [part.strip() for part in AS_WRITTEN.split("|")]
SEEN = {
    "**bold**": "bold",
    "*see **this** one*": "see this one",
    "_soft_": "soft",
    "__Bold__": "Bold",
    "**N**ational": "National",
    "日本**太字**です": "日本太字です",
    "`MAX_RETRY *x* <b>`": "MAX_RETRY *x* <b>",
    "``a`b``": "a`b",
    "[the words](http://a.b/c_d)": "the words",
    "![a *dome*](dome.png)": "a dome",
    "<https://a.b/c>": "https://a.b/c",
    "*http://a.b/c_d_*": "http://a.b/c_d_",
    "[http://a.b/_c_](http://a.b)": "http://a.b/_c_",
    r"\*no\* \_emphasis\_": "*no* _emphasis_",
    "&lt;T&gt; &amp; &euro;": "<T> & €",
    "<b>bold</b> and <a href='x'>link</a>": "bold and link",
    "H<br>O": "H\nO",
    "~~gone~~": "gone",
    "a<!-- comment -->": "a",
    "soft\N{SOFT HYPHEN}hyphen": "softhyphen",
    **{part: part for part in AS_WRITTEN},
}
INLINE = st.lists(st.sampled_from(sorted(SEEN)), min_size=1, max_size=4)
# Each form of a block takes its inline parts, and says how it is written and what is seen of it.
FORMS = {
    "Say {}": "Say {}",
    "## On {} ##": "On {}",
    "- Item {}\n- More": "Item {} More",
    "1. First {}\n2. Second": "1. First {} 2. Second",
    "> Quoted {}": "Quoted {}",
    "Title {}\n---": "Title {}",
    "This line is long enough to be broken for its width\nand goes on {}": (
        "This line is long enough to be broken for its width and goes on {}"
    ),
    "Noted.[^1]\n\n[^1]: The note {}": "Noted. The note {}",
    "Term\n: Means {}": "Term Means {}",
}


@given(st.lists(st.tuples(st.sampled_from(sorted(FORMS)), INLINE), max_size=5))
@settings(deadline=None)
def test_each_visible_word_stays_as_written(parts):
    written = "\n\n".join(form.replace("{}", " , ".join(inline)) for form, inline in parts)
    seen = [FORMS[form].replace("{}", " , ".join(map(SEEN.get, each))) for form, each in parts]

    assert plain(written).split() == " ".join(seen).split()


@given(st.text("xz1 *_<>()-#|.:=\n"))
@settings(deadline=None)
def test_no_letter_is_lost_to_signs(text):
    assert [*filter(str.isalnum, plain(text))] == [*filter(str.isalnum, text)]


@given(st.text() | st.text("ab1 *_`<>[]()&;$~^:|-#!\\\n\"'/"))
@settings(deadline=None)
def test_any_text_can_be_read(text):
    assert isinstance(plain(text), str)


@given(st.text("ab_*<>&\\ \n`$[]").filter(str.strip))
@settings(deadline=None)
def test_code_is_kept_letter_by_letter(code):
    assert [block.text for block in blocks(f"~~~py\n{code}\n~~~")] == [code.rstrip("\n")]


def test_row_has_its_titles():
    titles, row = blocks("| Ticket | Price |\n|---|---:|\n| **Adult** | 14<br>euros \\| card |")

    assert (titles.kind, titles.cells) == ("titles", ("Ticket", "Price"))
    assert (row.kind, row.cells) == ("row", ("Adult", "14 euros | card"))
    assert row.titles == titles.cells
    assert plain("a\n\n| b | c |\n|-|-|\n| d | e |\n\nf") == "a\nb | c\nd | e\nf"


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("---\ntitle: Dogs\n---\n# Dogs\nThey may.", "Dogs\nThey may."),
        (
            "<div align='center'>\n<h1>Dogs &amp; cats</h1>\n</div>\n\nMay *come*.",
            "Dogs & cats\nMay come.",
        ),
        ("<script>\nlet a;\n</script>\n\nb", "b"),
        ("<details><summary>More</summary>\nIt is\nHere.\n</details>", "More\nIt is\nHere."),
        ("<Message>\n", "<Message>"),
        ("Monday 9 to 17\nTuesday closed", "Monday 9 to 17\nTuesday closed"),
        ("Hard  \nbreak\\\nhere", "Hard\nbreak\nhere"),
        (
            "It opens at nine and is shut on all holidays.\nName: dome",
            "It opens at nine and is shut on all holidays.\nName: dome",
        ),
        ("    x = *a*", "    x = *a*".strip()),
        ("> [!NOTE]\n> Dogs may come.", "Dogs may come."),
        ('!!! note "Dogs"\n    They *may* come.\n\nEnd', "Dogs\nThey may come.\nEnd"),
        ("3. Pay.\n4) Go.", "3. Pay.\n4) Go."),
        ("[a]: http://b.c\n\nSee [a].", "See a."),
        ("$$\na_1 * b_1\n$$", "$$\na_1 * b_1\n$$"),
    ],
)
def test_block_is_seen_as_its_reader_sees_it(written, seen):
    assert plain(written) == seen


def test_few_bold_words_alone_are_a_heading():
    text = "**Opening hours**\n\n**Closed** today\n\n**It is shut.**\n\n**From 9 to 17**"

    assert [block.kind for block in blocks(text)] == ["heading", "text", "text", "text"]


def test_heading_has_its_level():
    assert [(b.kind, b.level, b.text) for b in blocks("# 1. A_b\n\nText\n\n### C")] == [
        ("heading", 1, "1. A_b"),
        ("text", 0, "Text"),
        ("heading", 3, "C"),
    ]


@pytest.mark.parametrize(
    "part", ["*a", "_a ", "[a](", "<a ", "`a", "> ", "- ", "![", "**a*", "a|", "&lt;", "http://*"]
)
def test_much_markup_takes_no_time(part):
    assert plain(part * 4_000) is not None
