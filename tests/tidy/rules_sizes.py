"""Sizes of files, headers, functions, parameter lists and interfaces (style: small units)."""
import cpp_shape
import tree

FILE_LINES, HEADER_LINES, FUNCTION_LINES, PARAMETERS, INTERFACE_FUNCTIONS = 800, 400, 70, 6, 12


def _allowed(root):
    """tests/tidy/allow.txt: {(kind, path, name): (size, line number)}."""
    table = {}
    path = root / "tests/tidy/allow.txt"
    for number, line in enumerate(path.read_text().splitlines() if path.exists() else (), 1):
        words = line.split("#")[0].split()
        if words:
            name = words[2] if len(words) == 4 else ""
            table[(words[0], words[1], name)] = (int(words[-1]), number)
    return table


def _file_sizes(root):
    suffixes = (".cc", ".h", ".py", ".sh", ".go", ".rs", ".mjs", ".js", ".ts", ".java", ".c")
    for path in tree.files(root, *suffixes):
        lines = tree.text_of(root, path).count("\n")
        limit = HEADER_LINES if path.suffix == ".h" else FILE_LINES
        yield ("file", str(path), ""), 1, lines, limit, "lines in this file"


def _function_sizes(root):
    for path in tree.files(root, ".cc", ".h", under=("src/", "include/", "bench/")):
        functions, interfaces = cpp_shape.scan(tree.text_of(root, path))
        for found in functions:
            yield (("function", str(path), found.name), found.line, found.lines, FUNCTION_LINES,
                   f"lines in {found.name}()")
            yield (("parameters", str(path), found.name), found.line, found.parameters, PARAMETERS,
                   f"parameters of {found.name}()")
        for found in interfaces:
            yield (("interface", str(path), found.name), found.line, found.pure_functions,
                   INTERFACE_FUNCTIONS, f"functions in interface {found.name}")


def sizes(root):
    """Nothing is above its limit but what allow.txt lists, and that never grows."""
    allowed, needed, problems = _allowed(root), set(), []
    for measure in (_file_sizes, _function_sizes):
        for key, line, size, limit, what in measure(root):
            if size <= limit:
                continue
            needed.add(key)
            bound = allowed.get(key, (limit, 0))[0]
            if size > bound:
                problems.append(f"{key[1]}:{line}: {size} {what}, at most {bound}")
    for key, (_, number) in allowed.items():
        if key not in needed:
            problems.append(f"tests/tidy/allow.txt:{number}: {' '.join(key).strip()} fits: remove it")
    return problems
