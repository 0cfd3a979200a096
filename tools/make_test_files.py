"""Makes the small files in tests/files/, of every format and with its oddities.

    python -m pip install pypdf==7.1.1 cryptography
    python -m tools.make_test_files

Beside the files it writes expected.json, which says of each file what its text has (each phrase
once), what it lacks, or how it fails. The same script gives the same bytes. The two packages
encrypt some of the PDFs. Everything else is written byte by byte, so that each file has one oddity.
"""

import importlib
import io
import json
import random
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "files"
Expected = dict[str, Any]
Files = Iterator[tuple[str, bytes, Expected]]


def has(*phrases: str, lacks: Sequence[str] = ()) -> Expected:
    return {"has": list(phrases)} | ({"lacks": list(lacks)} if lacks else {})


def fails(says: str, code: str = "invalid_file") -> Expected:
    return {"fails": code, "says": says}


# ---------------------------------------------------------------------------- PDF

HELVETICA = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"
A4 = "[0 0 595 842]"


def pdf(objects: Sequence[bytes], catalog: bytes = b"") -> bytes:
    """A PDF: object 1 is the catalog, 2 the list of pages, the others follow from 3 on."""
    pages = [n for n, made in enumerate(objects, 3) if made.startswith(b"<</Type/Page/")]
    kids = b" ".join(b"%d 0 R" % n for n in pages)
    head = [
        b"<</Type/Catalog/Pages 2 0 R%s>>" % catalog,
        b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, len(pages)),
    ]
    out, places = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"), []
    for number, made in enumerate([*head, *objects], 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, made)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(places) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(places) + 1
    return bytes(out) + b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        size,
        start,
    )


def stream(data: bytes, more: bytes = b"") -> bytes:
    return b"<</Length %d%s>>\nstream\n%s\nendstream" % (len(data), more, data)


def page(contents: int, font: int, more: str = "") -> bytes:
    """A page; the numbers are those of its objects."""
    text = f"<</Type/Page/Parent 2 0 R/MediaBox{A4}/Contents {contents} 0 R"
    return f"{text}/Resources<</Font<</F1 {font} 0 R>>>>{more}>>".encode()


def shown(lines: Sequence[str], size: int = 12, x: int = 72, y: int = 720) -> bytes:
    """Lines of Latin text, one below the other."""
    text = "".join(f"({line}) Tj 0 -16 Td " for line in lines)
    return f"BT /F1 {size} Tf {x} {y} Td {text}ET".encode("cp1252")


def text_pdf(lines: Sequence[str], more: str = "", catalog: bytes = b"") -> bytes:
    return pdf([page(4, 5, more), stream(shown(lines)), HELVETICA], catalog)


def to_unicode(pairs: dict[int, str]) -> bytes:
    """The table of a font that says what its two-byte codes mean."""
    rows = "\n".join(f"<{n:04x}> <{text.encode('utf-16-be').hex()}>" for n, text in pairs.items())
    table = f"""/CIDInit /ProcSet findresource begin 12 dict begin begincmap
/CMapName /Made def /CMapType 2 def
1 begincodespacerange <0000> <ffff> endcodespacerange
{len(pairs)} beginbfchar
{rows}
endbfchar endcmap end end"""
    return stream(table.encode())


def wide_pdf(codes: bytes, encoding: str, ordering: str, table: bytes | None = None) -> bytes:
    """One line in a font of two-byte codes, which is not in the file."""
    registry = f"<</Registry(Adobe)/Ordering({ordering})/Supplement 0>>"
    below = f"<</Type/Font/Subtype/CIDFontType0/BaseFont/Made/CIDSystemInfo{registry}/DW 1000"
    meant = "/ToUnicode 8 0 R" if table else ""
    font = f"<</Type/Font/Subtype/Type0/BaseFont/Made/Encoding/{encoding}{meant}"
    shape = "<</Type/FontDescriptor/FontName/Made/Flags 4/ItalicAngle 0/Ascent 800/Descent -200"
    return pdf(
        [
            page(4, 5),
            stream(b"BT /F1 20 Tf 72 700 Td <%s> Tj ET" % codes.hex().encode()),
            f"{font}/DescendantFonts[6 0 R]>>".encode(),
            f"{below}/FontDescriptor 7 0 R>>".encode(),
            f"{shape}/CapHeight 800/StemV 80/FontBBox[0 -200 1000 800]>>".encode(),
            *([table] if table else []),
        ]
    )


def picture(more: bytes = b"") -> bytes:
    """An image of 8 x 8 grey points."""
    points = bytes(range(0, 256, 4))
    kind = b"/Type/XObject/Subtype/Image/Width 8/Height 8/ColorSpace/DeviceGray/BitsPerComponent 8"
    return stream(points, kind + more)


def scan_pdf(texts: Sequence[bytes]) -> bytes:
    """Pages that are an image each, with some operators for text on it."""
    objects = [HELVETICA, picture()]
    for text in texts:
        number = len(objects) + 4
        resources = "/Resources<</Font<</F1 3 0 R>>/XObject<</I 4 0 R>>>>"
        head = f"<</Type/Page/Parent 2 0 R/MediaBox{A4}/Contents {number} 0 R{resources}>>"
        objects += [head.encode(), stream(b"q 595 0 0 842 0 0 cm /I Do Q " + text)]
    return pdf(objects)


def form_pdf() -> bytes:
    """A form that was filled in by a program that left the drawing to the reader."""
    first, fields = 6, list[str]()

    def field(kind: str, name: str, more: str) -> None:
        box = f"/Rect[72 {600 - 30 * len(fields)} 300 {620 - 30 * len(fields)}]"
        fields.append(f"<</Type/Annot/Subtype/Widget/FT/{kind}/T({name}){box}/F 4{more}>>")

    field("Tx", "visitor", "/V(Ottoline Marsh)/TU(Name of the visitor)")
    field("Tx", "remark", "/V<FEFF00630061006600E9>")
    field("Ch", "tour", "/Ff 131072/Opt[[(e)(Evening tour)][(d)(Day tour)]]/V(e)")
    field("Btn", "member", "/V/Friend/AS/Friend/AP<</N<</Friend 5 0 R/Off 5 0 R>>>>")
    field("Btn", "dog", "/V/Off/AS/Off/AP<</N<</Wolfhound 5 0 R/Off 5 0 R>>>>")
    field("Tx", "secret", "/Ff 8192/V(hunter2)")
    numbers = " ".join(f"{first + 1 + n} 0 R" for n in range(len(fields)))
    return pdf(
        [
            page(4, 6, f"/Annots[{numbers}]"),
            stream(shown(["Visitor form"])),
            stream(b"", b"/Type/XObject/Subtype/Form/BBox[0 0 10 10]"),
            HELVETICA,
            *(made.encode() for made in fields),
        ],
        f"/AcroForm<</Fields[{numbers}]/DA(/F1 12 Tf)/NeedAppearances true>>".encode(),
    )


def drawn_form_pdf() -> bytes:
    """A filled form whose value is drawn, too: it is to be read once."""
    drawing = b"/Tx BMC BT /F1 12 Tf 2 4 Td (Ottoline Marsh) Tj ET EMC"
    more = b"/Type/XObject/Subtype/Form/BBox[0 0 200 20]/Resources<</Font<</F1 5 0 R>>>>"
    widget = b"""<</Type/Annot/Subtype/Widget/FT/Tx/T(visitor)/V(Ottoline Marsh)/F 4
/Rect[72 600 272 620]/AP<</N 7 0 R>>>>"""
    objects = [page(4, 5, "/Annots[6 0 R]"), stream(shown(["Visitor form"])), HELVETICA]
    return pdf([*objects, widget, stream(drawing, more)], b"/AcroForm<</Fields[6 0 R]>>")


def encrypted(plain: bytes, user: str, owner: str, algorithm: str) -> bytes:
    """The same PDF with passwords. What should be random comes from a seed."""
    pypdf: Any = importlib.import_module("pypdf")
    dice = random.Random(algorithm + user)
    writer, file = pypdf.PdfWriter(io.BytesIO(plain)), io.BytesIO()
    with mock.patch("secrets.token_bytes", dice.randbytes):
        writer.encrypt(user, owner, algorithm=algorithm)
        writer.write(file)
    return file.getvalue()


def form_bomb() -> bytes:
    """Drawings that draw each other ten times, ten deep: ten thousand million letters."""
    depth = 10
    objects = [page(4, 5, "").replace(b"/Resources<<", b"/Resources<</XObject<</X 6 0 R>>")]
    objects += [stream(b"/X Do"), HELVETICA]
    for level in range(depth):
        inner = b"/X Do " * 10 if level < depth - 1 else shown(["bomb"])
        below = b"/XObject<</X %d 0 R>>" % (7 + level) if level < depth - 1 else b""
        resources = b"/Resources<</Font<</F1 5 0 R>>%s>>" % below
        more = b"/Type/XObject/Subtype/Form/BBox[0 0 600 850]" + resources
        objects.append(stream(inner, more))
    return pdf(objects)


def slow_pdf(pages: int) -> bytes:
    """Pages that show nothing after a million operators each, which takes some 0.3 s."""
    steps = zlib.compress(b"q Q " * 1_000_000, 9)
    return pdf([stream(steps, b"/Filter/FlateDecode"), HELVETICA, *[page(3, 4)] * pages])


DOORS = "Doors open at nine."
JAPANESE, CHINESE = "天文台は夜に開きます", "天文台晚上开放"
LONG = [
    "The observatory was built in 1887 by a clockmaker who liked the dark.",
    "He left it to the town when he moved to a place with better coffee.",
]


RTF = b"{\\rtf1\\ansi Dogs stay \\b outside\\b0 .}"


def pdf_files() -> Files:
    yield "plain.pdf", text_pdf([DOORS, "Dogs stay in the garden."]), has(DOORS, "Dogs stay")
    plain = text_pdf([DOORS])
    for name, algorithm in (("rc4", "RC4-128"), ("aes-128", "AES-128"), ("aes-256", "AES-256")):
        made = encrypted(plain, "", "owner", algorithm)
        yield f"owner-password-{name}.pdf", made, has(DOORS)
        made = encrypted(plain, "user", "owner", algorithm)
        yield f"user-password-{name}.pdf", made, fails("password")
    values = ["Name of the visitor: Ottoline Marsh", "remark: café", "tour: Evening tour"]
    lacks = ["hunter2", "Wolfhound", "Day tour"]
    yield "form.pdf", form_pdf(), has("Visitor form", *values, "member: Friend", lacks=lacks)
    yield "form-drawn.pdf", drawn_form_pdf(), has("Visitor form", "visitor: Ottoline Marsh")
    xfa = b"/NeedsRendering true/AcroForm<</Fields[]/XFA 6 0 R>>"
    made = pdf([page(4, 5), stream(shown(["Please wait"])), HELVETICA, stream(b"<xdp/>")], xfa)
    yield "form-xfa.pdf", made, fails("Adobe Reader")
    note = "/Annots[<</Type/Annot/Subtype/FreeText/Rect[72 500 300 520]/F 4/Contents(Ring twice)>>]"
    yield "free-text.pdf", text_pdf([DOORS], note), has(DOORS, "Ring twice")
    yield from wide_pdf_files()
    yield from laid_out_pdf_files()
    yield from picture_pdf_files()
    yield from portfolio_pdf_files()
    yield from broken_pdf_files()


def wide_pdf_files() -> Files:
    codes = b"".join(n.to_bytes(2, "big") for n in range(1, len(JAPANESE) + 1))
    table = to_unicode(dict(enumerate(JAPANESE, 1)))
    yield "cjk-table.pdf", wide_pdf(codes, "Identity-H", "Identity", table), has(JAPANESE)
    yield "cjk-no-table.pdf", wide_pdf(codes, "Identity-H", "Identity"), fails("OCR")
    made = wide_pdf(JAPANESE.encode("utf-16-be"), "UniJIS-UTF16-H", "Japan1")
    yield "cjk-unijis.pdf", made, has(JAPANESE)
    yield (
        "cjk-shift-jis.pdf",
        wide_pdf(JAPANESE.encode("cp932"), "90ms-RKSJ-H", "Japan1"),
        has(JAPANESE),
    )
    yield "cjk-gbk.pdf", wide_pdf(CHINESE.encode("gbk"), "GBK-EUC-H", "GB1"), has(CHINESE)
    # Bytes of Chinese in a Western font: each reader sees accented letters.
    latin = "".join(f"\\{byte:03o}" for byte in CHINESE.encode("gbk"))
    yield "cjk-as-latin.pdf", text_pdf([latin] * 3), fails("no meaning")
    # The numbers of glyphs in place of letters, as old programs write them.
    shifted = "".join(chr(ord(letter) - 29) for letter in "Doorsopenatninetheynevercloseearly")
    glyphs = wide_pdf(shifted.encode("utf-16-be"), "Identity-H", "Identity")
    yield "glyph-numbers.pdf", glyphs, fails("no meaning")
    names = " ".join(f"/g{n}" for n in range(1, 27))
    font = f"""<</Type/Font/Subtype/Type3/FontBBox[0 0 9 9]/FontMatrix[.1 0 0 .1 0 0]/FirstChar 1
/LastChar 26/Widths[{"9 " * 26}]/CharProcs<<{" ".join(f"/g{n} 6 0 R" for n in range(1, 27))}>>
/Encoding<</Type/Encoding/Differences[1 {names}]>>>>"""
    drawn = b"BT /F1 12 Tf 72 700 Td <%s> Tj ET" % bytes(range(1, 27)).hex().encode()
    made = pdf([page(4, 5), stream(drawn), font.encode(), stream(b"9 0 0 0 9 9 d1 0 0 9 9 re f")])
    yield "shapes.pdf", made, fails("no meaning")


def laid_out_pdf_files() -> Files:
    made = wide_pdf(
        b"\0\1\0\2\0\3\0\4",
        "Identity-H",
        "Identity",
        to_unicode(dict(zip(range(1, 5), ["o", "\ufb03", "c", "e"], strict=True))),
    )
    yield "ligature.pdf", made, has("office")
    turned = b"BT /F1 12 Tf 0 1 -1 0 300 300 Tm (Written upwards) Tj ET"
    made = pdf([page(4, 5, "/Rotate 90"), stream(turned), HELVETICA])
    yield "rotated.pdf", made, has("Written upwards")
    left = ["The left column tells", "of the morning."]
    right = ["The right column tells", "of the evening."]
    both = shown(left) + b" " + shown(right, x=320)
    made = pdf([page(4, 5), stream(both), HELVETICA])
    yield "two-columns.pdf", made, has(" ".join(left), " ".join(right))
    lines = ["The observa-", "tory is well-known. A well-", "known dome turns."]
    yield "hyphens.pdf", text_pdf(lines), has("The observatory is", "A well-known dome turns")
    gap = shown(LONG) + b" " + shown(LONG, y=640)
    made = pdf([page(4, 5), stream(gap), HELVETICA])
    text = "\n".join(LONG)
    yield "paragraphs.pdf", made, {"text": f"{text}\n\n{text}"} | has()
    made = pdf(
        [page(5, 7), page(6, 7), stream(shown([DOORS])), stream(shown(["Page two."])), HELVETICA]
    )
    yield "two-pages.pdf", made, {"text": f"{DOORS}\n\nPage two."} | has(DOORS)


def picture_pdf_files() -> Files:
    yield "scan.pdf", scan_pdf([b""]), fails("OCR")
    yield "scan-pages.pdf", scan_pdf([b""] * 3), fails("OCR")
    stamps = [shown([f"Scanned with a camera, page {n}"]) for n in range(1, 4)]
    yield "scan-stamped.pdf", scan_pdf(stamps), fails("3 of 3 pages have no text")
    unseen = b"3 Tr " + shown(LONG)
    yield "scan-with-text.pdf", scan_pdf([unseen]), has(LONG[0])
    yield "poster.pdf", scan_pdf([shown(["Closed on Mondays"])]), has("Closed on Mondays")
    pages = [shown(LONG), shown([f"{line} Twice." for line in LONG]), b""]
    yield "book-with-plate.pdf", scan_pdf(pages), has(LONG[1] + " Twice.")
    yield "blank-page.pdf", text_pdf([]), fails("no text")


def portfolio_pdf_files() -> Files:
    """Files in a PDF: a portfolio, whose one page only says so, and an invoice beside its data."""
    cover = "For the best experience, open this PDF portfolio in Acrobat."
    names = b"/Names<</EmbeddedFiles<</Names[(a.txt) 6 0 R]>>>>"
    attached = [
        b"<</Type/Filespec/F(a.txt)/EF<</F 7 0 R>>>>",
        stream(b"Dogs stay outside.", b"/Type/EmbeddedFile"),
    ]
    says = "a portfolio, which holds 1 other file"
    for name, look in (("portfolio.pdf", b"/Collection<</View/D>>"), ("attachment.pdf", b"")):
        objects = [page(4, 5), stream(shown([cover if look else DOORS])), HELVETICA, *attached]
        yield name, pdf(objects, names + look), fails(says) if look else has(DOORS)
    packed = zlib.compress(b"1 0 <</Type/Catalog/Collection<</View/D>>>>")
    packed = stream(packed, b"/Type/ObjStm/N 1/First 4/Filter/FlateDecode")
    objects = [page(4, 5), stream(shown([cover])), HELVETICA, *attached, packed]
    yield "portfolio-packed.pdf", pdf(objects, names), fails(says)


def broken_pdf_files() -> Files:
    plain = text_pdf([DOORS])
    yield "xref-wrong.pdf", plain.replace(b"00000 n", b"00007 n"), has(DOORS)
    without = plain[: plain.index(b"xref")] + plain[plain.index(b"trailer") :]
    yield "xref-missing.pdf", without, has(DOORS)
    yield "trailer-missing.pdf", plain[: plain.index(b"xref")], fails("broken")
    yield "junk-before.pdf", b"HTTP/1.1 200 OK\r\n\r\n" + plain, has(DOORS)
    yield "cut.pdf", plain[:150], fails("broken")
    yield "not-a.pdf", b"Doors open at nine.", fails("not a PDF")
    yield "empty.pdf", b"", fails("broken")


# ------------------------------------------------------------------ Word, PowerPoint

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
P = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
MORE = """xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"
xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"
xmlns:v="urn:schemas-microsoft-com:vml"
xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"
xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"
xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"
xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram\""""
TYPES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def archive(parts: Mapping[str, str | bytes]) -> bytes:
    """A ZIP archive without the time of day."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in parts.items():
            made.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def content_types(parts: Mapping[str, str]) -> str:
    """The list of what the parts are, which other readers ask for: name -> kind."""
    office = "application/vnd.openxmlformats-officedocument."
    rows = "".join(
        f'<Override PartName="/{name}" ContentType="{office}{kind}+xml"/>'
        for name, kind in parts.items()
    )
    relations = "application/vnd.openxmlformats-package.relationships+xml"
    usual = f'<Default Extension="rels" ContentType="{relations}"/>'
    usual += '<Default Extension="xml" ContentType="application/xml"/>'
    space = "http://schemas.openxmlformats.org/package/2006/content-types"
    return f'{HEAD}<Types xmlns="{space}">{usual}{rows}</Types>'


def relations(targets: dict[str, tuple[str, str]]) -> str:
    """Relationships: id -> kind and target."""
    rows = "".join(
        f'<Relationship Id="{id}" Type="{TYPES}{kind}" Target="{target}"/>'
        for id, (kind, target) in targets.items()
    )
    space = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'{HEAD}<Relationships xmlns="{space}">{rows}</Relationships>'


def docx(body: str, *, main: str = "word/document.xml", **parts: tuple[str, str]) -> bytes:
    """A Word file; `parts` are further ones: id=(kind, XML)."""
    folder, _, name = main.rpartition("/")
    targets = {id: (kind, f"{id}.xml") for id, (kind, _) in parts.items()}
    kinds = {f"{folder}/{id}.xml": f"wordprocessingml.{kind}" for id, (kind, _) in parts.items()}
    made: dict[str, str | bytes] = {
        "[Content_Types].xml": content_types({main: "wordprocessingml.document.main"} | kinds),
        "_rels/.rels": relations({"rId1": ("officeDocument", main)}),
        main: f"{HEAD}<w:document {W} {R} {A} {MORE}><w:body>{body}</w:body></w:document>",
        f"{folder}/_rels/{name}.rels": relations(targets),
    }
    for id, (_, xml) in parts.items():
        made[f"{folder}/{id}.xml"] = HEAD + xml
    return archive(made)


def para(text: str, style: str = "") -> str:
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}{run(text)}</w:p>"


def run(text: str, properties: str = "") -> str:
    inner = f"<w:rPr>{properties}</w:rPr>" if properties else ""
    return f'<w:r>{inner}<w:t xml:space="preserve">{text}</w:t></w:r>'


def word_table(*rows: Sequence[str]) -> str:
    made = "".join(f"<w:tr>{''.join(map(cell, row))}</w:tr>" for row in rows)
    return f"<w:tbl><w:tblPr/><w:tblGrid/>{made}</w:tbl>"


def cell(text: str, properties: str = "") -> str:
    inner = text if text.startswith("<") else para(text)
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{inner}</w:tc>"


STYLES = f"""<w:styles {W}><w:style w:type="paragraph" w:styleId="berschrift2"><w:name
w:val="heading 2"/></w:style><w:style w:type="paragraph" w:styleId="Mine"><w:name w:val="Mine"/>
<w:basedOn w:val="berschrift2"/></w:style></w:styles>"""
BOX = "<w:txbxContent>{}</w:txbxContent>"


def docx_files() -> Files:
    body = para("The dome", "Heading1") + para(DOORS) + word_table(["who", "price"], ["child", "4"])
    text = f"# The dome\n\n{DOORS}\n\nwho\tprice\nchild\t4"
    yield "plain.docx", docx(body), {"text": text} | has(DOORS)
    body = para("Dogs", "berschrift2") + para("Cats", "Mine") + para("Neither in the dome.")
    made = docx(body, styles=("styles", STYLES))
    yield "styles.docx", made, {"text": "## Dogs\n\n## Cats\n\nNeither in the dome."} | has("Dogs")
    yield numbered_docx()
    yield from revised_docx_files()
    yield from boxed_docx_files()
    yield from table_docx_files()
    yield from noted_docx_files()
    yield from inline_docx_files()
    yield from hidden_docx_files()
    yield from nested_field_docx_files()
    yield from packaged_docx_files()
    yield from drawn_docx_files()
    yield from refused_docx_files()


def list_level(place: int, kind: str, text: str, start: int = 1) -> str:
    return f"""<w:lvl w:ilvl="{place}"><w:start w:val="{start}"/><w:numFmt w:val="{kind}"/>
<w:lvlText w:val="{text}"/></w:lvl>"""


def listed(text: str, number: int, place: int = 0) -> str:
    mark = f'<w:numPr><w:ilvl w:val="{place}"/><w:numId w:val="{number}"/></w:numPr>'
    return f"<w:p><w:pPr>{mark}</w:pPr>{run(text)}</w:p>"


def list_kinds() -> str:
    """Three kinds of lists: of headings, of letters that begin at c, of bullets."""
    lists = [
        list_level(0, "decimal", "%1.") + list_level(1, "decimal", "%1.%2"),
        list_level(0, "lowerLetter", "%1)", 3) + list_level(1, "upperRoman", "%2."),
        list_level(0, "bullet", "\uf0b7"),
    ]
    made = "".join(
        f'<w:abstractNum w:abstractNumId="{n}">{levels}</w:abstractNum>'
        for n, levels in enumerate(lists)
    )
    return made + "".join(
        f'<w:num w:numId="{n + 1}"><w:abstractNumId w:val="{n}"/></w:num>' for n in range(3)
    )


def numbered_docx() -> tuple[str, bytes, Expected]:
    """Headings by style, a list with letters that begins at c, one with Roman numbers, a bullet."""
    styles = "".join(
        f"""<w:style w:styleId="H{n}"><w:name w:val="heading {n}"/><w:pPr><w:numPr>
<w:ilvl w:val="{n - 1}"/><w:numId w:val="1"/></w:numPr></w:pPr></w:style>"""
        for n in (1, 2)
    )
    body = para("The dome", "H1") + para("Opening", "H2") + para("Closing", "H2")
    body += para("The garden", "H1") + para("Dogs", "H2")
    body += listed("lift", 2) + listed("turn", 2) + listed("left", 2, 1) + listed("right", 2, 1)
    body += listed("shut", 2) + listed("leave", 3) + listed("", 3)
    text = "# 1. The dome\n\n## 1.1 Opening\n\n## 1.2 Closing\n\n# 2. The garden\n\n## 2.1 Dogs"
    text += "\n\nc) lift\n\nd) turn\n\nI. left\n\nII. right\n\ne) shut\n\n- leave"
    file = docx(
        body,
        numbering=("numbering", f"<w:numbering {W}>{list_kinds()}</w:numbering>"),
        styles=("styles", f"<w:styles {W}>{styles}</w:styles>"),
    )
    return "numbered.docx", file, {"text": text} | has("1.2 Closing")


def revised_docx_files() -> Files:
    added = f'<w:ins w:id="1" w:author="x">{run("newly inserted ")}</w:ins>'
    gone = '<w:del w:id="2" w:author="x"><w:r><w:delText>long deleted</w:delText></w:r></w:del>'
    body = f"<w:p>{run('This is ')}{added}{gone}{run('text.')}</w:p>"
    yield "inserted.docx", docx(body), has("This is newly inserted text.", lacks=["deleted"])
    moved = f"""<w:p><w:moveFrom w:id="3">{run("The moved words.")}</w:moveFrom></w:p>
<w:p>{run(DOORS)}</w:p><w:p><w:moveTo w:id="4">{run("The moved words.")}</w:moveTo></w:p>"""
    yield "moved.docx", docx(moved), has("The moved words.", DOORS)
    rows = f"""<w:tbl><w:tr>{cell("kept")}{cell("row")}</w:tr><w:tr><w:trPr><w:del w:id="5"/>
</w:trPr>{cell("removed")}{cell("line")}</w:tr></w:tbl>"""
    yield "deleted-row.docx", docx(rows), has("kept row", lacks=["removed"])
    paragraphs = f'<w:ins w:id="6">{para("A whole inserted paragraph.")}</w:ins>'
    yield "inserted-paragraph.docx", docx(paragraphs), has("A whole inserted paragraph.")
    note = f'<w:comments {W}><w:comment w:id="0">{para("Is this true?")}</w:comment></w:comments>'
    body = f'<w:p>{run(DOORS)}<w:r><w:commentReference w:id="0"/></w:r></w:p>'
    made = docx(body, comments=("comments", note))
    yield "comment.docx", made, has(DOORS, lacks=["Is this true"])
    body = run("seen ") + run("unseen", "<w:vanish/>") + run("shown", '<w:vanish w:val="0"/>')
    body = f"<w:p>{body}</w:p>"
    yield "hidden.docx", docx(body), has("seen shown", lacks=["unseen"])


def boxed_docx_files() -> Files:
    control = f"""<w:sdt><w:sdtPr><w:alias w:val="label"/></w:sdtPr><w:sdtContent>
{para("A block in a control.")}</w:sdtContent></w:sdt><w:p><w:sdt><w:sdtContent>
{run("words in a control")}</w:sdtContent></w:sdt></w:p>"""
    phrases = has("A block in a control.", "words in a control", lacks=["label"])
    yield "content-control.docx", docx(control), phrases
    inner = BOX.format(para("The words in the box."))
    both = f"""<w:p>{run("Before the box.")}<w:r><mc:AlternateContent><mc:Choice Requires="wps">
<w:drawing><wp:anchor><a:graphic><a:graphicData><wps:wsp><wps:txbx>{inner}</wps:txbx></wps:wsp>
</a:graphicData></a:graphic></wp:anchor></w:drawing></mc:Choice><mc:Fallback><w:pict><v:textbox>
{inner}</v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>"""
    yield "text-box.docx", docx(both), has("Before the box.", "The words in the box.")
    old = (
        f"<w:p><w:r><w:pict><v:shape><v:textbox>{inner}</v:textbox></v:shape></w:pict></w:r></w:p>"
    )
    yield "text-box-old.docx", docx(old), has("The words in the box.")
    in_table = word_table(
        [f"<w:p><w:r><w:pict><v:textbox>{inner}</v:textbox></w:pict></w:r></w:p>", "b"]
    )
    yield "text-box-in-table.docx", docx(in_table), has("The words in the box.")
    mark = '<w:p><w:r><w:pict><v:shape><v:textpath string="DRAFT"/></v:shape></w:pict></w:r></w:p>'
    yield "watermark.docx", docx(para(DOORS) + mark), has(DOORS, "DRAFT")


def table_docx_files() -> Files:
    inner = word_table(["inner one", "inner two"])
    body = word_table(["outer one", para("outer two") + inner + para("outer three")])
    phrases = ["outer one", "outer two", "inner one", "inner two", "outer three"]
    yield "nested-tables.docx", docx(body), has(*phrases)
    down, top = '<w:vMerge w:val="restart"/>', '<w:gridSpan w:val="2"/>'
    rows = f"""<w:tbl><w:tr>{cell("spans two columns", top)}{cell("end")}</w:tr>
<w:tr>{cell("spans two rows", down)}{cell("first")}{cell("one")}</w:tr>
<w:tr>{cell("", "<w:vMerge/>")}{cell("second")}{cell("two")}</w:tr></w:tbl>"""
    text = "spans two columns\tend\nspans two rows\tfirst\tone\n\tsecond\ttwo"
    yield "merged-cells.docx", docx(rows), {"text": text} | has("spans two rows")
    wrapped = f"""<w:tbl><w:sdt><w:sdtContent><w:tr>{cell("a row in a control")}<w:sdt>
<w:sdtContent>{cell("a cell in a control")}</w:sdtContent></w:sdt></w:tr></w:sdtContent></w:sdt>
</w:tbl>"""
    yield "wrapped-rows.docx", docx(wrapped), has("a row in a control", "a cell in a control")
    long = " ".join(LONG * 3)
    body = word_table([para("Work", "Heading2") + para(long), para("Address")])
    yield "layout-table.docx", docx(body), {"text": f"## Work\n\n{long}\n\nAddress"} | has("Work")
    deep = "the innermost words"
    for _ in range(40):
        deep = word_table([deep])
    yield "deep-tables.docx", docx(deep), has("the innermost words")


def noted_docx_files() -> Files:
    def notes(name: str, text: str) -> str:
        line = f'<w:{name} w:type="separator" w:id="-1">{para("line")}</w:{name}>'
        return f'<w:{name}s {W}>{line}<w:{name} w:id="2">{para(text)}</w:{name}></w:{name}s>'

    body = f"""<w:p>{run("It opened in 1887.")}<w:r><w:footnoteReference w:id="2"/></w:r></w:p>
<w:p>{run("It is round.")}<w:r><w:endnoteReference w:id="2"/></w:r></w:p>"""
    made = docx(
        body,
        footnotes=("footnotes", notes("footnote", "Some say 1888.")),
        endnotes=("endnotes", notes("endnote", "Nearly.")),
    )
    text = "It opened in 1887.\n\nSome say 1888.\n\nIt is round.\n\nNearly."
    yield "notes.docx", made, {"text": text} | has("Some say 1888.")
    refer = '<w:headerReference w:type="{}" r:id="{}"/>'
    sections = refer.format("default", "h1") + refer.format("first", "h2")
    sections += '<w:footerReference w:type="default" r:id="f1"/>'
    made = docx(
        para(DOORS) + f"<w:sectPr>{sections}</w:sectPr>",
        h1=("header", f"<w:hdr {W}>{para('Fernhill Observatory')}</w:hdr>"),
        h2=("header", f"<w:hdr {W}>{para('Fernhill Observatory')}</w:hdr>"),
        h3=("header", f"<w:hdr {W}>{para('A header that no page has')}</w:hdr>"),
        f1=("footer", f"<w:ftr {W}>{para('Document D-7')}</w:ftr>"),
    )
    text = f"Fernhill Observatory\n\n{DOORS}\n\nDocument D-7"
    yield "header-footer.docx", made, {"text": text} | has(DOORS)


def inline_docx_files() -> Files:
    code = '<w:r><w:fldChar w:fldCharType="{}"/></w:r>'
    field = f"""<w:p>{code.format("begin")}<w:r><w:instrText>HYPERLINK "http://x"</w:instrText></w:r>
{code.format("separate")}{run("the linked words")}{code.format("end")}
<w:fldSimple w:instr="PAGE">{run(" seven")}</w:fldSimple>
<w:hyperlink r:id="none">{run(" and more")}</w:hyperlink></w:p>"""
    yield "fields.docx", docx(field), has("the linked words", "seven", "and more", lacks=["HYPERL"])
    signs = f"""<w:p>{run("re")}<w:r><w:softHyphen/></w:r>{run("open")}<w:r><w:tab/></w:r>
{run("twenty")}<w:r><w:noBreakHyphen/></w:r>{run("one")}<w:r><w:br/></w:r>
<w:r><w:sym w:font="Symbol" w:char="F061"/></w:r>{run(" Centauri")}</w:p>"""
    yield "signs.docx", docx(signs), has("reopen twenty-one α Centauri")
    high = '<w:vertAlign w:val="superscript"/>'
    body = f"""<w:p>{run("It sees 10")}{run("7", high)}{run(" stars on the 1")}{run("st", high)}
{run(" night, and H")}{run("2", '<w:vertAlign w:val="subscript"/>')}{run("O clouds.")}</w:p>"""
    yield "superscript.docx", docx(body), has("It sees 10⁷ stars on the 1st night, and H2O clouds.")
    yield from formula_docx_files()
    entries = "".join(f'<w:listEntry w:val="{name}"/>' for name in ("Monday", "Friday"))
    body = f"""<w:p>{run("Closed on ")}<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:name
w:val="day"/><w:ddList><w:result w:val="1"/>{entries}</w:ddList></w:ffData></w:fldChar></w:r></w:p>"""
    yield "choice.docx", docx(body), has("Closed on Friday", lacks=["Monday"])
    ruby = f"<w:p><w:r><w:ruby><w:rt>{run('よる')}</w:rt><w:rubyBase>{run('夜')}</w:rubyBase></w:ruby></w:r>"
    yield "ruby.docx", docx(f"{ruby}{run('に開く')}</w:p>"), has("夜に開く")
    body = (
        f"<w:p>{run('M')}{run('AX_RE', '<w:b/>')}{run('TRY')}{run(' &lt; 3 &amp; 2*3*volts')}</w:p>"
    )
    yield "split-word.docx", docx(body), has("MAX_RETRY < 3 & 2*3*volts")


def math(text: str) -> str:
    """A run of a formula."""
    return f"<m:r><m:t>{text}</m:t></m:r>"


def math_part(name: str, content: str) -> str:
    """An element of a formula."""
    return f"<m:{name}>{content}</m:{name}>"


def formulas() -> dict[str, str]:
    """Formulas by what they are called in the text."""
    total = math_part("f", math_part("num", math("a+b")) + math_part("den", math("2")))
    bracket = math_part("d", math_part("e", math("x+1")))
    row = '<m:dPr><m:begChr m:val="["/><m:endChr m:val="]"/></m:dPr>'
    square = math_part("d", row + math_part("e", math("y")) + math_part("e", math("z")))
    sign = '<m:naryPr><m:chr m:val="∑"/></m:naryPr>'
    bounds = math_part("sub", math("i=1")) + math_part("sup", math("n"))
    summed = math_part("nary", sign + bounds + math_part("e", math("w")))
    matrix = math_part(
        "m", math_part("mr", math_part("e", math("1")) + math_part("e", math("0"))) * 2
    )
    sine = math_part("func", math_part("fName", math("sin")) + math_part("e", math("t")))
    return {
        "mean": total,
        "twice": math("2") + bracket,
        "pair": square,
        "sum": summed,
        "grid": matrix,
        "wave": sine,
    }


def formula_docx_files() -> Files:
    """A simple formula, then those whose signs are properties of an element, or of its kind."""
    body = f"""<w:p>{run("So ")}<m:oMath>{math("v=")}<m:f><m:num>{math("d")}</m:num><m:den>
{math("t")}</m:den></m:f>{math("+")}<m:sSup><m:e>{math("r")}</m:e><m:sup>{math("2")}</m:sup></m:sSup>
<m:rad><m:deg/><m:e>{math("x")}</m:e></m:rad></m:oMath></w:p>"""
    yield "formula.docx", docx(body), has("So v=d/t+r²√(x)")

    body = "".join(
        f"<w:p>{run(f'{name}: ')}{math_part('oMath', formula)}</w:p>"
        for name, formula in formulas().items()
    )
    wanted = ["mean: (a+b)/2", "twice: 2(x+1)", "pair: [y|z]", "sum: ∑_(i=1)^n w"]
    yield "formulas.docx", docx(body), has(*wanted, "grid: [1, 0; 1, 0]", "wave: sin t")


def hidden_docx_files() -> Files:
    """Text that styles hide."""
    hides, shows = "<w:rPr><w:vanish/></w:rPr>", '<w:rPr><w:vanish w:val="0"/></w:rPr>'
    kinds = [
        ("paragraph", "Answers", "", hides),
        ("paragraph", "Below", "Answers", ""),
        ("paragraph", "Shown", "Answers", shows),
        ("character", "Secret", "", hides),
    ]
    styles = "".join(
        f"""<w:style w:type="{kind}" w:styleId="{id}"><w:name w:val="{id}"/>{
            base and f'<w:basedOn w:val="{base}"/>'
        }{properties}</w:style>"""
        for kind, id, base, properties in kinds
    )
    secret = '<w:rStyle w:val="Secret"/>'
    seen = f'{secret}<w:vanish w:val="0"/>'
    body = [
        para("The teacher's copy.", "Answers"),
        para("The notes below it.", "Below"),
        para("The pupil's copy.", "Shown"),
        f"<w:p>{run('Seven ')}{run('or eight ', secret)}{run('doors.', seen)}</w:p>",
        f"""<w:p><w:pPr><w:pStyle w:val="Answers"/></w:pPr>{run("Twice is seen.", secret)}</w:p>""",
    ]
    lacks = ["teacher", "notes below", "or eight"]
    yield (
        "hidden-by-style.docx",
        docx("".join(body), styles=("styles", f"<w:styles {W}>{styles}</w:styles>")),
        has("The pupil's copy.", "Seven doors.", "Twice is seen.", lacks=lacks),
    )


def nested_field_docx_files() -> Files:
    """Fields within the code of fields, and within their results."""
    begin, separate, end = (
        f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>' for kind in ("begin", "separate", "end")
    )

    def field(code: str, result: str) -> str:
        return begin + code + separate + result + end

    def instruction(text: str) -> str:
        return f'<w:r><w:instrText xml:space="preserve">{text}</w:instrText></w:r>'

    page = field(instruction("PAGE"), run("12"))
    choice = field(instruction("IF ") + page + instruction(' = 1 "a" "b"'), run("the last page"))
    toc, tab = instruction("TOC"), "<w:r><w:tab/></w:r>"
    contents = f"""<w:p>{begin}{toc}{separate}{run("The dome")}{tab}{page}</w:p>
<w:p>{run("The garden")}{tab}{run("13")}</w:p><w:p>{end}</w:p>"""
    text = contents + f"<w:p>{run('This is ')}{choice}{run('.')}</w:p>" + para("It has a map.")
    wanted = ["The dome 12", "The garden 13", "This is the last page.", "It has a map."]
    yield "nested-fields.docx", docx(text), has(*wanted, lacks=["TOC", "PAGE", "IF"])


def packaged_docx_files() -> Files:
    usual = docx(para(DOORS))
    strict = "http://purl.oclc.org/ooxml/wordprocessingml/main"
    body = f'{HEAD}<w:document xmlns:w="{strict}"><w:body>{para(DOORS)}</w:body></w:document>'
    kind = relations({"r": ("officeDocument", "word/document.xml")}).replace(
        TYPES, "http://purl.oclc.org/ooxml/officeDocument/relationships/"
    )
    yield "strict.docx", archive({"_rels/.rels": kind, "word/document.xml": body}), has(DOORS)
    yield "main-part.docx", docx(para(DOORS), main="word/document2.xml"), has(DOORS)
    parts = {name.replace("/", "\\"): data for name, data in unpacked(usual).items()}
    yield "backslashes.docx", archive(parts), has(DOORS)
    wide = unpacked(usual)
    text = wide["word/document.xml"].decode().replace("UTF-8", "UTF-16")
    wide["word/document.xml"] = text.encode("utf-16")
    yield "utf-16.docx", archive(wide), has(DOORS)
    chunk = unpacked(docx('<w:altChunk r:id="page"/>', page=("aFChunk", "")))
    place = chunk["word/_rels/document.xml.rels"].replace(b"page.xml", b"page.htm")
    chunk |= {"word/_rels/document.xml.rels": place, "word/page.htm": b"<p>Doors open at nine.</p>"}
    yield "html-inside.docx", archive(chunk), has(DOORS)
    place = place.replace(b"page.htm", b"page.mht")
    chunk |= {"word/_rels/document.xml.rels": place, "word/page.mht": b"x"}
    yield "mht-inside.docx", archive(chunk), fails(".mht file within it")


def drawn_docx_files() -> Files:
    diagram = f"""<dgm:dataModel {MORE} {A}><dgm:pt><dgm:t><a:p><a:r><a:t>First the shutter</a:t>
</a:r></a:p></dgm:t></dgm:pt></dgm:dataModel>"""
    body = '<w:p><w:r><w:drawing><a:graphicData><dgm:relIds r:dm="data"/></a:graphicData></w:drawing></w:r></w:p>'
    yield "diagram.docx", docx(body, data=("diagramData", diagram)), has("First the shutter")
    yield (
        "chart.docx",
        docx(CHART_HERE, chart=("chart", CHART)),
        has("Visitors by season", "Summer 940", "Winter 310"),
    )


def refused_docx_files() -> Files:
    entity = unpacked(docx(para(DOORS)))
    text = entity["word/document.xml"].decode()
    entity["word/document.xml"] = text.replace(
        "<w:document", '<!DOCTYPE x [<!ENTITY e "e">]>\n<w:document', 1
    ).encode()
    yield "entities.docx", archive(entity), fails("entities")
    yield "no-text.docx", docx("<w:p/>"), fails("no text")
    yield "no-main-part.docx", archive({"x": b"y"}), fails("no main part")
    yield "not-a.docx", b"Doors open at nine.", fails("broken")
    yield "rtf-inside.docx", RTF, fails("an RTF file")
    yield "password.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, fails("password")
    yield "broken-xml.docx", docx("<w:p>"), fails("Word file is broken")


CHART_HERE = """<w:p><w:r><w:drawing><a:graphicData><c:chart r:id="chart"/></a:graphicData>
</w:drawing></w:r></w:p>"""


def points(name: str, values: Sequence[str]) -> str:
    rows = "".join(f'<c:pt idx="{n}"><c:v>{value}</c:v></c:pt>' for n, value in enumerate(values))
    return f"<c:{name}><c:strRef><c:f>Sheet1!A1</c:f><c:strCache>{rows}</c:strCache></c:strRef></c:{name}>"


CHART = f"""<c:chartSpace {MORE} {A}><c:chart><c:title><c:tx><c:rich><a:p><a:r>
<a:t>Visitors by season</a:t></a:r></a:p></c:rich></c:tx></c:title><c:plotArea><c:barChart><c:ser>
{points("tx", ["Visitors"])}{points("cat", ["Summer", "Winter"])}{points("val", ["940", "310"])}
</c:ser></c:barChart></c:plotArea></c:chart></c:chartSpace>"""


def unpacked(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as made:
        return {name: made.read(name) for name in made.namelist()}


def pptx(*slides: str, order: Sequence[int] = (), **parts: tuple[str, str]) -> bytes:
    """A PowerPoint file; `order` numbers the slides as they are shown, `parts` hang on the first."""
    ids = [f"rId{n}" for n in order or range(1, len(slides) + 1)]
    listed = "".join(f'<p:sldId id="{256 + n}" r:id="{id}"/>' for n, id in enumerate(ids))
    targets = {f"rId{n}": ("slide", f"slides/slide{n}.xml") for n in range(1, len(slides) + 1)}
    kinds = {f"ppt/slides/slide{n}.xml": "presentationml.slide" for n in range(1, len(slides) + 1)}
    kinds |= {f"ppt/more/{id}.xml": f"presentationml.{kind}" for id, (kind, _) in parts.items()}
    kinds["ppt/presentation.xml"] = "presentationml.presentation.main"
    made: dict[str, str | bytes] = {
        "[Content_Types].xml": content_types(kinds),
        "_rels/.rels": relations({"rId1": ("officeDocument", "ppt/presentation.xml")}),
        "ppt/presentation.xml": f"""{HEAD}<p:presentation {P} {R}><p:sldIdLst>{listed}</p:sldIdLst>
</p:presentation>""",
        "ppt/_rels/presentation.xml.rels": relations(targets),
    }
    for number, shapes in enumerate(slides, 1):
        made[f"ppt/slides/slide{number}.xml"] = slide("sld", shapes)
    for id, (_, xml) in parts.items():
        made[f"ppt/more/{id}.xml"] = HEAD + xml
    made["ppt/slides/_rels/slide1.xml.rels"] = relations(
        {id: (kind, f"../more/{id}.xml") for id, (kind, _) in parts.items()}
    )
    return archive(made)


def slide(kind: str, shapes: str) -> str:
    return f"""{HEAD}<p:{kind} {P} {R} {A} {MORE}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld>
</p:{kind}>"""


def shape(*lines: str, place: str = "") -> str:
    mark = f'<p:ph type="{place}"/>' if place else ""
    text = "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in lines)
    return f"""<p:sp><p:nvSpPr><p:cNvPr id="2" name="Shape 1"/><p:nvPr>{mark}</p:nvPr></p:nvSpPr>
<p:txBody><a:bodyPr/>{text}</p:txBody></p:sp>"""


def drawn_cell(text: str, more: str = "") -> str:
    return f"<a:tc{more}><a:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></a:txBody></a:tc>"


def drawn_pptx_files() -> Files:
    """Texts in other parts, and a shape in two versions."""
    frame = '<p:graphicFrame><a:graphic><a:graphicData><c:chart r:id="chart"/></a:graphicData></a:graphic></p:graphicFrame>'
    made = pptx(shape(DOORS) + frame, chart=("chart", CHART))
    yield "chart.pptx", made, has(DOORS, "Visitors by season", "Summer 940")
    diagram = f"""<dgm:dataModel {MORE} {A}><dgm:pt><dgm:t><a:p><a:r><a:t>First the shutter</a:t></a:r>
</a:p></dgm:t></dgm:pt></dgm:dataModel>"""
    frame = (
        '<p:graphicFrame><a:graphicData><dgm:relIds r:dm="data"/></a:graphicData></p:graphicFrame>'
    )
    yield "diagram.pptx", pptx(frame, data=("diagramData", diagram)), has("First the shutter")
    twice = f"<mc:AlternateContent><mc:Choice>{shape('Drawn once')}</mc:Choice><mc:Fallback>{shape('Drawn once')}</mc:Fallback></mc:AlternateContent>"
    yield "alternate.pptx", pptx(twice), has("Drawn once")


def pptx_files() -> Files:
    made = pptx(shape("The dome", place="title") + shape(DOORS, "Dogs stay outside."))
    text = f"# The dome\n\n{DOORS}\n\nDogs stay outside."
    yield "plain.pptx", made, {"text": text} | has(DOORS, lacks=["Shape 1"])
    notes = slide("notes", shape("Remember to smile.", place="body") + shape("7", place="sldNum"))
    made = pptx(shape("The dome", place="ctrTitle"), notes=("notesSlide", notes[len(HEAD) :]))
    yield "notes.pptx", made, {"text": "# The dome\n\nRemember to smile."} | has("Remember")
    rows = f"""<a:tr>{drawn_cell("who goes in", ' gridSpan="2"')}{drawn_cell("", ' hMerge="1"')}</a:tr>
<a:tr>{drawn_cell("child")}{drawn_cell("4 euros")}</a:tr>"""
    table = f"<p:graphicFrame><a:graphic><a:graphicData><a:tbl>{rows}</a:tbl></a:graphicData></a:graphic></p:graphicFrame>"
    yield (
        "table.pptx",
        pptx(table),
        {"text": "who goes in\t\nchild\t4 euros"} | has("child 4 euros"),
    )
    group = f"<p:grpSp><p:grpSp>{shape('Deep in a group')}</p:grpSp>{shape('Less deep')}</p:grpSp>"
    yield "groups.pptx", pptx(group), has("Deep in a group", "Less deep")
    made = pptx(shape("Shown last"), shape("Shown first"), order=(2, 1))
    yield "order.pptx", made, {"text": "Shown first\n\nShown last"} | has("Shown last")
    yield from drawn_pptx_files()
    foot = shape("Fernhill Observatory", place="ftr") + shape("3", place="sldNum")
    made = pptx(shape("One slide") + foot, shape("Another slide") + foot)
    yield "footer.pptx", made, has("One slide", "Fernhill Observatory", "Another slide")
    high = '<p:sp><p:txBody><a:p><a:r><a:t>10</a:t></a:r><a:r><a:rPr baseline="30000"/><a:t>7</a:t></a:r><a:br/><a:r><a:t>stars</a:t></a:r></a:p></p:txBody></p:sp>'
    yield "superscript.pptx", pptx(high), has("10⁷ stars")
    yield "no-text.pptx", pptx("<p:pic/>"), fails("no text")
    yield "not-a.pptx", b"Doors open at nine.", fails("broken")


# --------------------------------------------------------------------------- HTML


def web_page(body: str, head: str = "") -> bytes:
    return f"<!DOCTYPE html><html><head>{head}</head><body>{body}</body></html>".encode()


def html_files() -> Files:
    page = web_page("""<h1>Prices</h1><p>In <b>euros</b>,<br>all of them.<script>no()</script>
<style>p{}</style></p><ul><li>one<li>two</ul><table><tr><th>who<th>what</tr><tr><td>child<td>4 &euro;
</table>""")
    text = "# Prices\n\nIn euros,\nall of them.\n\n- one\n- two\n\nwho\twhat\nchild\t4 €\n"
    yield "plain.html", page, {"text": text} | has("child 4 €", lacks=["no()", "p{}"])
    words = "<p>List&lt;Message&gt; &amp;amp; a &lt; 3 &#8211; caf&eacute; &copy 2026 &#x1F52D; a < 3 and b > 80"
    phrase = "List<Message> &amp; a < 3 – café © 2026 🔭 a < 3 and b > 80"
    yield "entities.html", web_page(words), has(phrase)
    high = "<p>2<sup>7</sup> = 128, x<sup>k+1</sup>, 10<sup>&minus;3</sup>, 1<sup>st</sup>, H<sub>2</sub>O"
    yield "superscript.html", web_page(high), has("2⁷ = 128, x^(k+1), 10⁻³, 1st, H2O")
    code = "<p>Before</p><pre><code>def f(x):\n    if x &lt; 3:\n\n\n        return  MAX_RETRY_COUNT</code></pre>"
    text = "Before\n\ndef f(x):\n    if x < 3:\n\n\n        return  MAX_RETRY_COUNT\n"
    yield "pre.html", web_page(code), {"text": text} | has("if x < 3:")
    inner = "<table><tr><td>inner one<td>inner two</table>"
    tables = f"<table><tr><td>outer one<td>{inner}<tr><td colspan=2>wide<tr><td><p>in a</p><td><p>paragraph</p></table>"
    phrases = ["outer one", "inner one", "inner two", "wide", "in a paragraph"]
    yield "nested-tables.html", web_page(tables), has(*phrases)
    deep = "<div>" * 800 + "the innermost words" + "</div>" * 800 + "<p>after it"
    yield "deep.html", web_page(deep), has("the innermost words", "after it")
    yield "too-deep.html", web_page("<p>text" + "<i><b>" * 5000), fails("too deeply")
    yield from html_encodings()
    yield from html_oddities()


def html_encodings() -> Files:
    meta = '<meta charset="iso-8859-1">'
    yield "other-charset.html", web_page("<p>Open at the café.", meta), has("Open at the café.")
    declared = '<?xml version="1.0" encoding="latin-1"?><p>Open at the café.'
    yield "xml-charset.html", declared.encode(), has("Open at the café.")
    page = web_page("<p>Open at the café.", meta).decode().encode("latin-1")
    yield "latin-1.html", page, fails("not UTF-8")
    yield (
        "utf-16.html",
        web_page("<p>Open at the café.").decode().encode("utf-16"),
        has("the café."),
    )


def html_oddities() -> Files:
    lists = "<ol start=3><li>Lift<li>Turn<ul><li>slowly</ul></ol><dl><dt>Dome<dd>The round one</dl>"
    text = "3. Lift\n4. Turn\n\n- slowly\n\nDome\nThe round one\n"
    yield "lists.html", web_page(lists), {"text": text} | has("4. Turn")
    page = web_page("<p>First we walk.", "<title>The evening\n tour</title>")
    yield (
        "title.html",
        page,
        {"text": "# The evening tour\n\nFirst we walk.\n"} | has("evening tour"),
    )
    page = web_page("<h1>Tours</h1><p>First we walk.", "<title>Not twice</title>")
    yield "title-and-heading.html", page, has("# Tours", lacks=["Not twice"])
    page = web_page(
        f"<p>Costs <del>twelve</del> <ins>nine</ins> euros.<template>{DOORS}</template><!-- no -->"
    )
    yield "deleted.html", page, has("Costs nine euros.", lacks=["twelve", "Doors", "no --"])
    page = web_page("""<p>See <svg><title>icon</title><text>a drawn word</text><style>.x{}</style></svg> and
<math><msup><mi>r</mi><mn>2</mn></msup><annotation>r^2</annotation></math> here.""")
    seen = has("a drawn word", "and r² here.", lacks=[".x{}", "r^2"])
    yield "svg-math.html", page, seen
    page = web_page(
        "<p>obser&shy;vatory <q>quiet</q> <input value='typed'><input type=hidden value=token>"
    )
    yield "soft-hyphen.html", page, has('observatory "quiet" typed', lacks=["token"])
    yield (
        "unclosed.html",
        b"<p>one <b>two<p>three <a href='x>y'>four</a",
        has("one two", "three four"),
    )
    yield "no-text.html", web_page("<script>Doors</script>"), fails("no text")


# ------------------------------------------------------------------ text, code, JSON

CODE = {
    "c": "/* The dome turns. */\nint f(int x) { return x < 3 && x * 2 > 1; }\n",
    "cpp": "// The dome turns.\nstd::vector<std::pair<int, int>> f() { return {}; }\n",
    "cs": "// The dome turns.\nList<Message> F() => new List<Message>();\n",
    "css": "/* The dome turns. */\na > b, a::before { content: '<*>'; }\n",
    "go": "// The dome turns.\nfunc f(c chan<- int) { c <- 3 }\n",
    "java": "// The dome turns.\nMap<String, List<Integer>> f() { return null; }\n",
    "js": "// The dome turns.\nconst f = (x) => x < 3 && `${x}_${x}`;\n",
    "php": "<?php // The dome turns.\necho $MAX_RETRY_COUNT . '<b>';\n",
    "py": "# The dome turns.\n\n\ndef f(*args, **kwargs):\n    return __name__\n",
    "rb": "# The dome turns.\ndef f(*a) = a.map { |x| x << 3 }\n",
    "sh": "# The dome turns.\ncat <<EOF\n${MAX_RETRY_COUNT} `date` *\nEOF\n",
    "tex": "% The dome turns.\n\\begin{equation} E_0 = m_0 c^2 < \\infty \\end{equation}\n",
    "ts": "// The dome turns.\nfunction f<T extends Message>(x: Array<T>): void {}\n",
}
MARKDOWN = """# The *dome*

`MAX_RETRY_COUNT` is 2*3*volts, a < 3 and b > 80, List<Message>, 2<sup>7</sup>.

| who | price |
|---|---|
| child | 4 \\* |

    indented_code = "<b>"
"""


def text_files() -> Files:
    for extension, code in CODE.items():
        yield f"code.{extension}", code.encode(), {"text": code} | has("The dome turns.")
    yield "as-written.md", MARKDOWN.encode(), {"text": MARKDOWN} | has("MAX_RETRY_COUNT")
    yield "mark.md", "\ufeff".encode() + MARKDOWN.encode(), {"text": MARKDOWN} | has("4 \\*")
    crlf = MARKDOWN.replace("\n", "\r\n").encode()
    yield "crlf.md", crlf, {"text": MARKDOWN} | has("4 \\*")
    yield "cr.md", MARKDOWN.replace("\n", "\r").encode(), {"text": MARKDOWN} | has("4 \\*")
    cafe = "Dogs may come into the café. 🔭\n"
    for encoding in ("utf-8", "utf-16", "utf-16-le", "utf-16-be"):
        yield f"{encoding}.txt", cafe.encode(encoding), {"text": cafe} | has("the café.")
    big = b"\xfe\xff" + cafe.encode("utf-16-be")
    yield "utf-16-be-mark.txt", big, {"text": cafe} | has("the café.")
    yield "ascii.txt", DOORS.encode(), {"text": DOORS} | has(DOORS)
    yield from odd_texts(cafe)
    yield from json_files()


def odd_texts(cafe: str) -> Files:
    yield "latin-1.txt", cafe[:28].encode("latin-1"), fails("not UTF-8 text: byte 26")
    yield "utf-16-cut.txt", cafe.encode("utf-16")[:-1], fails("not UTF-16")
    yield "utf-32.txt", cafe.encode("utf-32"), fails("UTF-32")
    yield "nul.c", b"x = 1\0", fails("character 5 is U+0000")
    yield "binary.txt", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", fails("not UTF-8")
    yield "pdf-inside.txt", text_pdf([DOORS]), fails("PDF file", "unsupported_file")
    yield "docx-inside.md", docx(para(DOORS)), fails("ZIP file", "unsupported_file")
    yield "rtf-inside.txt", RTF, fails("an RTF file", "unsupported_file")
    yield "rtf-inside.doc", RTF, fails("Save the file as .docx", "unsupported_file")
    line = " ".join(f"word{n}" for n in range(20_000))
    yield "long-line.txt", line.encode(), {"text": line} | has("word19999")
    yield "form-feed.txt", b"Page one.\x0cPage two.\x1b[0m", has("Page one.", "Page two.")
    yield "empty.txt", b"", fails("no text")
    yield "blank.md", b" \n\t\r\n\xc2\xa0", fails("no text")
    icons = "\ue001\ue002\ue003\ue004 ok"
    yield "private.txt", icons.encode(), fails("no meaning")
    yield "replaced.txt", ("\ufffd" * 20 + "some words").encode(), fails("no meaning")
    yield "few-replaced.txt", ("\ufffd" + DOORS).encode(), has(DOORS)
    yield "old.doc", b"\xd0\xcf\x11\xe0", fails("Save the file as .docx", "unsupported_file")
    yield "table.csv", b"a,b\n", fails(".csv", "unsupported_file")
    yield "no-extension", b"text", fails("(no extension)", "unsupported_file")


def json_files() -> Files:
    data = b'{"title": "Bus", "fare": {"adult": 3, "dog": null}, "stops": [{"at": "gate"}]}'
    text = "title: Bus\n\n# fare\n\nadult: 3\ndog: null\n\n# stops\n\nat: gate\n"
    yield "plain.json", data, {"text": text} | has("title: Bus")
    yield "mark.json", b"\xef\xbb\xbf" + data, {"text": text} | has("title: Bus")
    yield "utf-16.json", data.decode().encode("utf-16"), {"text": text} | has("title: Bus")
    twice = b'{"bus": "line 47", "bus": "line 48"}'
    yield "same-name.json", twice, has("bus: line 47", "bus: line 48")
    names = b'{"MAX_RETRY_COUNT": 3, "Map<String>": {"a*b": "2*3*volts"}}'
    yield "names.json", names, has("MAX_RETRY_COUNT: 3", "# Map<String>", "a*b: 2*3*volts")
    numbers = b'[1.50, 12345678901234567890123, 1e400, -0.0, true, "a_b < c"]'
    phrase = "1.50, 12345678901234567890123, 1e400, -0.0, true, a_b < c"
    yield "numbers.json", numbers, has(phrase)
    yield "broken.json", b'{"title": "Bus"', {"text": '{"title": "Bus"'} | has("Bus")
    lines = '{"a": "one"}\n{"a": "two"}\n'
    yield "lines.json", lines.encode(), {"text": lines} | has("one")
    yield "deep.json", b"[" * 5000 + b'"deep"' + b"]" * 5000, has("deep")
    yield "surrogate.json", b'{"name": "\\ud800 Ana"}', has("name: ? Ana")


MAKERS: Sequence[Callable[[], Files]] = (pdf_files, docx_files, pptx_files, html_files, text_files)


def every_file() -> Files:
    for maker in MAKERS:
        yield from maker()


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    expected: dict[str, Expected] = {}
    for name, data, what in every_file():
        assert name not in expected, name
        (FOLDER / name).write_bytes(data)
        expected[name] = what
    text = json.dumps(expected, ensure_ascii=False, indent=1)
    (FOLDER / "expected.json").write_text(text + "\n", encoding="utf-8", newline="\n")
    size = sum(path.stat().st_size for path in FOLDER.iterdir())
    print(f"{len(expected)} files, {size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
