#!/usr/bin/env python3
"""Prints the messages in the sources that name a command of mdevadm, one regular expression a line.

usage: hints.py FILE...        the messages of C++ sources
       hints.py --unseen LOG FILE...   those of which LOG, the lines that a test saw, has none

A message is a sequence of adjacent string literals that contains ": mdevadm COMMAND" or "see mdevadm COMMAND".
Each {} of a format string matches any text.
"""
import re
import sys

LITERALS = re.compile(r'"(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*')
NAMES_COMMAND = re.compile(r'(?:: |see )mdevadm [a-z]')
# "mdevadm: " starts every line of output; "mdevadm -" and usage lines are not advice.


def messages(path):
    text = re.sub(r'(?m)^\s*//.*$', '', open(path, encoding='utf-8').read())
    for match in LITERALS.finditer(text):
        parts = re.findall(r'"((?:[^"\\\n]|\\.)*)"', match.group())
        message = ''.join(parts).replace('\\"', '"').replace('\\n', '\n').replace('\\\\', '\\')
        if NAMES_COMMAND.search(message):
            yield message


def pattern(message):
    pieces = re.split(r'\{[^{}]*\}', message.replace('{{', '\0').replace('}}', '\1'))
    return '.*'.join(re.escape(piece.replace('\0', '{').replace('\1', '}')) for piece in pieces)


def main(arguments):
    log = None
    if arguments[:1] == ['--unseen']:
        log = open(arguments[1], encoding='utf-8').read()
        arguments = arguments[2:]
    found = sorted({pattern(message) for path in arguments for message in messages(path)})
    for expression in found:
        if log is None or not re.search(expression, log):
            print(expression)


main(sys.argv[1:])
