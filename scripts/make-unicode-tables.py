#!/usr/bin/env python3
"""Writes Sources/Tokenizers/Unicode/*Data.swift: what the reference library takes each code point for.

The `tokenizers` library carries several Unicode versions at once: its regular expressions (Oniguruma), its
normal forms, its Bert steps and Rust's own character functions each have another one. So nothing is taken from
the Unicode database itself: every table is measured by asking the library about all code points.

Usage: scripts/make-unicode-tables.py    (needs: pip install tokenizers==0.23.3; takes about three minutes)
"""
import itertools, pathlib, unicodedata
import tokenizers
from tokenizers import Regex, normalizers as N, pre_tokenizers as P

FOLDER = pathlib.Path(__file__).parent.parent / "Sources/Tokenizers/Unicode"
POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
# The order of Category in Sources/Tokenizers/Unicode/CharacterTable.swift.
CATEGORIES = "Cn Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Co Cs".split()


def removed(normalizer):
    return {c for c in POINTS if normalizer.normalize_str(chr(c)) == ""}


def splits(step):
    return {c for c in POINTS if len(step.pre_tokenize_str(f"a{chr(c)}a")) > 1}


def bert(**flags):
    off = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    return N.BertNormalizer(**{**off, **flags})


def changes(normalizer):
    return {c: t for c in POINTS if (t := normalizer.normalize_str(chr(c))) != chr(c)}


category = dict.fromkeys(POINTS, 0)
for index, name in enumerate(CATEGORIES):
    if name not in ("Cn", "Cs"):
        for c in removed(N.Replace(Regex(rf"\p{{{name}}}"), "")):
            category[c] = index

nfd, nfc, nfkd = N.NFD(), N.NFC(), N.NFKD()
canonical = {c: t for c, t in changes(nfd).items() if not 0xAC00 <= c < 0xD7A4}
compatible = {c: t for c, t in changes(nfkd).items() if canonical.get(c) != t and not 0xAC00 <= c < 0xD7A4}
recomposed = changes(nfc)


def combining_class(c):
    """The class of a mark if the library knows it, seen from how it orders it beside known ones."""
    known = unicodedata.combining(chr(c))
    if known == 0 or nfd.normalize_str(chr(c)) != chr(c):
        return 0
    if known > 1:
        return known if nfd.normalize_str(f"a{chr(c)}\u0334") == f"a\u0334{chr(c)}" else 0
    return 1 if nfd.normalize_str(f"a\u0316{chr(c)}") == f"a{chr(c)}\u0316" else 0


classes = {c: k for c in POINTS if (k := combining_class(c))}
pairs = {}
for c, full in canonical.items():
    if c not in recomposed and len(full) > 1:
        first = nfc.normalize_str(full[:-1])
        assert len(first) == 1 and nfc.normalize_str(first + full[-1]) == chr(c), hex(c)
        pairs[c] = first + full[-1]
seconds = {ord(pair[1]) for pair in pairs.values()} | set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))

# The order of Flags in CharacterTable.swift, from bit 5 on.
FLAGS = [
    splits(P.WhitespaceSplit()),  # whitespace
    set(POINTS) - splits(P.Whitespace()),  # word, as the regex crate sees it
    splits(P.Digits(True)),  # numeric
    removed(bert(clean_text=True)),  # unwanted by Bert
    {c for c in POINTS if c not in canonical and bert(strip_accents=True).normalize_str(chr(c)) == ""},  # Bert's accents
    splits(P.Punctuation()),  # punctuation, as Bert and Punctuation see it
    removed(N.StripAccents()),  # combining mark
    {c for c in POINTS if category[c] and unicodedata.category(chr(c)) == "Cn"},  # newer than Unicode 14
    {c for c in POINTS if c in classes or c in recomposed or c in seconds},  # may change in NFC
    set(canonical),
    set(canonical) | set(compatible),
]


def value(c):
    return category[c] | sum(1 << 5 + bit for bit, members in enumerate(FLAGS) if c in members)


def runs(of):
    """(length, value) for all code points, surrogates taken as unassigned."""
    values = (of(c) if not 0xD800 <= c < 0xE000 else 0 for c in range(0x110000))
    return [(sum(1 for _ in group), v) for v, group in itertools.groupby(values)]


def scripts():
    step = P.UnicodeScripts()
    together = lambda a, b: len(step.pre_tokenize_str(a + b)) == 1
    # A character of no script joins both sides of a break.
    neutral = lambda c: together("a", c) and together("\u0430", c)
    found, last = [], 0
    result = {}
    for c in POINTS:
        char = chr(c)
        if c == 0x20 or neutral(char):
            result[c] = 0
            continue
        order = ([last] if last else []) + [i for i in range(1, len(found) + 1) if i != last]
        last = next((i for i in order if together(found[i - 1], char)), 0)
        if not last:
            found.append(char)
            last = len(found)
        result[c] = last
    return result


def write(name, text):
    FOLDER.mkdir(exist_ok=True)
    head = f"// SPDX-License-Identifier: Apache-2.0\n// Measured from tokenizers {tokenizers.__version__} by scripts/make-unicode-tables.py; do not edit.\n\n"
    (FOLDER / f"{name}.swift").write_text(head + text)


def literal(entries, indent="    "):
    lines, line = [], ""
    for entry in entries:
        if len(line) + len(entry) > 110:
            lines.append(line)
            line = ""
        line += entry
    return "\\\n".join(indent + part for part in lines + [line])


def constant(comment, name, entries):
    return f'  /// {comment}\n  static let {name}: StaticString = """\n{literal(entries)}\n    """\n'


hexes = lambda text: " ".join(f"{ord(c):X}" for c in text)
table = runs(value)
distinct = sorted({v for _, v in table})
body = "enum CharacterData {\n  /// What the classes mean: category and flags, see CharacterTable.\n  static let values: [UInt32] = [\n"
body += "".join(f"    {', '.join(f'0x{v:X}' for v in distinct[i:i + 12])},\n" for i in range(0, len(distinct), 12)) + "  ]\n\n"
body += constant("`LENGTH CLASS;` in hex: runs of code points of one class, from 0 on.", "runs", [f"{n:X} {distinct.index(v):X};" for n, v in table])
write("CharacterData", body + "}\n")

script = scripts()
body = "enum ScriptData {\n" + constant("`LENGTH SCRIPT;` in hex: runs of code points of one script, 0 for none.", "runs", [f"{n:X} {v:X};" for n, v in runs(lambda c: script[c])])
write("ScriptData", body + "}\n")

body = "enum NormalizationData {\n"
body += constant("`CODE CODE…;` in hex: a code point and its canonical decomposition.", "canonical", [f"{c:X} {hexes(t)};" for c, t in canonical.items()]) + "\n"
body += constant("The same for compatibility decompositions that differ from the canonical ones.", "compatible", [f"{c:X} {hexes(t)};" for c, t in compatible.items()]) + "\n"
body += constant("`CODE FIRST SECOND;`: what two code points compose to.", "compositions", [f"{c:X} {hexes(t)};" for c, t in pairs.items()]) + "\n"
body += constant("`CODE CLASS;`: combining classes other than 0.", "combiningClasses", [f"{c:X} {k:X};" for c, k in classes.items()])
write("NormalizationData", body + "}\n")
print(len(table), "runs of", len(distinct), "classes;", len(canonical), "+", len(compatible), "decompositions;", len(pairs), "compositions;", len(classes), "marks;", len(set(script.values())), "scripts")
