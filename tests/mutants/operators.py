"""The changes that can be made in a C++ source: each is a place, the text that replaces it, and the name of the operator."""
import dataclasses
import re

# Comments, strings and characters are not changed, nor are directives.
OPAQUE = re.compile(r"""//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])'|^\#[^\n]*""", re.S | re.M)

ERRNOS = "EACCES EAGAIN EBADF EBUSY EEXIST EINTR EINVAL EIO EISDIR ELOOP ENAMETOOLONG ENODEV ENOENT ENOMEM ENOSPC ENOTDIR ENOTEMPTY " \
         "ENOTSUP ENOTTY ENXIO EOPNOTSUPP EPERM EPIPE EROFS ESRCH ETIMEDOUT EUSERS EWOULDBLOCK EXDEV".split()
COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
WORDS = {"true": "false", "false": "true", "any_of": "all_of", "all_of": "any_of", "none_of": "any_of", "min": "max", "max": "min",
         "continue": "break", "front": "back", "back": "front"}
NOT_A_CALL = ("return", "throw", "if", "for", "while", "switch", "case", "else", "using", "static_assert", "co_return", "delete")


@dataclasses.dataclass(frozen=True)
class Site:
    file: str
    line: int
    operator: str
    begin: int
    end: int
    text: str
    shown: str
    key: str


def masked(text):
    """The text with everything opaque replaced by as many characters that match nothing."""
    return OPAQUE.sub(lambda match: re.sub(r"[^\n]", "\1", match.group()), text)


def closing(text, begin):
    """The position of the parenthesis that closes the one at `begin`."""
    depth = 0
    for position in range(begin, len(text)):
        depth += (text[position] in "([{") - (text[position] in ")]}")
        if depth == 0:
            return position
    return None


def conditions(text):
    for match in re.finditer(r"\bif \(", text):
        end = closing(text, match.end() - 1)
        condition = text[match.end():end]
        if end and ";" not in condition and not re.search(r"[^=!<>]=[^=]", condition):
            yield "negated condition", match.end(), end, lambda old: f"!({old})"


def statements(text):
    """Statements that begin a line and are calls or assignments, as (begin, end)."""
    for match in re.finditer(r"(?<=[{};:]\n)( +)([a-z_][\w.\->:*\[\]]*(?:\(|\[| [|+&-]?= ))", text):
        word = re.match(r"\w+", match.group(2)).group()
        end = text.find(";", match.start(2))
        while end != -1 and text.count("(", match.start(2), end) + text.count("{", match.start(2), end) != \
                text.count(")", match.start(2), end) + text.count("}", match.start(2), end):
            end = text.find(";", end + 1)
        if word not in NOT_A_CALL and end != -1 and text[end:end + 2] == ";\n":
            # Room that is reserved, and results that are ignored, change nothing.
            if not re.search(r"\.reserve\(|^std::ignore", text[match.start(2):end]):
                yield match.start(2), end + 1, len(match.group(1))


def dropped(text):
    for begin, end, _ in statements(text):
        yield "dropped statement", begin, end, lambda old: ";"


def swapped_statements(text):
    found = list(statements(text))
    for (begin, end, indent), (begin2, end2, indent2) in zip(found, found[1:]):
        if indent == indent2 and text[end:begin2].strip() == "":
            yield "swapped statements", begin, end2, \
                lambda old, first=end - begin, second=begin2 - begin: old[second:] + " " + old[:first]


def swapped_arguments(text):
    simple = r"[a-z_][\w.>-]*(?:\(\))?"
    for match in re.finditer(rf"(?<=[\w>]\()({simple}), ({simple})(?=[,)])", text):
        if match.group(1) != match.group(2):
            yield "swapped arguments", match.start(), match.end(), lambda old: ", ".join(reversed(old.split(", ")))


def replaced(text):
    for match in re.finditer(r"(?<= )(<=|>=|==|!=|<|>)(?= )", text):
        yield "comparison", match.start(), match.end(), lambda old: COMPARISONS[old]
    for match in re.finditer(r"(?<=[ \n])(&&|\|\|)(?= )", text):
        yield "and/or", match.start(), match.end(), lambda old: {"&&": "||", "||": "&&"}[old]
    for match in re.finditer(rf"\b({'|'.join(ERRNOS)})\b", text):
        yield "errno", match.start(), match.end(), lambda old: "ENOENT" if old in ("EIO", "EINVAL") else "EIO"
    for match in re.finditer(r"\bExitCode::\w+\b", text):
        yield "exit code", match.start(), match.end(), \
            lambda old: "ExitCode::usage" if old == "ExitCode::failed" else "ExitCode::failed"
    for match in re.finditer(r"\b(?<!numeric_limits<)(true|false|any_of|all_of|none_of|min|max|continue|front|back)\b", text):
        yield "word", match.start(), match.end(), lambda old: WORDS[old]
    for match in re.finditer(r"(?<= )[+-](?= [\w(])", text):
        yield "arithmetic", match.start(), match.end(), lambda old: {"+": "-", "-": "+"}[old]
    for match in re.finditer(r"(?<=[(\s])!(?=[\w(])", text):
        yield "removed not", match.start(), match.end(), lambda old: ""


def early_returns(text):
    pattern = r"^( *)(?:(?:static|virtual) )?(void|bool|std::optional<[^;{}()]*>|std::vector<[^;{}()]*>|std::string) [\w:]+\("
    for match in re.finditer(pattern, text, re.M):
        end = closing(text, match.end() - 1)
        body = re.compile(r"(?: const)?(?: noexcept)?(?: override)? \{\n").match(text, end + 1) if end else None
        if body:
            value = "" if match.group(2) == "void" else " {}"
            yield "early return", body.end(), body.end(), lambda old, value=value: f"return{value};\n"


def all_sites(file, text):
    """The possible changes of a source, in the order of their places."""
    plain = masked(text)
    found = []
    numbers = {}
    makers = (conditions, dropped, swapped_statements, swapped_arguments, replaced, early_returns)
    for operator, begin, end, change in sorted((one for maker in makers for one in maker(plain)), key=lambda one: one[1:3]):
        line = text.count("\n", 0, begin) + 1
        new = change(text[begin:end])
        number = numbers[line, operator] = numbers.get((line, operator), 0) + 1
        name = operator.replace(" ", "-") + (f"-{number}" if number > 1 else "")
        old = re.sub(r"\s+", " ", text[begin:end])
        shown = f"{old[:90]} -> {re.sub(chr(10) + ' *', ' ', new).strip()[:90] or '(nothing)'}"
        found.append(Site(file, line, operator, begin, end, new, shown, f"{file}:{line}:{name}"))
    return found
