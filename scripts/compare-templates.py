#!/usr/bin/env python3
"""Renders every chat template of a folder with jinja2 as transformers sets it up, and with the program.

    python3 -m venv /tmp/jinja && /tmp/jinja/bin/pip install jinja2
    pip download llama-cpp-python --no-binary :all: --no-deps -d /tmp/source      (llama.cpp's source is inside)
    /tmp/jinja/bin/python scripts/compare-templates.py .build/release/impetus FOLDER/models/templates

Both must give the same text, or raise the same message; errors that Python itself makes may be worded differently. Prints a line for each difference and a summary.
"""
import datetime
import json
import os
import pathlib
import subprocess
import sys

import jinja2
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

NOW = "2026-07-04T12:34:56"


def environment():
    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    class Generation(jinja2.ext.Extension):
        tags = {"generation"}

        def parse(self, parser):
            line = next(parser.stream).lineno
            body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
            return jinja2.nodes.CallBlock(self.call_method("_body"), [], [], body).set_lineno(line)

        def _body(self, caller):
            return caller()

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda form: datetime.datetime.fromisoformat(NOW).strftime(form)
    return env


TOOL = {"type": "function", "function": {
    "name": "get_weather", "description": "Weather of a city, \"now\" & <here>.", "parameters": {
        "type": "object", "required": ["city"], "properties": {
            "city": {"type": "string", "description": "Name — ünïcode"},
            "unit": {"type": "string", "enum": ["C", "F"], "default": "C"},
            "days": {"type": ["integer", "null"], "minimum": 1}}}}}
CALL = {"id": "call00001", "type": "function", "function": {"name": "get_weather", "arguments": {"city": "Köln", "days": 2}}}
TEXT_CALL = {"id": "call00001", "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\": \"Köln\"}"}}
USER, SYSTEM = {"role": "user", "content": " Hi, what's up? \n"}, {"role": "system", "content": "Be brief.\nAlways."}
ANSWER = {"role": "assistant", "content": "Fine <b>thanks</b>"}


def chats():
    yield "plain", {"messages": [USER]}
    yield "system", {"messages": [SYSTEM, USER, ANSWER, {"role": "user", "content": "And now?"}]}
    yield "no prompt", {"messages": [USER, ANSWER], "add_generation_prompt": False}
    yield "tools", {"messages": [SYSTEM, USER], "tools": [TOOL, TOOL]}
    yield "call", {"messages": [USER, {"role": "assistant", "content": "", "tool_calls": [CALL]},
                               {"role": "tool", "name": "get_weather", "tool_call_id": "call00001", "content": "{\"t\": 20.5}"},
                               ANSWER, USER], "tools": [TOOL]}
    yield "text call", {"messages": [USER, {"role": "assistant", "content": None, "tool_calls": [TEXT_CALL, CALL]},
                                    {"role": "tool", "name": "get_weather", "tool_call_id": "call00001", "content": "20"},
                                    {"role": "tool", "name": "get_weather", "tool_call_id": "call00002", "content": "21"}],
                        "tools": [TOOL]}
    yield "thought", {"messages": [USER, {"role": "assistant", "content": "<think>\nhm\n</think>\n\nYes", "reasoning_content": "hm"},
                                  {"role": "user", "content": "Sure?"}], "enable_thinking": True}
    yield "no thought", {"messages": [SYSTEM, USER], "enable_thinking": False, "thinking": False, "reasoning_effort": "high"}
    yield "last calls", {"messages": [USER, {"role": "assistant", "tool_calls": [CALL]}], "tools": [TOOL]}
    yield "parts", {"messages": [{"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]}]}
    yield "picture", {"messages": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "what is it?"}]}]}
    yield "twice", {"messages": [USER, USER]}
    yield "assistant first", {"messages": [ANSWER, USER]}
    yield "odd role", {"messages": [{"role": "critic", "content": "no"}, USER]}
    yield "nothing", {"messages": []}
    yield "documents", {"messages": [USER], "documents": [{"title": "T", "text": "body", "doc_id": 1}], "custom_tools": None}
    yield "numbers", {"messages": [{"role": "user", "content": 5}]}
    yield "developer", {"messages": [{"role": "developer", "content": "Rules."}, USER], "tools": []}


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    cases, expected = [], []
    env = environment()
    for path in sorted(folder.glob("*.jinja")):
        text = path.read_text()
        for name, context in chats():
            context = {"add_generation_prompt": True, "bos_token": "<s>", "eos_token": "</s>", "tools": None, **context}
            cases.append({"template": text, "context": context, "now": NOW, "name": f"{path.name}: {name}"})
            try:
                expected.append(("text", env.from_string(text).render(**context)))
            except jinja2.exceptions.TemplateError as error:
                raised = type(error) is jinja2.exceptions.TemplateError
                expected.append(("raised" if raised else "error", error.message or str(error)))
            except Exception as error:  # what Python itself raises within a template
                expected.append(("error", str(error)))
    lines = "\n".join(json.dumps(case) for case in cases) + "\n"
    run = subprocess.run([program, "debug", "template"], input=lines, capture_output=True, text=True, check=True,
                         env={**os.environ, "IMPETUS_NOW": NOW})
    answers = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(answers) == len(cases), (len(answers), len(cases), run.stderr[-500:])
    wrong = otherwise = 0
    for case, (kind, text), answer in zip(cases, expected, answers):
        error = answer.get("error")
        ours = (("raised" if error["raised"] else "error"), error["message"]) if error else ("text", answer["text"])
        if ours == (kind, text):
            continue
        # Python's own errors (a sum of None and str) need not have Python's words.
        if kind == "error" and ours[0] == "error":
            otherwise += 1
            continue
        wrong += 1
        place = next((i for i, (a, b) in enumerate(zip(text, ours[1])) if a != b), min(len(text), len(ours[1])))
        place = max(0, place - 40)
        print(f"{case['name']} (at {place})\n  jinja2:  {kind} {text[place:place + 200]!r}")
        print(f"  impetus: {ours[0]} {ours[1][place:place + 200]!r}")
    raised = sum(kind != "text" for kind, _ in expected)
    templates = len({case["name"].split(":")[0] for case in cases})
    print(f"{templates} templates, {len(cases)} renderings ({raised} of them errors, {otherwise} of those worded differently), "
          f"{wrong} differ")
    sys.exit(wrong > 0)


main()
