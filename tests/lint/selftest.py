"""Shows that every check of lint.py, and the clang-tidy configuration, can fail: each example is a
small tree with one fault in it, and the same tree without the fault passes."""

import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

GUARDED = "#ifndef ZKFS_STORE_TREE_H\n#define ZKFS_STORE_TREE_H\n#endif\n"
LONG_BODY = "    x++;\n" * 71

# check, what is wrong, path, text, words of the finding (None: all is well)
EXAMPLES = [
    ("layers", "fs knows the store", "fs/a.c", '#include "store/tree.h"\n', "fs must not know"),
    ("layers", "downwards", "server/a.c", '#include "store/tree.h"\n', None),
    ("layers", "not from the root", "store/a.c", '#include "tree.h"\n', "no path from the root"),
    ("doors", "a second door to LMDB", "store/txnlog.c", "#include <lmdb.h>\n", "belongs to"),
    ("doors", "the door itself", "store/checkpoint_load.c", "#include <lmdb.h>\n", None),
    ("doors", "libuv in the core", "server/core/a.c", "#include <uv.h>\n", "belongs to"),
    ("doors", "libuv in the server", "server/a.c", "#include <uv.h>\n", None),
    ("doors", "FUSE in the session", "fs/client.c", "#include <fuse_lowlevel.h>\n", "belongs to"),
    ("doors", "a clock in the tree", "store/tree.c", "#include <time.h>\n", "no clock"),
    ("doors", "files past the seam", "store/txnlog.c", "#include <fcntl.h>\n", "struct disk"),
    ("doors", "store in Zab", "replication/zab.c", '#include "store/tree.h"\n', "not know"),
    ("doors", "store in its driver", "replication/driver.c", '#include "store/tree.h"\n', None),
    (
        "calls",
        "a clock without its header",
        "replication/zab.c",
        "long time(long *); long now(void); long now(void) { return time(0); }\n",
        "no clock: time()",
    ),
    (
        "calls",
        "a clock in the driver",
        "replication/driver.c",
        "long time(long *); long now(void); long now(void) { return time(0); }\n",
        None,
    ),
    (
        "calls",
        "chance",
        "server/core/a.c",
        "int rand(void); int r(void); int r(void) { return rand(); }\n",
        "random numbers: rand()",
    ),
    (
        "calls",
        "an unbounded copy",
        "fs/a.c",
        "char *strcpy(char *, const char *); char *c(char *a, char *b) { return strcpy(a, b); }\n",
        "no bound",
    ),
    (
        "calls",
        "memory past the one door",
        "fs/a.c",
        "char *strdup(const char *); char *c(char *a); char *c(char *a) { return strdup(a); }\n",
        "memory comes from proto/base/mem.h",
    ),
    ("guards", "another header's guard", "store/b.h", GUARDED, "ZKFS_STORE_B_H"),
    ("globals", "a static counter", "store/a.c", "int f(void) { static int n; return ++n; }\n", "n."),
    ("globals", "a global", "proto/a.c", "int counter = 3;\n", "mutable global counter"),
    ("globals", "of the main loop", "server/a.c", "int counter = 3;\n", None),
    ("globals", "a const table", "proto/a.c", 'const char *const t[] = {"a"};\n', None),
    ("sizes", "a long file", "fs/a.c", "\n" * 601, "second idea"),
    ("sizes", "a long function", "fs/a.c", f"int f(int x)\n{{\n{LONG_BODY}}}\n", "split it"),
    (
        "sizes",
        "a long function with a reason",
        "fs/a.c",
        f"/* Long because of its one table. */\nint f(int x)\n{{\n{LONG_BODY}}}\n",
        None,
    ),
    ("words", "left for later", "fs/a.c", "/* TO" + "DO: all of it */\n", "finish it"),
    ("words", "dead code", "fs/a.c", "#if " + "0\n#endif\n", "finish it"),
]

TIDY_EXAMPLE = "int f(void);\nint f(void)\n{\n    int *p = 0;\n\n    return *p;\n}\n"


def write(root, path, text):
    full = os.path.join(root, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "w", encoding="utf-8") as file:
        file.write(text)
    return full


def run_lint(check, path, text):
    """Gives exit status and output of CHECK on a tree with just this file (and a header)."""
    with tempfile.TemporaryDirectory() as root:
        write(root, "store/tree.h", GUARDED)
        source = write(root, path, text)
        objects = os.path.join(root, "obj")
        if check in ("calls", "globals"):
            target = os.path.join(objects, path[:-2] + ".o")
            os.makedirs(os.path.dirname(target))
            subprocess.run(
                ["gcc", "-w", "-fPIE", "-fno-builtin", "-c", "-o", target, source], check=True
            )
        done = subprocess.run(
            [sys.executable, f"{HERE}/lint.py", "--root", root, "--objects", objects, check],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr


def tidy_can_fail():
    with tempfile.TemporaryDirectory() as root:
        source = write(root, "a.c", TIDY_EXAMPLE)
        done = subprocess.run(
            ["clang-tidy", "--quiet", f"--config-file={ROOT}/.clang-tidy", source, "--"],
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode != 0 and "null pointer" in done.stdout


def main():
    wrong = []
    for check, what, path, text, finding in EXAMPLES:
        status, output = run_lint(check, path, text)
        wanted = "FAILED" if finding else "ok"
        if (
            status != int(finding is not None)
            or f"lint {check}: {wanted}" not in output
            or (finding or "") not in output
        ):
            wrong.append(f"selftest: {check}: {what}: exit status {status}\n{output}")
    if not tidy_can_fail():
        wrong.append("selftest: clang-tidy found nothing in a file with a fault")
    print("\n".join(wrong), end="\n" if wrong else "")
    print(f"lint selftest: {'FAILED' if wrong else 'ok'} ({len(EXAMPLES) + 1} examples)")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
