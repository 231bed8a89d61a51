"""Prints the text that people read in the files given, as FILE:LINE:TEXT: comments and string literals of C++, comments of scripts
and CMake files, sentences of the checks in test scripts, every line of documents. tests/shell/words.sh searches it for retired words."""
import re
import sys

# A comment, a string literal (raw ones too) or a character literal; anything else is code.
CPP = re.compile(r"""//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])'""", re.S)

# The sentence of a check (tests/tools/checks.sh) is its first argument ...
FIRST = re.compile(r'(?:^|[\s;(])(?:holds|passed|failed|fail|say|nothing_left|leaves_nothing) "((?:\$\([^()]*\)|[^"\\]|\\.)*)"')
# ... or its last one, which ends a line; the check may have begun on a line before.
LAST = re.compile(r'(?:^|[\s;])(?:exits|(?:out|err)_(?:has|lacks)|same|conforms)\s.*\s"([^"]*)"(?:\s*[;})].*)?$|'
                  r'^\s*"([^"]*)"(?:\s*[;})].*)?$|"\s"([^"]*)"$')


def report(path, line, text):
    for offset, part in enumerate(text.split("\n")):
        if part.strip():
            print(f"{path}:{line + offset}:{part.strip()}")


for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        content = file.read()
    if path.endswith((".cpp", ".hpp", ".c")):
        for match in CPP.finditer(content):
            before = content.rfind("\n", 0, match.start()) + 1
            if not content[before:match.start()].lstrip().startswith("#include"):
                report(path, content.count("\n", 0, match.start()) + 1, match.group())
    elif path.endswith((".md", ".scd", ".json", "/description")):
        report(path, 1, content)
    else:
        for number, line in enumerate(content.split("\n"), 1):
            comment = re.search(r"(^|\s)#\s.*", line)
            if comment:
                report(path, number, comment.group())
            if path.startswith("tests/") and path.endswith((".sh", ".test")):
                for match in [*FIRST.finditer(line), *LAST.finditer(line)]:
                    sentence = next(filter(None, match.groups()), "")
                    if " " in sentence:
                        report(path, number, sentence)
