# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: the tessera authors
"""Pictures that are drawn by graphviz say what their sources say. Where it puts things hangs on the machine's fonts."""

import pathlib
import re
import subprocess

import pytest

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"


def said(svg):
    """Names and texts, and the shapes of nodes and edges."""
    return (re.findall(r"<(?:title|text)[^>]*>([^<]*)<", svg), re.findall(r'<g id="(\w+)" class="(\w+)"', svg))


@pytest.mark.parametrize("source", sorted(DOCS.glob("*.dot")), ids=lambda path: path.name)
def test_the_picture_in_the_docs_is_of_today(source):
    drawn = subprocess.run(["dot", "-Tsvg", source], check=True, capture_output=True, text=True).stdout
    assert said(drawn)[0]
    assert said(drawn) == said(source.with_suffix(".svg").read_text()), f"draw it anew: {source.read_text().split('by: ')[1].splitlines()[0]}"
