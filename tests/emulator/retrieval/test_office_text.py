"""Word and PowerPoint: whatever text is written into a file comes out once."""

import itertools
import math
import tracemalloc
import zipfile
from xml.sax.saxutils import escape

from emulator.retrieval.file_text import Unreadable
from emulator.retrieval.office_text import docx_text, pptx_text
from tools import make_test_files as made

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

# XML has no way to write the others.
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), min_size=1)
# Wrappers of a paragraph, in any order and depth, known ones and new ones.
CHOICE = "<mc:AlternateContent><mc:Choice>{0}</mc:Choice><mc:Fallback>{0}</mc:Fallback>{1}"
BOX = "<w:p><w:r><v:textbox><w:txbxContent>{}</w:txbxContent></v:textbox></w:r></w:p>"
BLOCKS = [
    *("<w:sdt><w:sdtContent>{}</w:sdtContent></w:sdt>", "<w:ins>{}</w:ins>", BOX),
    *("<w:customXml>{}</w:customXml>", "<w:tbl><w:tr><w:tc>{}</w:tc></w:tr></w:tbl>"),
    *(CHOICE.replace("{1}", "</mc:AlternateContent>"), "<w:newThing>{}</w:newThing>"),
]
INLINE = [
    *("<w:ins>{}</w:ins>", "<w:hyperlink>{}</w:hyperlink>", "<w:smartTag>{}</w:smartTag>"),
    *("<w:sdt><w:sdtContent>{}</w:sdtContent></w:sdt>", "<w:fldSimple>{}</w:fldSimple>"),
    *("<w:moveTo>{}</w:moveTo>", "<w:bdo>{}</w:bdo>", "<w:newThing>{}</w:newThing>"),
]


def flat(text):
    return " ".join(text.split())


@given(WORDS, st.lists(st.sampled_from(BLOCKS), max_size=5), st.lists(st.sampled_from(INLINE)))
def test_paragraph_is_read_once_in_any_wrapping(text, blocks, inline):
    body = made.run(escape(f"Dogs {text} end"))
    for wrapper in inline[:5]:
        body = wrapper.format(body)
    body = f"<w:p>{body}</w:p>"
    for wrapper in blocks:
        body = wrapper.format(body)

    assert flat(docx_text(made.docx(body))).count(flat(f"Dogs {text} end")) == 1


@given(st.lists(st.lists(WORDS, min_size=1, max_size=4), min_size=1, max_size=3))
def test_words_of_runs_are_joined_as_they_are(paragraphs):
    body = "".join(f"<w:p>{''.join(map(made.run, map(escape, runs)))}</w:p>" for runs in paragraphs)

    text = docx_text(made.docx(body))
    assert flat(text) == flat("\n\n".join("".join(runs) for runs in paragraphs))


@given(st.lists(st.booleans(), min_size=1), st.sampled_from(["del", "moveFrom"]))
def test_deleted_runs_are_not_read(is_kept, tag):
    runs = [made.run(f"word{n} ") for n in range(len(is_kept))]
    body = "".join(
        run if kept else f"<w:{tag}>{run}</w:{tag}>"
        for run, kept in zip(runs, is_kept, strict=True)
    )

    words = docx_text(made.docx(f"<w:p>{body}</w:p>")).split()
    assert words == [f"word{n}" for n, kept in enumerate(is_kept) if kept]


@given(WORDS, st.integers(0, 5))
def test_slide_is_read_once_in_any_group(text, depth):
    shapes = made.shape(escape(f"Dogs {text} end"))
    for _ in range(depth):
        shapes = f"<p:grpSp>{shapes}</p:grpSp>"

    assert flat(pptx_text(made.pptx(shapes))).count(flat(f"Dogs {text} end")) == 1


def element(name, *parts):
    return f"<m:{name}>{''.join(f'<m:{part}>{xml}</m:{part}>' for part, xml in parts)}</m:{name}>"


def digits(number):
    return f"<m:r><m:t>{number}</m:t></m:r>", number


def fraction(above, below):
    return element("f", ("num", above[0]), ("den", below[0])), above[1] / (below[1] or math.nan)


def added(one, other):
    xml = f"{one[0]}<m:r><m:t>+</m:t></m:r>{other[0]}"
    return element("d", ("e", xml)), one[1] + other[1]


def power(base, exponent):
    small = digits(exponent)
    return element("sSup", ("e", base[0]), ("sup", small[0])), base[1] ** exponent


def root(inner):
    return element("rad", ("e", inner[0])), math.sqrt(inner[1])


FORMULAS = st.recursive(
    st.integers(1, 20).map(digits),
    lambda inner: (
        st.builds(fraction, inner, inner)
        | st.builds(added, inner, inner)
        | st.builds(power, inner, st.integers(2, 3))
        | st.builds(root, inner)
    ),
    max_leaves=6,
)
SIGNS = str.maketrans({"√": "sqrt", "²": "**2", "³": "**3"})


@given(FORMULAS)
@example(power(power(digits(2), 2), 3))
def test_formula_in_one_line_has_its_value(formula):
    xml, value = formula
    line = docx_text(made.docx(f"<w:p><m:oMath>{xml}</m:oMath></w:p>"))

    computed = eval(line.translate(SIGNS), {"sqrt": math.sqrt})  # a formula of our own
    assert computed == pytest.approx(value)


STYLE_IDS = ["A", "B", "C", "D"]
STYLES = st.dictionaries(
    st.sampled_from(STYLE_IDS),
    st.tuples(st.sampled_from([None, True, False]), st.sampled_from([None, *STYLE_IDS])),
)


def style_xml(id, hides, base):
    own = "" if hides is None else f'<w:rPr><w:vanish w:val="{int(hides)}"/></w:rPr>'
    based = f'<w:basedOn w:val="{base}"/>' if base else ""
    return f'<w:style w:type="paragraph" w:styleId="{id}">{based}{own}</w:style>'


def hides(styles, id, seen=()):
    own, base = styles.get(id, (None, None))
    if own is not None or base is None or base in seen:
        return bool(own)
    return hides(styles, base, (*seen, id))


@given(STYLES)
def test_paragraph_is_read_unless_its_style_hides_it(styles):
    xml = "".join(style_xml(id, *about) for id, about in styles.items())
    body = "".join(made.para(f"word{id}", id) for id in STYLE_IDS)
    data = made.docx(body, styles=("styles", f"<w:styles {made.W}>{xml}</w:styles>"))

    shown = [f"word{id}" for id in STYLE_IDS if not hides(styles, id)]
    assert docx_text(data).split() == shown


@given(st.recursive(st.none(), lambda inner: st.tuples(inner, inner), max_leaves=9))
def test_field_shows_its_result_alone(field):
    """A field has others in its code and in its result; those in a code are never seen."""
    words = itertools.count()

    def written(field, is_seen):
        word = f"word{next(words)} "
        if is_seen:
            shown.append(word.strip())
        if field is None:
            return made.run(word)
        code, result = field
        parts = [mark("begin"), "<w:r><w:instrText>IF </w:instrText></w:r>", written(code, False)]
        parts += [mark("separate"), made.run(word), written(result, is_seen), mark("end")]
        return "".join(parts)

    def mark(kind):
        return f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>'

    shown = []
    body = f"<w:p>{written(field, True)}{made.run(' end')}</w:p>"
    assert docx_text(made.docx(body)).split() == [*shown, "end"]


def test_part_that_unpacks_to_too_much_is_refused():
    parts = made.unpacked(made.docx(made.para("Dogs")))
    parts["word/document.xml"] += b" " * (33 * 2**20)

    with pytest.raises(Unreadable, match="unpacks to more than 32 MB"):
        docx_text(made.archive(parts))


def test_part_larger_than_the_archive_says_is_not_unpacked():
    """The directory of the archive says a hundred bytes; the part is 128 MB."""
    name = b"word/document.xml"
    parts = made.unpacked(made.docx(made.para("Dogs")))
    parts[name.decode()] += b" " * (128 * 2**20)
    data = bytearray(made.archive(parts))
    del parts
    entry = data.index(name, data.index(b"PK\x01\x02")) - 46
    data[entry + 24 : entry + 28] = (100).to_bytes(4, "little")
    tracemalloc.start()
    try:
        with pytest.raises(zipfile.BadZipFile):
            docx_text(bytes(data))
        assert tracemalloc.get_traced_memory()[1] < 100 * 2**20
    finally:
        tracemalloc.stop()


def test_archive_of_too_many_parts_is_refused():
    many = made.archive({f"part{n}": b"" for n in range(20_001)})

    with pytest.raises(Unreadable, match="more than 20,000 parts"):
        pptx_text(many)
