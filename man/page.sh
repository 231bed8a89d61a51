#!/bin/sh
# page.sh SCDOC SOURCE PAGE: formats a man page and adds what scdoc leaves out.
set -e
export SOURCE_DATE_EPOCH=1767225600
"$1" <"$2" >"$3.scdoc"
{
  # man(1) runs tbl if the first line says that the page has tables.
  if grep -q '^\.TS$' "$3.scdoc"; then printf "'\\\\\" t\n"; fi
  # scdoc turns hyphenation and adjustment off before .TH, which turns both on again. groff 1.22 obeys the requests, groff 1.23 and
  # later obey the register HY and the string AD.
  sed '/^\.TH /a\
.nh\
.ad l\
.nr HY 0\
.ds AD l' "$3.scdoc"
} >"$3.new"
rm "$3.scdoc"
mv "$3.new" "$3"
