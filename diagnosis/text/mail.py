"""What mail wraps around a message: quoted replies, headers, signatures, disclaimers; English, Chinese, German."""

from __future__ import annotations

import re

# Header names as Outlook, Exchange, Foxmail and NetEase write them.
_NAMES = (
    r"from|sent|to|cc|bcc|subject|date|importance|reply-to|attachments?"
    r"|von|gesendet|an|betreff|datum|wichtigkeit|anlagen"
    r"|发件人|发送时间|发送日期|收件人|抄送人?|密送|主题|日期|时间|重要性|附件|从|至|發件人|寄件者|傳送時間|收件者|副本|主旨"
)
_HEADER = re.compile(rf"^[\s>*]*(?:{_NAMES})[*\s]*[:：].*$", re.IGNORECASE)
# A block starts with who sent it; "to:" or "date:" alone are words of forms as well.
_SENDER = re.compile(r"^[\s>*]*(?:from|von|发件人|发件者|从|寄件者|發件人)[*\s]*[:：]", re.IGNORECASE)
_QUOTE_START = re.compile(
    r"^[\s>]*(?:"
    r"-{2,}\s*(?:original message|forwarded message|ursprüngliche nachricht|weitergeleitete nachricht|原始邮件|原邮件"
    r"|转发的邮件|转发邮件信息|回复的原邮件)\s*-{2,}.*"
    r"|on\b(?=.*\d).{5,120}\bwrote\s*:"
    r"|am\b(?=.*\d).{5,120}\bschrieb\b.{0,80}:"
    r"|在?.{0,20}\d{4}.{5,120}(?:写道|寫道)\s*[:：]"
    r")\s*$",
    re.IGNORECASE,
)
_SUBJECT = re.compile(r"^[\s>*]*(?:subject|betreff|主题|主旨)[*\s]*[:：]\s*(?P<words>.*\S)", re.IGNORECASE)
_SIGN_OFF = re.compile(
    r"^\s*(?:--\s?"
    r"|(?:with\s+|mit\s+)?(?:(?:best|kind|warm|many)?\s*(?:regards|wishes|thanks)"
    r"|(?:viele|freundlichen?|beste[nr]?|liebe|schöne)\s+gr(?:ü|ue)(?:ß|ss)en?(?:\s*/\s*best)?"
    r"|best|kind|sincerely|yours sincerely|cheers|mfg|gruss|gruß|rgds|b\.?rgds|br|thx|thank you|thanks a lot"
    r"|此致|敬礼|祝好|顺颂商祺|谢谢|多谢|感谢|致礼)(?:\s+regards)?\s*[!,.，。！~]*"
    r"|(?:sent from my|get outlook for|von meinem .{2,20} gesendet|发自我的|来自我的|从我的.{2,10}发送).*)\s*$",
    re.IGNORECASE,
)
# A line that speaks of a fault or asks something is no signature, though it stands below "thanks".
_FAULT = re.compile(
    r"0x[0-9a-f]|\\\\|[?？]|\b(?:err(?:or)?\b|err_|exception|fail|fehler|nicht|kein|not|can'?t|cannot|unable|still)"
    r"|错误|报错|异常|失败|无法|不能|没有|还是|不了|不上",
    re.IGNORECASE,
)
_DISCLAIMER = re.compile(
    r"this (?:e-?mail|message|communication)\b.{0,200}\b(?:confidential|privileged|intended)"
    r"|intended (?:solely|only|exclusively) for the (?:use|addressee|recipient|person|individual)"
    r"|if you (?:are not the intended|have received this (?:e-?mail|message|communication) in error)"
    r"|please consider the environment before printing"
    r"|diese (?:e-?mail|mitteilung|nachricht)\b.{0,200}\b(?:vertraulich|bestimmt)"
    r"|(?:本|此)(?:电子)?邮件.{0,60}(?:机密|保密|仅供|仅限|收件人)"
    r"|(?:若|如果?)(?:您|你)?(?:并?非|不是|错误|误收).{0,30}(?:收件人|邮件)"
    r"|(?:保密|免责)声明[:：]",
    re.IGNORECASE | re.DOTALL,
)
_SIGNATURE_LINES = 12  # a sign-off is one when little follows it: names, a role, an address
_SIGNATURE_CHARS = 90  # and no line of it is a sentence
_ENOUGH = (
    40  # letters (a Han character counts as three): a message shorter than this says what it means in what it quotes
)


def split_messages(text: str) -> list[str]:
    """Split a mail into its messages, newest first, without the header lines that stood between them.

    The subject stays where a header is the first thing in the text: nothing else may say what the mail is about.
    """
    messages: list[list[str]] = [[]]
    lines = text.split("\n")
    position = 0
    while position < len(lines):
        end = _header_end(lines, position)
        if end > position:
            subjects = [match["words"] for line in lines[position:end] if (match := _SUBJECT.match(line))]
            messages.append([] if position else subjects)
            position = end
            continue
        line = lines[position]
        messages[-1].append(line.lstrip("> ") if line.startswith(">") else line)
        position += 1
    return [message for message in ("\n".join(m).strip() for m in messages) if message]


def newest_message(text: str) -> str:
    """Return the newest message of a mail, with the next older ones as long as it says too little by itself."""
    newest, *older = [without_disclaimer(without_signature(message)) for message in split_messages(text)] or [""]
    while older and _weight(newest) < _ENOUGH:
        newest = f"{newest}\n{older.pop(0)}".strip()
    return newest


def without_signature(message: str) -> str:
    """Return a message up to its sign-off, if what follows looks like a signature and not like more message."""
    lines = message.split("\n")
    for i in range(max(1, len(lines) - 1 - _SIGNATURE_LINES), len(lines)):
        if _SIGN_OFF.match(lines[i]) and all(map(_in_signature, lines[i + 1 :])):
            return "\n".join(lines[:i]).rstrip()
    return message


def without_disclaimer(message: str) -> str:
    """Return a message without the paragraphs that are a legal notice."""
    return "\n".join(line for line in message.split("\n") if not _DISCLAIMER.search(line)).strip()


def _header_end(lines: list[str], start: int) -> int:
    """Return the line after a header block or quotation mark that begins at ``start``, or ``start`` if none does."""
    if _QUOTE_START.match(lines[start]):
        return start + 1
    following = lines[start + 1] if start + 1 < len(lines) else ""
    if following.endswith((":", "：")) and _QUOTE_START.match(f"{lines[start]} {following}"):
        return start + 2  # mail clients break long lines
    if not _SENDER.match(lines[start]):
        return start
    end, headers = start, 0
    while end < len(lines) and (_HEADER.match(lines[end]) or (headers == 1 and not lines[end].strip())):
        headers += bool(lines[end].strip())
        end += 1
    return end if headers >= 2 else start


def _in_signature(line: str) -> bool:
    if _DISCLAIMER.search(line):
        return True
    return len(line) <= _SIGNATURE_CHARS and not _FAULT.search(line)


def _weight(text: str) -> int:
    return sum(3 if char > "⺀" else 1 for char in text if char.isalpha())
