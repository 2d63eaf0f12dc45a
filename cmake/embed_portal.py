"""Writes a C++ file that holds every file of a folder, with its media type, digest and a gzip form.

usage: embed_portal.py DIST_FOLDER OUTPUT.cpp
"""

import gzip
import hashlib
import mimetypes
import pathlib
import sys

COMPRESSED_ALREADY = {".woff2", ".png", ".jpg", ".webp", ".gz"}


def main() -> None:
    folder, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    if not (folder / "index.html").is_file():
        sys.exit(f"{folder}/index.html is missing: build the portal first (make portal)")
    data = output.parent / "portal_data"
    data.mkdir(parents=True, exist_ok=True)
    sections, declarations, rows = [], [], []

    def embed(name: str, path: pathlib.Path) -> str:
        sections.append(
            f'.global {name}\\n{name}:\\n.incbin \\"{path}\\"\\n.global {name}_end\\n{name}_end:\\n'
        )
        declarations.append(f"extern const char {name}[], {name}_end[];")
        return f"std::string_view({name}, static_cast<std::size_t>({name}_end - {name}))"

    for number, path in enumerate(sorted(p for p in folder.rglob("*") if p.is_file())):
        content = path.read_bytes()
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        if kind.startswith("text/") or kind.endswith(("javascript", "json")):
            kind += "; charset=utf-8"
        plain = embed(f"maru_portal_{number}", path.resolve())
        packed = "std::string_view()"
        if path.suffix not in COMPRESSED_ALREADY:
            zipped = gzip.compress(content, 9, mtime=0)
            if len(zipped) < len(content):
                target = data / f"{number}.gz"
                target.write_bytes(zipped)
                packed = embed(f"maru_portal_{number}_gzip", target.resolve())
        name = "/" + path.relative_to(folder).as_posix()
        digest = hashlib.sha256(content).hexdigest()[:32]
        rows.append(f'    {{"{name}", "{kind}", "\\"{digest}\\"", {plain}, {packed}}},')

    lines = [
        '#include "server/portal.hpp"',
        "",
        "// The assembler takes the files in as they are: no compiler reads megabytes of numbers.",
        'asm(".section .rodata\\n"',
        *[f'    "{section}"' for section in sections],
        '    ".text\\n");',
        'extern "C" {',
        *declarations,
        "}",
        "namespace maru::server {",
        "const std::vector<PortalFile>& portal_files() {",
        "    static const std::vector<PortalFile> files = {",
        *rows,
        "    };",
        "    return files;",
        "}",
        "}  // namespace maru::server",
    ]
    output.write_text("\n".join(lines) + "\n")


main()
