#!/usr/bin/env python3
"""Every public declaration in Sources says what it is; every source file begins with its licence and subject.

Left out: members that only fulfil a well-known protocol. Usage: scripts/check-docs.py (exits 1 and lists what is wrong)
"""
import pathlib, re, sys

declaration = re.compile(
    r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*public\s+(?:(?:static|final|mutating|consuming|borrowing|nonisolated|package\(set\)|private\(set\)|"
    r"internal\(set\)|indirect|isolated|class|convenience|override|lazy|unowned|weak|async)\s+)*"
    r"(struct|class|enum|protocol|actor|func|var|let|init\??|subscript|typealias|case)\b\s*`?([\w=<>!+\-*/~]*)"
)
# Requirements of protocols whose documentation says it all.
WELL_KNOWN = {
    "description", "debugDescription", "hash", "==", "<", "makeIterator", "next", "underestimatedCount", "Iterator", "Element",
    "code", "what", "why", "remedy", "status", "run", "validate", "configuration", "body", "init", "rawValue", "id", "json",
    "makeAsyncIterator", "AsyncIterator", "intValue", "stringValue", "doubleValue", "boolValue", "arrayValue", "objectValue",
    "count", "isEmpty", "keys",
}
faults = []
for path in sorted(pathlib.Path("Sources").rglob("*")):
    if path.suffix not in {".swift", ".c", ".h", ".cpp"}:
        continue
    lines = path.read_text().splitlines()
    if path.name != "shim.h" and not any("SPDX-License-Identifier: Apache-2.0" in line for line in lines[:2]):
        faults.append(f"{path}:1: no SPDX line at the top")
    if path.suffix != ".swift":
        continue
    if len(lines) < 2 or not lines[1].startswith("//"):
        faults.append(f"{path}:2: the second line should begin the comment that says what this file is")
    for number, line in enumerate(lines, 1):
        found = declaration.match(line)
        if not found or found.group(2) in WELL_KNOWN or found.group(1).startswith("init") or found.group(1) == "case":
            continue
        above = number - 2
        while above >= 0 and (lines[above].strip().startswith("@") or lines[above].strip().startswith("#")):
            above -= 1
        if not lines[above].strip().startswith("///") and not lines[above].strip().endswith("*/"):
            kind, name = found.groups()
            # A run of one-line siblings may share the comment of the first.
            if kind in {"let", "var"} and (declaration.match(lines[above]) or "///" in line):
                continue
            faults.append(f"{path}:{number}: public {kind} {name} has no doc comment")

print("\n".join(faults) if faults else "docs: every public declaration is documented")
sys.exit(1 if faults else 0)
