#!/usr/bin/env python3
"""Makes Fixtures/templates/integers.jsonl: what jinja2 makes of integers beyond 64 bits.

    python3 -m venv /tmp/jinja && /tmp/jinja/bin/pip install jinja2==3.1.6
    /tmp/jinja/bin/python scripts/make-integer-snippets.py

Lines as in snippets.jsonl: operators, comparisons, filters and formats over numbers around the limits of machine words, doubles and limbs.
A second run gives the same bytes.
"""
import json
import pathlib
import random

from jinja2.sandbox import ImmutableSandboxedEnvironment

chance = random.Random(20261130)
env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
env.filters["tojson"] = lambda x, indent=None: json.dumps(x, ensure_ascii=False, indent=indent)


def integer():
    kind = chance.randrange(6)
    if kind == 0:
        value = 2 ** chance.choice([31, 32, 53, 62, 63, 64, 65, 96, 128, 1000]) + chance.randint(-2, 2)
    elif kind == 1:
        value = 10 ** chance.randint(1, 60) + chance.randint(-1, 1)
    elif kind == 2:
        value = chance.randint(-9, 9)
    elif kind == 3:  # limbs of all ones and all zeros, which test carries
        value = int("".join(chance.choice(["ffffffff", "00000000", "80000000", "00000001"]) for _ in range(chance.randint(1, 8))), 16)
    else:
        value = chance.getrandbits(chance.choice([20, 63, 64, 100, 128, 200, 513]))
    return -value if chance.random() < 0.4 else value


def written(value):
    return f"({value})" if value < 0 else str(value)


def double():
    return chance.choice(["1e19", "9223372036854775808.0", "-1e30", "0.5", "1.5e300", "18446744073709551616.0", "-2.5", "1e100"])


expressions = []
for _ in range(110):
    expressions.append(f"{written(integer())} {chance.choice(['+', '-', '*', '//', '%', '/'])} {written(integer())}")
for _ in range(20):
    expressions.append(f"{written(integer())} {chance.choice(['+', '*', '/', '//', '%'])} {double()}")
for _ in range(40):
    a = integer()
    b = chance.choice([a, a + 1, -a, integer()])
    expressions.append(f"{written(a)} {chance.choice(['<', '<=', '>', '>=', '==', '!='])} {written(b)}")
for _ in range(15):
    expressions.append(f"{written(integer())} {chance.choice(['<', '<=', '>', '>=', '==', '!='])} {double()}")
for base, exponent in [(2, 63), (2, 64), (-2, 63), (-2, 64), (10, 40), (-7, 33), (0, 0), (1, 10**30), (-1, 10**30 + 1),
                       (3, -2), (2**70, -1), (2**64, 3), (10, 400), (2**2000, -1)]:
    expressions.append(f"{written(base)} ** {written(exponent)}")
for _ in range(30):
    value = written(integer())
    expressions.append(chance.choice([
        f"{value}|abs", f"-{value}", f"+{value}", f"{value}|float", f"{value}|int", f"{value}|string|length", f"{value}|tojson",
        f"{value} is number and {value} is integer", f"{value} is odd", f"{value} is divisibleby 3", f"{value}|round",
        f"{value}|round({-chance.randint(1, 40)})", f"{value}.bit_length()", f"'%d|%x|%o|%40d' % ({value}, {value}, {value}, {value})",
        f"'{{:,}} {{:x}} {{:#b}} {{:>50}}'.format({value}, {value}, {value}, {value})", f"'{value}'.strip('()')|int",
        f"[{value}, 0.5, 7]|sum", f"[{value}, 1, -{value}]|sort", f"{{{value}: 'a'}}[{value}]", f"{value} in [1, {value}]",
    ]))
expressions += [
    "1e300|int", "-1.7976931348623157e308|int", "'0x' ~ '%x' % (1e30|int)", "'ff' * 20", "('ff' * 20)|int(base=16)",
    "'123456789012345678901234567890'|int + 1", "0xFFFFFFFFFFFFFFFFFFFF", "0b1" + "0" * 70, "0o7777777777777777777777777", "1_000_000_000_000_000_000_000",
    "[1, 2, 3][99999999999999999999:]", "[1, 2, 3][:99999999999999999999]", "[1, 2, 3][-99999999999999999999:2]",
    "[1, 2, 3][99999999999999999999]|default('none')", "'ab' * 99999999999999999999", "range(99999999999999999999)",
    "{1e30: 'x'}[1000000000000000019884624838656]", "1e30 == 1000000000000000019884624838656", "1e30 == 10**30",
    "10**400 + 1.5", "10**400 / 10**399", "10**400 / 3", "3 / 10**400", "7 / 10**322", "(10**400)|float", "1 / 0x7FFFFFFFFFFFFFFF",
    "9007199254740993 / 1", "9007199254740993 / 3", "(2**64 + 2**11) / 1", "(2**64 + 2**11 + 1) / 1", "10**20 // 0", "10**20 % 0",
    "5 // 10**20", "-5 // 10**20", "-5 % 10**20", "5 % -10**20", "(10**30)|filesizeformat", "10**4299|string|length", "(10**4300)|string|length",
    "(10**4300) % 7", "%s" % ("9" * 4301), "9223372036854775807 + 1", "-9223372036854775808", "-9223372036854775808 - 1",
    "(-9223372036854775807 - 1) // -1", "(-9223372036854775807 - 1)|abs", "25|round(-1)", "35|round(-1)", "-25|round(-1)", "1|round(-10**18)",
    "(10**25 + 5 * 10**20)|round(-21)", "(10**25 + 15 * 10**20)|round(-21)", "(10**25)|round(2, 'ceil')", "12345678901234567890|round(-3, 'floor')",
]

root = pathlib.Path(__file__).parent.parent / "Fixtures/templates"
with open(root / "integers.jsonl", "w") as out:
    for expression in dict.fromkeys(expressions):
        line = {"context": "none", "template": "{{ " + expression + " }}"}
        try:
            line["expected"] = env.from_string(line["template"]).render()
        except Exception as error:
            line["error"] = type(error).__name__
        out.write(json.dumps(line, ensure_ascii=False) + "\n")
