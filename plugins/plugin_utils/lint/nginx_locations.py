# Copyright: the evenkeel.ops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NGINX: locations that nothing reaches, and those that give away files."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .nginx_model import Location, Model, Site
from .rule import Hit, Rules
from .text import mapping

RULES = Rules()
# Ends of paths: a regular expression that matches all of them is taken to match whatever comes.
ENDS = ("", "a", "a/", "a/b.html", "zq9-x.php", "x/y/z.jpg", "%C3%A9")
SYSTEM = ("/etc", "/root", "/proc", "/sys", "/dev", "/boot", "/run")
TOO_WIDE = ("/", "/var", "/usr", "/home", "/var/lib", "/var/log")
LITERAL = re.compile(r"\^((?:[\w/-]|\\[./-])*)")


def catches_all(location: Location, prefix: str) -> bool:
    """Whether a regular expression matches every path below a prefix."""
    return all(location.matches(prefix + end) for end in ENDS)


def literal(location: Location) -> str:
    """The text that every path begins with that an anchored regular expression matches."""
    found = LITERAL.match(location.pattern)
    if not found or "|" in re.sub(r"\([^()]*\)", "", location.pattern):
        return ""
    start = found[1].replace("\\", "")
    # What is followed by a quantifier may be absent.
    return start[:-1] if location.pattern[found.end() :][:1] in ("?", "*", "{") else start


def prefixes(site: Site) -> Iterator[Location]:
    """Locations of a prefix that give way to regular expressions."""
    yield from (each for each in site.locations if each.kind == "" and each.prefix)


@RULES.add(
    "NG001",
    "warning",
    "A regular expression takes every request of a prefix",
    why="NGINX asks regular expressions after it found the prefix, and the first that matches wins",
    remedy="Write the prefix with ^~, or narrow the regular expression.",
)
def shadowed_prefix(model: Model) -> Iterator[Hit]:
    """A prefix with ^~ and an exact path are safe."""
    for site in model.sites:
        for location in prefixes(site):
            for other in site.locations:
                if other.regex and catches_all(other, location.pattern):
                    yield Hit(location.where, f"{other.path} matches all of it")


@RULES.add(
    "NG002",
    "warning",
    "A regular expression stands behind one that matches everything, or the same",
    why="the first that matches wins, so this one is never used",
    remedy="Put it first, or take it out.",
)
def dead_regex(model: Model) -> Iterator[Hit]:
    """In the order of the site."""
    for site in model.sites:
        earlier: list[Location] = []
        for location in (each for each in site.locations if each.regex):
            for other in earlier:
                same = other.pattern == location.pattern and other.kind in ("~*", location.kind)
                if same or catches_all(other, "/"):
                    yield Hit(location.where, f"{other.path} stands before it")
                    break
            earlier.append(location)


@RULES.add(
    "NG003",
    "warning",
    "A regular expression lies wholly below a prefix with ^~",
    why="^~ tells NGINX to ask no regular expression for these paths",
    remedy="Take ^~ off the prefix, or the regular expression out.",
)
def regex_below_prefix(model: Model) -> Iterator[Hit]:
    """Anchored ones only; of others nobody can say."""
    for site in model.sites:
        strong = [each for each in site.locations if each.kind == "^~"]
        for location in (each for each in site.locations if each.regex):
            start = literal(location)
            for other in strong:
                if start.startswith(other.pattern) and not _between(site, other.pattern, start):
                    yield Hit(location.where, f"{other.path} takes all of it")


def _between(site: Site, outer: str, inner: str) -> bool:
    """Whether a longer prefix gives some of the paths back to the regular expressions."""
    return any(each.pattern.startswith(outer) and len(each.pattern) > len(outer) for each in prefixes(site))


@RULES.add(
    "NG004",
    "error",
    "An alias can be left upwards",
    why="a request for the location followed by ../ reads files beside the directory",
    remedy="End the location's path with / as the alias does.",
)
def alias_traversal(model: Model) -> Iterator[Hit]:
    """A prefix without a slash at its end, an alias with one."""
    for location in model.locations:
        alias = location.value("alias")
        if location.prefix and alias.endswith("/") and not location.pattern.endswith("/"):
            yield Hit(location.where, f"alias {alias} ends with / and the path does not")


@RULES.add(
    "NG005",
    "warning",
    "An alias lacks the slash that its location has",
    why="the rest of the path is glued to the directory's name, so files are not found or others are",
    remedy="End the alias with /.",
)
def alias_without_slash(model: Model) -> Iterator[Hit]:
    """The other way round."""
    for location in model.locations:
        alias = location.value("alias")
        if location.prefix and alias and location.pattern.endswith("/") and not alias.endswith("/"):
            yield Hit(location.where, f"alias is {alias}")


@RULES.add(
    "NG006",
    "warning",
    "if decides inside a location",
    why="inside a location it makes one of its own, which takes over only some directives",
    remedy="Use a map and a variable, try_files, or a location of its own; if is safe with return alone.",
)
def if_in_location(model: Model) -> Iterator[Hit]:
    """With return alone it does what it says."""
    for location in model.locations:
        for line in location.lines:
            if re.match(r"if\s*\(", line) and not re.search(r"\{\s*return\s[^;]*;\s*\}\s*$", line):
                yield Hit(location.where, f"it has an if on {_asked(line)}")


def _asked(line: str) -> str:
    """What the condition looks at, without what it compares with, which may be secret."""
    found = re.search(r"\$\{?\w+|-[a-z]\b", line)
    return found[0] if found else "a condition"


@RULES.add(
    "NG007",
    "error",
    "A site serves files of the system",
    why="whoever guesses a path reads keys, passwords and logs",
    remedy="Serve a directory that holds the site's files and nothing else, such as /srv/www/<site>.",
)
def wide_root(model: Model) -> Iterator[Hit]:
    """Root and alias, of data and of lines."""
    places = [(site.where, "root", str(site.data.get("root") or "")) for site in model.sites]
    places += [
        (each.where, key, str(each.data.get(key) or "")) for each in model.locations for key in ("root", "alias")
    ]
    places += list(model.said("root", "alias"))
    for where, key, path in places:
        bare = path.rstrip("/") or path[:1]
        if bare in TOO_WIDE or any(bare == each or bare.startswith(f"{each}/") for each in SYSTEM):
            yield Hit(where, f"{key} is {path}")


@RULES.add(
    "NG008",
    "warning",
    "Headers of lines are hidden",
    why="add_header in a location hides all of its site, and in a site all of nginx_http_lines",
    remedy="Give the headers as data (headers of the site): the role repeats them where they would be hidden.",
)
def hidden_headers(model: Model) -> Iterator[Hit]:
    """The role repeats what it knows as data; it does not read lines."""
    for site in model.sites:
        adds = any(line.startswith("add_header ") for line in site.lines)
        for location in site.locations if adds else ():
            own = mapping(location.data.get("headers")) or location.data.get("cache")
            if own or any(line.startswith("add_header ") for line in location.lines):
                yield Hit(location.where, f"it has headers, and lines of {site.where} have add_header")
    adds_to_all = any(line.startswith("add_header ") for line in model.lines)
    for site in model.sites if adds_to_all else ():
        if site.secured or site.headers or any(line.startswith("add_header ") for line in site.lines):
            yield Hit(site.where, "it has headers, and nginx_http_lines have add_header")


@RULES.add(
    "NG009",
    "advice",
    "Files whose names begin with a dot are served",
    why="a forgotten .git or .env tells sources and passwords",
    remedy=r"Add a location `~ /\.(?!well-known/)` that returns 404.",
)
def dot_files(model: Model) -> Iterator[Hit]:
    """Where files are served at all."""
    for site in model.sites:
        guarded = any(each.regex and each.matches("/.git/config") for each in site.locations)
        if (site.data.get("root") or any(each.value("root") for each in site.locations)) and not guarded:
            yield Hit(site.where, "no location refuses them")


@RULES.add(
    "NG010",
    "warning",
    "Directories are listed",
    why="everybody sees which files there are, also those that no page links to",
    remedy="Take autoindex on out, or let only the networks in that need the list.",
)
def listed_directories(model: Model) -> Iterator[Hit]:
    """Unless networks are named."""
    closed = {each.where for each in model.locations if each.data.get("allow")}
    for where, _name, value in model.said("autoindex"):
        if value == "on" and where not in closed:
            yield Hit(where, "autoindex is on")
