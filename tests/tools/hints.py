#!/usr/bin/env python3
"""Prints the messages in the sources that contain a command, one regular expression a line.

usage: hints.py SRC            the messages of the C++ sources in this directory
       hints.py --unseen LOG SRC   those of which LOG, the lines that a test saw, has none

A message is a sequence of adjacent string literals that contains a command of mdevadm or of another program, or a label after
which the source appends a command ("wait for the driver: " + ...). Each {} of a format string matches any text. A command that
the source puts together from several literals is looked for in parts.
"""
import pathlib
import re
import sys

LITERALS = re.compile(r'"(?:[^"\\\n]|\\.)*"(?:\s*"(?:[^"\\\n]|\\.)*")*')
LAYERS = ['args', 'cli', 'compat', 'host', 'model', 'plan', 'run', 'store', 'sys', 'util']
# Tables of commands, their help, and words of other tools: other tests run their examples.
NO_MESSAGES = ['args/help.cpp', 'cli/commands.cpp', 'cli/help.cpp', 'cli/other_words.cpp']

PROGRAMS = ['chccwdev', 'chmod', 'chown', 'chzdev', 'dmesg', 'driverctl', 'echo', 'journalctl', 'lscss', 'lspci', 'mkdir', 'modprobe',
            'nvidia-smi', 'rm', 'sysctl', 'systemctl', 'virsh']
OTHER_COMMAND = re.compile(r'(?:: |&& |; )(?:%s)(?: [^ ]| $|$)|^(?:chmod|chown|echo|from=|mkdir|rm) |/sriov-manage -' % '|'.join(PROGRAMS))
# Advice begins with a verb; what precedes the colon in other messages is the object or the operation that failed.
LABEL = re.compile(r'^(?:[a-z ]+, )?(?:to |or )?(?:adopt|apply|bind|change|check|correct|create|define|detach|enable|disable|edit|'
                   r'fix|list|load|make|move|prepare|release|remove|repeat|retry|run|select|show|specify|start|stop|unbind|use|wait|'
                   r'write|this needs root)\b[^:]*: (?:\{[^{}]*\})?$')


def commands(src):
    """The first words of the commands of mdevadm, as cli/commands.cpp declares them."""
    return sorted(set(re.findall(r'\{"([a-z]+)[a-z -]*",', (src / 'cli/commands.cpp').read_text(encoding='utf-8'))))


def messages(src):
    own = re.compile(r'(?<!of )\bmdevadm (?:\{|(?:%s)\b)' % '|'.join(commands(src)))
    for path in sorted(path for layer in LAYERS for path in (src / layer).rglob('*.?pp')):
        if str(path.relative_to(src)) in NO_MESSAGES:
            continue
        text = re.sub(r'(?m)^\s*//.*$', '', path.read_text(encoding='utf-8'))
        for match in LITERALS.finditer(text):
            parts = re.findall(r'"((?:[^"\\\n]|\\.)*)"', match.group())
            message = ''.join(parts).replace('\\"', '"').replace('\\n', '\n').replace('\\\\', '\\')
            is_joined = re.match(r'\s*\+', text[match.end():]) or message.endswith('}')
            if own.search(message) or OTHER_COMMAND.search(message) or (is_joined and LABEL.search(message)):
                yield message


def pattern(message):
    pieces = re.split(r'\{[^{}]*\}', message.replace('{{', '\0').replace('}}', '\1'))
    return '.*'.join(re.escape(piece.replace('\0', '{').replace('\1', '}')) for piece in pieces)


def main(arguments):
    log = None
    if arguments[:1] == ['--unseen']:
        log = open(arguments[1], encoding='utf-8').read()
        arguments = arguments[2:]
    for expression in sorted({pattern(message) for message in messages(pathlib.Path(arguments[0]))}):
        if log is None or not re.search(expression, log):
            print(expression)


main(sys.argv[1:])
