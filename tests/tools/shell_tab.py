#!/usr/bin/env python3
"""Completes command lines in an interactive shell on a pseudo-terminal, as the Tab key does.

shell_tab.py SHELL COMPLETIONS tab|all|list <LINES

Loads the completions (files of directory COMPLETIONS) in bash, zsh or fish, and types each line.

tab   presses Tab, runs what is then on the line, and prints the words that the command gets, as one line of JSON
all   prints the words that the command would get if all candidates were inserted, from the completed word on: in bash and zsh a key
      of the shell inserts them, in fish `complete -C` prints them
list  presses Tab twice and prints what the shell then prints, without control sequences
"""
import json
import os
import pty
import re
import select
import sys
import tempfile
import time

SETUP = {
    "bash": r"""PS1='> '; PS2=; unset HISTFILE; bind 'set enable-bracketed-paste off'; bind 'set bell-style none'
bind 'set completion-query-items 0'; bind 'set page-completions off'; bind '"\C-xa": insert-completions'
%(bash_completion)s
. %(completions)s/mdevadm.bash; . %(completions)s/mdevctl.bash
, () { printf '%%s\0' "$@" $'\1' >>"$OUT"; }
""",
    "zsh": r"""PS1='> '; unset HISTFILE; setopt no_beep no_list_beep; LISTMAX=0; bindkey -e
fpath=(%(completions)s $fpath); autoload -U compinit; compinit -u -D
insert_all() { _main_complete; compstate[insert]=all }
zle -C insert-all complete-word insert_all; bindkey '^Xa' insert-all
integer turn total
insert_next() { _main_complete; total=$compstate[nmatches]; compstate[insert]=$((++turn)) }
zle -C insert-next complete-word insert_next; bindkey '^Xb' insert-next
, () { printf '%%s\0' "$@" $'\1' >>"$OUT"; }
""",
    "fish": r"""function fish_prompt; echo '> '; end; set -g fish_greeting; set -g fish_history ''; set -g fish_autosuggestion_enabled 0
source %(completions)s/mdevadm.fish; source %(completions)s/mdevctl.fish
function ,; printf '%%s\0' $argv \x01 >>$OUT; end
""",
}


class Shell:
    def __init__(self, name, completions, directory):
        self.name, self.out, self.seen = name, directory + "/out", 0
        open(self.out, "w").close()
        setup = directory + "/setup"
        bash_completion = "" if os.environ.get("WITHOUT_BASH_COMPLETION") else ". /usr/share/bash-completion/bash_completion"
        with open(setup, "w") as file:
            file.write(SETUP[name] % {"completions": completions, "bash_completion": bash_completion})
        arguments = {
            "bash": ["bash", "--norc", "--noprofile", "-i"],
            "zsh": ["zsh", "-f", "-i"],
            "fish": ["fish", "--no-config", "--private", "-i"],
        }[name]
        environment = dict(os.environ, OUT=self.out, HOME=directory, TERM="vt100", LC_ALL="C.UTF-8", COLUMNS="300")
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execvpe(arguments[0], arguments, environment)
        self.send(f"source {setup}\r")
        self.send(", ready\r")
        self.words()

    def send(self, text):
        data = text.encode()
        while data:
            self.drain(0)
            data = data[os.write(self.terminal, data[:200]):]

    def drain(self, seconds):
        """Reads what the shell prints. Returns whether it has printed something."""
        ready = select.select([self.terminal], [], [], seconds)[0]
        if ready:
            self.log = os.read(self.terminal, 65536)
        return bool(ready)

    def words(self):
        """Returns the arguments of the next call of the command that writes them."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            self.drain(0.01)
            with open(self.out, "rb") as file:
                file.seek(self.seen)
                data = file.read()
            if data.endswith(b"\1\0"):
                self.seen += len(data)
                # Until it waits for input, the shell does not read single keys.
                while self.drain(0.05):
                    pass
                return [word.decode() for word in data.split(b"\0")[:-2]]
        raise TimeoutError(f"{self.name} ran no command; last output: {self.log}")

    def complete(self, line, key):
        # The command is typed after the completion, so that the completion sees the line as it is.
        self.send(line + key)
        self.send("\x01, \x05\r")
        return self.words()

    def listed(self, line):
        self.send(line + "\t")
        self.drain(5)
        self.send("\t")
        text, end = b"", time.monotonic() + 3
        while time.monotonic() < end:
            if self.drain(0.1):
                text += self.log
        self.send("\x03")
        return re.sub(r"\x1b[^a-zA-Z]*[a-zA-Z]|[\0\r]", "", text.decode(errors="replace"))

    def candidates(self, line):
        count, kept, quote = last_word(line)
        if self.name == "zsh" and quote:
            # zsh would insert the open quote only once.
            words = [self.complete(line, "\x18b")[-1]]
            self.send(", $total\r")
            words += [self.complete(line, "\x18b")[-1] for _ in range(int(self.words()[0]) - 1)]
            self.send("turn=0; , reset\r")
            self.words()
            return words
        if self.name != "fish":
            words = self.complete(line, "\x18a")[count:]
            # bash repeats only the part that readline replaces.
            return words[:1] + [kept + word for word in words[1:]] if self.name == "bash" else words
        quoted = line.replace("\\", "\\\\").replace("'", "\\'")
        self.send(f", (complete -C '{quoted}' | string replace -r '\\t.*' '')\r")
        return self.words()


def last_word(line):
    """Returns the number of words before the last one, and of this what readline does not replace, and the open quote."""
    word, count, quote, escaped = "", 0, "", False
    for c in line:
        if escaped:
            word, escaped = word + c, False
        elif c == "\\" and quote != "'":
            escaped = True
        elif quote:
            word, quote = (word + c, quote) if c != quote else (word, "")
        elif c in "'\"":
            quote = c
        elif c == " ":
            word, count = "", count + 1
        else:
            word += c
    return count, word[:max(word.rfind(":"), word.rfind("=")) + 1], quote


def main():
    name, completions, mode = sys.argv[1:]
    with tempfile.TemporaryDirectory() as directory:
        shell = Shell(name, os.path.abspath(completions), directory)
        for line in sys.stdin.read().splitlines():
            if mode == "tab":
                print(json.dumps(shell.complete(line, "\t"), ensure_ascii=False), flush=True)
                continue
            if mode == "list":
                print(shell.listed(line), flush=True)
                continue
            print(json.dumps(shell.candidates(line), ensure_ascii=False), flush=True)
        os.close(shell.terminal)


main()
