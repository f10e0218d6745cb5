#!/usr/bin/env python3
"""Writes Sources/Tokenizers/Text/CompatibilityTable.swift: what NFKD does to a code point beyond NFD.

The data is Python's unicodedata (its version is printed into the file). Usage: scripts/make-unicode-tables.py
"""
import pathlib, sys, unicodedata

entries = []
for code in range(sys.maxunicode + 1):
    if 0xD800 <= code <= 0xDFFF:
        continue
    char = chr(code)
    full = unicodedata.normalize("NFKD", char)
    if full != unicodedata.normalize("NFD", char):
        entries.append(f"{code:X}=" + " ".join(f"{ord(c):X}" for c in full))
lines, line = [], ""
for entry in entries:
    if len(line) + len(entry) > 110:
        lines.append(line)
        line = ""
    line += entry + ";"
lines.append(line)
text = f"""// SPDX-License-Identifier: Apache-2.0
// Compatibility decompositions of Unicode {unicodedata.unidata_version}; made by scripts/make-unicode-tables.py, do not edit.

enum CompatibilityTable {{
  /// `CODE=CODE CODE…;` in hex, for each code point whose NFKD differs from its NFD.
  static let text = \"\"\"
"""
text += "".join(f"    {line}\\\n" for line in lines[:-1]) + f"    {lines[-1]}\n    \"\"\"\n}}\n"
pathlib.Path("Sources/Tokenizers/Text/CompatibilityTable.swift").write_text(text)
print(f"{len(entries)} entries")
