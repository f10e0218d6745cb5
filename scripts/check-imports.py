#!/usr/bin/env python3
"""Holds every `import` in Sources against the dependencies Package.swift declares.

SwiftPM lets a target import what its dependencies import; the house does not (docs/architecture.md).
Usage: scripts/check-imports.py   (from the repository's top folder; exits 1 and lists what is wrong)
"""
import json, pathlib, re, subprocess, sys

SYSTEM = {"Glibc", "Darwin", "Synchronization", "FoundationEssentials", "Swift", "Dispatch"}
FLOORS = [
    ["Basics"],
    ["Checkpoints", "Tensors", "Tokenizers", "Templates", "Grammars", "Hub", "Store"],
    ["Models", "Quantization", "Registry"],
    ["Inference"],
    ["Library"],
    ["Server"],
    ["Commands"],
    ["impetus"],
]
SAME_FLOOR = {("Checkpoints", "Tensors")}  # the one edge within a floor

manifest = json.loads(subprocess.check_output(["swift", "package", "dump-package"]))
floor_of = {name: level for level, names in enumerate(FLOORS) for name in names}
allowed, faults = {}, []
for target in manifest["targets"]:
    names = set()
    for dependency in target["dependencies"]:
        names.add(next(iter(dependency.values()))[0])
    allowed[target["name"]] = names
    if target["name"] in floor_of:
        for name in names & set(floor_of):
            if floor_of[name] >= floor_of[target["name"]] and (target["name"], name) not in SAME_FLOOR:
                faults.append(f"Package.swift: {target['name']} may not depend on {name}: not a lower floor")

pattern = re.compile(r"^\s*(?:@\w+\s+)*(?:public |package |internal |private |fileprivate )?import\s+(?:\w+\s+)?(\w+)")
for path in sorted(pathlib.Path("Sources").rglob("*.swift")):
    target = path.parts[1]
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = pattern.match(line)
        if not found:
            continue
        name = found.group(1)
        if name == "Foundation":
            faults.append(f"{path}:{number}: Foundation costs 34 MB in the static binary; use FoundationEssentials or Basics")
        elif name not in SYSTEM and name not in allowed.get(target, set()):
            faults.append(f"{path}:{number}: {target} may not import {name} (see Package.swift)")

print("\n".join(faults) if faults else f"imports: all within the {len(allowed)} targets' declared edges")
sys.exit(1 if faults else 0)
