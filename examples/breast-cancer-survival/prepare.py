#!/usr/bin/env python3
"""One table of TCGA breast cancer survival out of the three public files of Fed-TCGA-BRCA.

  prepare.py FOLDER > brca_rows.csv

FOLDER holds brca.csv, train_test_split.csv and centers.csv. A row of the result is a patient: the
region that treated her, whether the row trains or tests, 39 features, and what became of her: days
until death (died = 1), or until she was last seen (died = 0). Patients outside the published split
stay out. Column names become lower case with underscores; no value is changed.
"""
import csv
import pathlib
import re
import sys


def read(folder, name):
    path = pathlib.Path(folder) / name
    try:
        with open(path, newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except OSError as error:
        sys.exit(f"prepare: cannot read {path}: {error.strerror}; FOLDER is where the files of Fed-TCGA-BRCA are")


def snake(name):
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: prepare.py FOLDER > brca_rows.csv")
    folder = sys.argv[1]
    regions = {row["TSS Code"]: row["Region"].lower() for row in read(folder, "centers.csv")}
    folds = {row["pid"]: row["fold"] for row in read(folder, "train_test_split.csv")}
    patients = [row for row in read(folder, "brca.csv") if row["pid"] in folds]
    features = [name for name in patients[0] if name not in ("pid", "E", "T")]
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["region", "fold", *map(snake, features), "died", "days"])
    for row in patients:
        site = regions[row["pid"].split("-")[1]]
        out.writerow([site, folds[row["pid"]], *(row[name] for name in features),
                      row["E"].removesuffix(".0"), row["T"]])


if __name__ == "__main__":
    main()
