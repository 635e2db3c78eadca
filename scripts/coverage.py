#!/usr/bin/env python3
"""Line coverage of src/ per room, from gcov's JSON. usage: coverage.py BUILD_FOLDER"""
import collections
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile


def covered_lines(build):
    """{source: {line: hits}} over every object of the build."""
    lines = collections.defaultdict(lambda: collections.defaultdict(int))
    objects = [path.resolve() for path in pathlib.Path(build).rglob("*.gcda")]
    if not objects:
        sys.exit(f"coverage: no .gcda below {build}: run its tests first")
    with tempfile.TemporaryDirectory() as folder:
        for path in objects:
            subprocess.run(["gcov", "--json-format", str(path)], cwd=folder, check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for result in pathlib.Path(folder).glob("*.gcov.json.gz"):
                with gzip.open(result) as stream:
                    for source in json.load(stream)["files"]:
                        for line in source["lines"]:
                            lines[source["file"]][line["line_number"]] += line["count"]
                result.unlink()
    return lines


def main():
    root = pathlib.Path(__file__).resolve().parent.parent / "src"
    rooms = collections.defaultdict(lambda: [0, 0])
    for source, hits in covered_lines(sys.argv[1]).items():
        path = pathlib.Path(source)
        if root not in path.parents:
            continue
        room = rooms[str(path.relative_to(root).parent)]
        room[0] += sum(1 for count in hits.values() if count)
        room[1] += len(hits)
    for name, (hit, total) in sorted(rooms.items()):
        print(f"{name:<32} {hit:>6} / {total:<6} {100 * hit / total:5.1f} %")


if __name__ == "__main__":
    main()
