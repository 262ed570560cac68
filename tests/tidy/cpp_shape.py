"""Finds functions and interfaces in C++ by their braces: good for code that clang-format laid out."""
import dataclasses
import re

import tree

_TYPE = re.compile(r"\b(class|struct|union|enum)\b")
_TYPE_NAME = re.compile(r"\b(?:class|struct|union)\s+(\w+)")
_NAME = re.compile(r"(~?\w+|operator\s*[^\s\w(]+|operator\s*\(\s*\)|operator\s+\w+)\s*\(")
_PURE = re.compile(r"\bvirtual\b.*=\s*0\s*;", re.S)


@dataclasses.dataclass
class Function:
    name: str
    line: int
    lines: int  # from the line of the opening brace to that of the closing one
    parameters: int


@dataclasses.dataclass
class Interface:
    name: str
    line: int
    pure_functions: int


@dataclasses.dataclass
class _Scope:
    kind: str  # namespace, type, function, other
    line: int
    head: str = ""
    pure: int = 0


def _is_member_initializer(head):
    """Foo::Foo() : a_{1}, b_{2} {  -- the brace after a_ opens no body."""
    return bool(re.search(r"\)[^()]*:(?!:)", head)) and bool(re.search(r"[\w>]\s*$", head)) \
        and not re.search(r"\)\s*(const|noexcept|override|final)\s*$", head)


def _top_level(head):
    """The text outside of all parentheses and template brackets."""
    out, depth = [], 0
    for char in head:
        depth += char in "(["
        if depth == 0:
            out.append(char)
        depth -= char in ")]"
    return "".join(out)


def _kind(head, inside):
    flat = _top_level(head)
    if inside in ("function", "other"):
        return "other"
    if re.search(r'\bnamespace\b|\bextern\s*"', flat):
        return "namespace"
    bare = re.sub(r"template\s*<.*?>\s*(?=class|struct|union|enum|\w)", "", flat, flags=re.S)
    if _TYPE.search(bare) and ("(" not in head or re.search(r"\b(alignas|__attribute__)\b", head)):
        return "type"
    if "(" in head and "=" not in re.sub(r"operator\s*\S+|[=!<>]=", "", flat):
        return "function"
    return "other"


def _parameters(head):
    named = [found for found in _NAME.finditer(head)
             if found.group(1) not in ("requires", "noexcept", "decltype", "alignas", "if", "while")
             and not found.group(1).startswith("PETREL_")]
    if not named:
        return "?", 0
    first = named[0]
    depth, commas, filled = 0, 0, False
    for char in head[first.end() - 1:]:
        depth += char in "([{<"
        depth -= char in ")]}>"
        if depth == 0:
            break
        commas += char == "," and depth == 1
        filled = filled or not (char.isspace() or char in "()")
    return " ".join(first.group(1).split()), commas + 1 if filled else 0


def scan(text):
    """All functions with a body and all types with pure virtual functions of a file."""
    code = re.sub(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", lambda m: "\n" * m.group(0).count("\n"),
                  tree.code_of(text), flags=re.M)
    functions, interfaces, stack = [], [], []
    head, line, init_depth, paren = "", 1, 0, 0
    for char in code:
        line += char == "\n"
        if init_depth:
            init_depth += (char == "{") - (char == "}")
            continue
        paren = max(0, paren + (char in "([") - (char in ")]"))
        if char == "{":
            if paren or _is_member_initializer(head):
                init_depth = 1
                head += " }"
                continue
            inside = stack[-1].kind if stack else "namespace"
            stack.append(_Scope(_kind(head, inside), line, head))
            head = ""
        elif char == "}":
            scope = stack.pop() if stack else _Scope("other", line)
            if scope.kind == "function":
                name, count = _parameters(scope.head)
                functions.append(Function(name, scope.line, line - scope.line + 1, count))
            elif scope.kind == "type" and scope.pure:
                named = _TYPE_NAME.search(scope.head)
                interfaces.append(Interface(named.group(1) if named else "?", scope.line, scope.pure))
            head = ""
        elif char == ";" and not paren:
            if stack and stack[-1].kind == "type" and _PURE.search(head + ";"):
                stack[-1].pure += 1
            head = ""
        else:
            head += char
    return functions, interfaces
