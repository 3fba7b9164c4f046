#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
Does JSON fit what Documentation/schema/mcsec.json says of it?

	mcsecctl -j status | schema.py status
	schema.py < FILE	lines "status<TAB>{...}"

Each line is one document. Prints what does not fit, and exits with 1; with 4
where jsonschema is not installed, with 2 where nothing was there to judge.
"""
import json
import pathlib
import sys

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is not installed")
    sys.exit(4)

HERE = pathlib.Path(__file__).resolve().parent
SCHEMA = HERE.parent / "Documentation/schema/mcsec.json"


def validator(schema, what):
    if what not in schema["$defs"]:
        sys.exit(f"{SCHEMA.name} says nothing of \"{what}\"")
    return jsonschema.Draft202012Validator(
        {"$ref": f"#/$defs/{what}", "$defs": schema["$defs"]})


def main():
    if not SCHEMA.exists():
        print(f"{SCHEMA.name} is not here")
        return 4
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    judged = bad = 0
    for line in sys.stdin:
        what, text = sys.argv[1:2], line
        if not what:
            what, text = line.split("\t", 1)
        else:
            what = what[0]
        judged += 1
        for error in validator(schema, what).iter_errors(json.loads(text)):
            bad = 1
            where = "/".join(str(p) for p in error.absolute_path)
            print(f"{what}: {where or 'the document'}: {error.message[:300]}")
    if not judged:
        print("nothing to judge")
        return 2
    return bad


sys.exit(main())
