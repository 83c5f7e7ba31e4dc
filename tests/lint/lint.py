"""Checks of the rules that a compiler does not know: who may include whom, who may use which
outside library, what must be pure, header guards, mutable globals, sizes.

    lint.py [--root DIR] [--objects DIR] CHECK...

Each check prints its findings as FILE:LINE: text and then "lint CHECK: ok" or "FAILED". The rules
are the tables at the head of this file; selftest.py shows that each of them can fail.
"""

import argparse
import fnmatch
import os
import re
import subprocess
import sys

# ---------------------------------------------------------------- the rules

# A room is a folder; the first prefix that fits decides.
ROOMS = ["proto/base", "proto", "store", "replication", "server/core", "server", "fs", "tests"]

MAY_INCLUDE = {
    "proto/base": {"proto/base"},
    "proto": {"proto", "proto/base"},
    "store": {"store", "proto", "proto/base"},
    "replication": {"replication", "store", "proto", "proto/base"},
    "server/core": {"server/core", "replication", "store", "proto", "proto/base"},
    "server": {"server", "server/core", "replication", "store", "proto", "proto/base"},
    "fs": {"fs", "proto", "proto/base"},
    "tests": set(ROOMS),
}

# Patterns of paths: the first that fits decides, "!" in front means that it does not belong.
# (fnmatch: a * matches a / as well.)
REPLICATION_CORE = ["!replication/driver*", "replication/*"]
# What runs in the simulator: events in, actions out; no time, no chance, no files, no sockets.
PURE = [
    "!proto/base/log.c",
    "!proto/base/assert.c",  # die() writes to stderr
    "proto/*",
    "store/tree*",
    "store/apply*",
    "store/digest*",
    "server/core/*",
    *REPLICATION_CORE,
]
# Files are touched through struct disk; LMDB keeps its own.
DISK_USERS = ["!store/disk_posix.c", "!store/checkpoint*.c", "store/*"]

# An outside header and the only files that may include it.
DOORS = {
    r"lmdb\.h": ["store/checkpoint*"],
    r"fuse.*\.h": ["fs/mount*.c", "fs/ops_*.c"],
    r"openssl/.*": ["server/core/acl*.c", "proto/*digest*.c", "proto/sha1.c"],
    r"uv\.h": ["replication/driver*", "!server/core/*", "server/*", "fs/*"],
}

FILE_HEADERS = r"fcntl\.h|unistd\.h|dirent\.h|sys/(stat|uio|file|mman|statvfs)\.h"
# Headers that a set of files must not see: what, which headers, which files.
CLOSED = [
    ("the replication core does not know the store", r"store/.*", REPLICATION_CORE),
    ("pure code reads no clock", r"(sys/)?time\.h|sys/timerfd\.h", PURE),
    ("pure code draws no random numbers", r"sys/random\.h", PURE),
    (
        "pure code opens no socket",  # but arpa/inet.h: an address as text is a text
        r"sys/(socket|un|epoll|select)\.h|netdb\.h|poll\.h",
        PURE,
    ),
    ("pure code touches no file", FILE_HEADERS, PURE),
    ("pure code starts no thread", r"pthread\.h|threads\.h|semaphore\.h", PURE),
    ("store/ touches files through struct disk", FILE_HEADERS, DISK_USERS),
]

# The same for functions, read from the object files, where no macro can hide a call.
CLOCK_CALLS = r"time|clock_gettime|gettimeofday|nanosleep|usleep|sleep|timerfd_.*"
CHANCE_CALLS = r"s?rand(om)?|rand_r|getrandom|getentropy|arc4random.*|[ledjmn]+rand48"
SOCKET_CALLS = r"socket|connect|accept4?|bind|listen|send(to|msg)?|recv(from|msg)?|poll|epoll_.*"
FILE_CALLS = (
    r"f?open(at)?(64)?|creat(64)?|p?(read|write)v?2?(64)?|unlink(at)?|rename(at2?)?|mkdir(at)?"
    r"|rmdir|fsync|fdatasync|f?truncate(64)?|(posix_)?fallocate(64)?|opendir|fdopendir|f?stat(at)?"
    r"|flock|mmap"
)
FORBIDDEN_CALLS = [
    ("pure code reads no clock", CLOCK_CALLS, PURE),
    ("pure code draws no random numbers", CHANCE_CALLS, PURE),
    ("pure code opens no socket", SOCKET_CALLS, PURE),
    ("pure code touches no file", FILE_CALLS, PURE),
    ("pure code starts no thread", r"pthread_.*|thrd_.*", PURE),
    ("store/ touches files through struct disk", FILE_CALLS, DISK_USERS),
    (
        "memory comes from proto/base/mem.h, which ends the process when there is none",
        r"(m|c|re|aligned_)alloc|reallocarray|posix_memalign|strn?dup|v?asprintf|getline",
        ["!proto/base/mem.c", "*"],
    ),
    ("no bound on what it writes", r"strcpy|strcat|v?sprintf|gets|stpcpy", ["*"]),
    ("keeps hidden state", r"strtok|strerror_l|asctime|ctime|gmtime|localtime|inet_ntoa", ["*"]),
]

# Many servers live in one process of the simulator: no state outside a struct.
NO_GLOBALS = ["proto/*", "store/*", "replication/*", "server/core/*"]
ALLOWED_GLOBALS = {("proto/base/log.c", "log_level_max")}

FILE_LINES_MAX = 600
TEST_LINES_MAX = 900  # a list of stories may be longer than an idea
FUNCTION_LINES_MAX = 70
# A longer function gives its reason in the comment above it, with these words.
LONG_REASON = re.compile(r"\blong because\b", re.I)

SOURCE_DIRS = ["proto", "store", "replication", "server", "fs", "tests"]

# ---------------------------------------------------------------- the tree


class Tree:
    """The sources below ROOT by path, and the objects made of them."""

    def __init__(self, root, objects):
        self.root = root
        self.objects = objects
        self.paths = []
        for top in SOURCE_DIRS:
            for folder, _, names in os.walk(os.path.join(root, top)):
                self.paths += [
                    os.path.relpath(os.path.join(folder, name), root)
                    for name in names
                    if name.endswith((".c", ".h"))
                ]
        self.paths.sort()

    def lines(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8") as file:
            return file.read().split("\n")

    def includes(self):
        """Gives (path, line number, quoted with "", included name)."""
        for path in self.paths:
            for number, line in enumerate(self.lines(path), 1):
                match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
                if match:
                    yield path, number, match[1] == '"', match[2]

    def symbols(self):
        """Gives (path of the source, symbol, class, section) for every object of the rooms."""
        for path in self.paths:
            if not path.endswith(".c") or path.startswith("tests/"):
                continue
            target = os.path.join(self.objects, path[:-2] + ".o")
            if not os.path.exists(target):
                raise SystemExit(f"lint: {target} is not there; run make first")
            output = subprocess.run(
                ["nm", "--format=sysv", target], check=True, capture_output=True, text=True
            ).stdout
            for line in output.split("\n"):
                fields = [field.strip() for field in line.split("|")]
                if len(fields) == 7 and fields[0] != "Name":
                    yield path, fields[0], fields[2], fields[6]


def belongs(path, patterns):
    for pattern in patterns:
        if fnmatch.fnmatch(path, pattern.lstrip("!")):
            return not pattern.startswith("!")
    return False


def room_of(path):
    for room in ROOMS:
        if path.startswith(room + "/"):
            return room
    return None


# ---------------------------------------------------------------- the checks
# Each gives its findings as text.


def check_layers(tree):
    """Includes follow the arrows: server -> replication -> store -> proto <- fs."""
    for path, number, quoted, name in tree.includes():
        if not quoted:
            continue
        if "/" not in name or not os.path.exists(os.path.join(tree.root, name)):
            yield f'{path}:{number}: "{name}" is no path from the root of the project'
        elif room_of(name) not in MAY_INCLUDE[room_of(path)]:
            yield f"{path}:{number}: {room_of(path)} must not know {name}"


def check_doors(tree):
    """One outside library, one door; what is pure sees no clock, file or socket."""
    for path, number, quoted, name in tree.includes():
        if path.startswith("tests/"):
            continue
        for header, allowed in DOORS.items():
            if not quoted and re.fullmatch(header, name) and not belongs(path, allowed):
                yield f"{path}:{number}: <{name}> belongs to {' '.join(allowed)}"
        for why, headers, files in CLOSED:
            if re.fullmatch(headers, name) and belongs(path, files):
                yield f"{path}:{number}: {why}: {name}"


def check_calls(tree):
    """The same rules for calls, whatever header declared them; and functions nobody should use."""
    for path, symbol, kind, _ in tree.symbols():
        if kind != "U":
            continue
        # What fortified and large-file builds make of a name.
        plain = re.sub(r"^__|_chk$|@.*", "", symbol)
        for why, calls, files in FORBIDDEN_CALLS:
            if re.fullmatch(calls, plain) and belongs(path, files):
                yield f"{path}: {why}: {plain}()"


def check_guards(tree):
    """A header is guarded by its own path, so that no two share a guard."""
    for path in tree.paths:
        if not path.endswith(".h"):
            continue
        guard = "ZKFS_" + re.sub(r"[^A-Z0-9]", "_", path.upper())
        directives = [line for line in tree.lines(path) if line.startswith("#")]
        wanted = [f"#ifndef {guard}", f"#define {guard}"]
        if directives[:2] != wanted or not directives[-1].startswith("#endif"):
            yield f"{path}:1: wants the guard {guard}"


def check_globals(tree):
    """No mutable globals, not even static ones (const tables with pointers are fine)."""
    for path, symbol, _, section in tree.symbols():
        mutable = re.match(r"\.(t?data|t?bss)\b", section) or section == "*COM*"
        if not mutable or section.startswith(".data.rel.ro"):
            continue
        if belongs(path, NO_GLOBALS) and (path, symbol) not in ALLOWED_GLOBALS:
            yield f"{path}: mutable global {symbol}"


def function_lengths(lines):
    """Gives (first line, lines, comment above). The layout puts a function's braces in column 0."""
    start = 0
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            above = "\n".join(lines[max(0, start - 25) : start])
            comment = above[above.rfind("/*") :] if "/*" in above else ""
            yield start, number - start - 1, comment
            start = 0


def check_sizes(tree):
    """A file is one idea, a function fits a screen or says why not."""
    for path in tree.paths:
        lines = tree.lines(path)
        if len(lines) > (TEST_LINES_MAX if path.startswith("tests/") else FILE_LINES_MAX):
            yield f"{path}:1: {len(lines)} lines: look for the second idea"
        for start, length, comment in function_lengths(lines):
            if length > FUNCTION_LINES_MAX and not LONG_REASON.search(comment):
                yield f'{path}:{start}: {length} lines: split it, or say "long because"'


def check_words(tree):
    """Nothing is left for later, and nothing points at the machine of the author."""
    for path in tree.paths:
        for number, line in enumerate(tree.lines(path), 1):
            if re.search(r"\b(TODO|FIXME|XXX)\b|#if 0", line):
                yield f"{path}:{number}: finish it or delete it: {line.strip()}"
            if re.search(r'["\s](/home/|/root/|/work/)', line):
                yield f"{path}:{number}: a path of one machine: {line.strip()}"


CHECKS = {
    name[len("check_") :]: function
    for name, function in list(globals().items())
    if name.startswith("check_")
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--root", default=".")
    parser.add_argument("--objects", default="build/obj", help="where the compiled rooms are")
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=" ".join(CHECKS))
    args = parser.parse_args()
    tree = Tree(args.root, args.objects)
    failed = False

    for name in args.checks or CHECKS:
        findings = sorted(set(CHECKS[name](tree)))
        for finding in findings:
            print(finding)
        print(f"lint {name}: {'FAILED' if findings else 'ok'}", flush=True)
        failed = failed or bool(findings)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
