"""What poison.py looks for in one text or one name; each rule is a line or two, and says where it struck."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from app.integrations import characters

Hit = tuple[str, int]
"""(kind, index of the first character of it)."""

MAX_TITLE = 100
MAX_DESCRIPTION = 4_000
MAX_TEXT = 8_000
_WINDOW = 80
"""So many characters after “use”, “call” and the like are looked through for the name of another tool."""

_NAME = re.compile(r"[A-Za-z0-9_./-]{1,128}")
_IS_WORD = re.compile(r"[a-z]+")

# What is not seen

_RUN_OF_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2,}|[\U000e0100-\U000e01ef]")
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("tag_characters", re.compile("[\U000e0000-\U000e007f]")),
    ("variation_selectors", _RUN_OF_SELECTORS),
    ("direction", re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")),
    ("control", re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")),
    ("broken_text", re.compile("[\ud800-\udfff]")),
    ("blanks", re.compile(r"(?:[ \t]{0,20}\r?\n){12}|[ \t\u00a0\u2000-\u200a\u3000]{80}")),
    ("encoded", re.compile(r"[A-Za-z0-9+/]{40}|[0-9a-fA-F]{40}|(?:%[0-9a-fA-F]{2}){8}|(?:\\x[0-9a-fA-F]{2}){8}")),
    ("encoded", re.compile(r"(?:\\u\{?[0-9a-fA-F]{4}\}?){6}|(?:&#x?[0-9a-fA-F]{1,6};){6}")),
)
_PICTURE = re.compile("[\ufe0f\U0001f3fb-\U0001f3ff]")

# What speaks to the model

_TAG = (
    r"important|system|instructions?|assistant|secret|hidden|admin|critical|urgent|override|prompt|developer|"
    r"tool_?(?:use|call|instructions?)|context|thinking"
)
_TEXTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("html_comment", re.compile(r"<!--|-->")),
    (
        "instruction_tag",
        re.compile(
            rf"</?\s*(?:{_TAG})\b[^<>]{{0,80}}>|<\|[a-z_]{{1,40}}\|>|\[/?inst\]|<</?sys>>|"
            rf"(?:^|\n)[ \t]{{0,20}}#{{1,6}}[ \t]{{0,20}}(?:system|instructions?)\b|\[\s*(?:{_TAG})\s*\]"
        ),
    ),
    (
        "markup",
        re.compile(
            r"</?(?:script|img|iframe|svg|style|span|div|font|object|embed|link|meta|body|input|form|video|audio|"
            r"details|template|math|base)\b"
        ),
    ),
    (
        "order",
        re.compile(
            r"\b(?:ignore|disregard|forget|override|bypass|skip)\b[^.\n]{0,40}\b(?:previous|prior|above|earlier|"
            r"preceding|other|all|any|system|safety|security)\b[^.\n]{0,40}\b(?:instructions?|prompts?|rules?|messages?|"
            r"directives?|guidelines?|descriptions?|tools?|policy|policies)\b"
        ),
    ),
    (
        "order",
        re.compile(
            r"\b(?:before|after|prior to|instead of|whenever|when|while)\s+(?:using|calling|invoking|running|executing|"
            r"you (?:use|call|invoke|run))\s+(?:any|all|every|each|another|other|the other|these|those)\b"
        ),
    ),
    (
        "order",
        re.compile(
            r"\b(?:do not|don['’]?t|never|must not|without)\s+(?:ever\s+)?(?:tell|telling|mention|mentioning|inform|"
            r"informing|reveal|revealing|show|showing|notify|notifying|ask|asking|alert|alerting|disclose|disclosing)\b"
            r"[^.\n]{0,40}\b(?:users?|human|person|anyone|them|this|it)\b"
        ),
    ),
    (
        "order",
        re.compile(
            r"\b(?:system prompt|you (?:must|have to|are required to) (?:always |first |also )?(?:call|invoke|read|"
            r"forward|execute|run|fetch)|from now on|new instructions?|"
            r"this (?:tool )?(?:takes precedence|overrides|replaces|supersedes)|only this tool)\b"
        ),
    ),
    (
        "order",
        re.compile(
            r"~/\.|\.ssh/|\bid_rsa\b|\bid_ed25519\b|/etc/passwd|\bmcp\.json\b|\.env\b(?! ?files? format)|"
            r"\b(?:pass|send|include|add|put|append|forward)\b[^.\n]{0,40}\b(?:conversation|chat history|api keys?|"
            r"credentials?|passwords?|private keys?|environment variables?|secrets?)\b"
        ),
    ),
)
_IMPERATIVE = re.compile(
    r"\b(?:use|using|call|calling|invoke|invoking|run|running|execute|prefer|avoid|instead of|rather than|before|after|"
    r"replaces?|supersedes?|overrides?|ignore|disable)\b"
)
_QUOTES = "`'\"“”‘’"
_WORD = re.compile(r"[`'\"“‘]?[A-Za-z0-9_.-]+[`'\"”’]?(?: tool\b)?")

# Where addresses belong

_ADDRESS = re.compile(r"(?:https?|ftp|wss?|file|javascript|vbscript|data):\S", re.IGNORECASE)
_SAFE_ICON = re.compile(r"https://|data:image/(?:png|jpeg|webp|gif|x-icon);base64,")
_IS_ICON = re.compile(r"\.icons\[\d+\]\.src$")
_IS_IDENTIFIER = re.compile(
    r"\.\$(?:schema|id)$|^\$\.(?:prompts|resources|resourceTemplates)\[\d+\]\.uri(?:Template)?$"
)
_IS_WEBSITE = re.compile(r"\.websiteUrl$")

_PAIRS = (
    "аa еe оo рp сc уy хx іi јj ѕs һh ԁd ԛq ԝw ɡg ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX οo νv ρp αa ιi κk τt υu "
    "АA ВB ЕE КK МM НH ОO РP СC ТT ХX ІI ЈJ ЅS ӏl ıi ʟl"
)
_LOOK_ALIKES = str.maketrans({pair[0]: pair[1] for pair in _PAIRS.split()})
"""Cyrillic, Greek and odd letters that are drawn like Latin ones; the most common of Unicode's confusables."""
_SAME_IN_NAMES = str.maketrans("0135", "oles", "_-./ ")


class Names:
    """Names of all tools of this gateway, ready to be asked for."""

    def __init__(self, names: Iterable[str]) -> None:
        self._lowered: dict[str, set[str]] = {}
        self._skeletons: dict[str, set[str]] = {}
        for name in names:
            self._lowered.setdefault(name.casefold(), set()).add(name)
            self._skeletons.setdefault(_skeleton_of_name(name), set()).add(name)

    def has_other(self, word: str, *, than: str, is_marked: bool) -> bool:
        """Whether `word`, in whatever case, names a tool that is not `than`.

        is_marked: it is quoted, or called a tool; else a tool called like any word (“search”) is not meant.
        """
        others = self._lowered.get(word.casefold(), set()) - {than}
        return any(is_marked or _IS_WORD.fullmatch(other) is None for other in others)

    def has_look_alike(self, name: str) -> bool:
        """Whether another name is drawn nearly like it."""
        return bool(self._skeletons.get(_skeleton_of_name(name), set()) - {name})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text stands: its path, the tool that it belongs to ("" for none), and all tools there are."""

    path: str
    tool: str
    names: Names


def of_name(name: str, names: Names) -> Iterator[str]:
    """Kinds of what is odd about a tool's name."""
    if _NAME.fullmatch(name) is None:
        yield "odd_name"
    if names.has_look_alike(name):
        yield "look_alike"


def of_text(text: str, place: Place, *, length: int) -> Iterator[Hit]:
    """What is odd about one text, each kind once. length: of all of it, when `text` is only its start."""
    path = place.path
    if _IS_ICON.search(path):
        if not _SAFE_ICON.match(text):
            yield "odd_icon", 0
        return
    kinds: set[str] = set()
    for rule in _RULES:
        for kind, start in rule(text, place):
            if kind not in kinds:
                kinds.add(kind)
                yield kind, start
    if length > _longest(path):
        yield "too_long", 0


def _longest(path: str) -> int:
    if path.endswith((".title", ".name")):
        return MAX_TITLE if path.endswith(".title") else 128
    return MAX_DESCRIPTION if path.endswith(".description") else MAX_TEXT


def _unseen(text: str, _place: Place) -> Iterator[Hit]:
    for kind, pattern in _PATTERNS:
        if found := pattern.search(text):
            yield kind, found.start()
    if text.isascii():
        return
    for found in characters.INVISIBLE.finditer(text):
        if not _belongs(text, found.start()):
            yield "invisible", found.start()
            return


def _belongs(text: str, at: int) -> bool:
    """Emoji are joined by U+200D and drawn in colour by U+FE0F; both are found by other rules where they don't."""
    if text[at] == "\ufe0f":
        return True
    if text[at] in "\u200e\u200f\u061c" or "\u202a" <= text[at] <= "\u202e" or "\u2066" <= text[at] <= "\u2069":
        return True  # “direction” says so
    if text[at] >= "\U000e0000" or "\ufe00" <= text[at] <= "\ufe0e":
        return True  # so do “tag_characters” and “variation_selectors”
    is_joined = text[at] == "\u200d" and 0 < at < len(text) - 1
    return is_joined and _is_picture(text[at - 1]) and _is_picture(text[at + 1])


def _is_picture(character: str) -> bool:
    return unicodedata.category(character) == "So" or _PICTURE.match(character) is not None


def _mixed(text: str, _place: Place) -> Iterator[Hit]:
    if text.isascii():
        return
    for word in re.finditer(r"\w+", text):
        if not word[0].isascii() and word[0].translate(_LOOK_ALIKES).isascii() and re.search("[A-Za-z]", word[0]):
            yield "mixed_scripts", word.start()
            return


def _spoken(text: str, place: Place) -> Iterator[Hit]:
    plain = _plain(text)
    for kind, pattern in _TEXTS:
        if found := pattern.search(plain):
            yield kind, found.start()
    for verb in _IMPERATIVE.finditer(plain):
        for word in _WORD.finditer(plain, verb.end(), verb.end() + _WINDOW):
            if _names(word[0], place):
                yield "other_tool", verb.start()
                return


def _names(word: str, place: Place) -> bool:
    is_marked = word[0] in _QUOTES or word.endswith(" tool")
    name = word.removesuffix(" tool").strip(_QUOTES).rstrip(".")
    return place.names.has_other(name, than=place.tool, is_marked=is_marked)


def _addresses(text: str, place: Place) -> Iterator[Hit]:
    path = place.path
    if path.endswith(".$ref"):
        if not text.startswith("#"):
            yield "outside_reference", 0
        return
    if _IS_IDENTIFIER.search(path) or (_IS_WEBSITE.search(path) and text.startswith("https://")):
        return
    if found := _ADDRESS.search(text):
        yield "address", found.start()


_RULES: tuple[Callable[[str, Place], Iterator[Hit]], ...] = (_unseen, _mixed, _spoken, _addresses)


def _plain(text: str) -> str:
    """In small letters of one script, with nothing invisible in between; as long as `text` for all but odd ones."""
    return characters.INVISIBLE.sub("", unicodedata.normalize("NFKC", text).translate(_LOOK_ALIKES)).lower()


def _skeleton_of_name(name: str) -> str:
    return _plain(name).translate(_SAME_IN_NAMES).replace("rn", "m").replace("vv", "w")
