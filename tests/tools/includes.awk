# Prints each use of a type of this project whose definition is neither in the header itself nor in one that it includes. Such a
# header compiles only after others, so it may compile in a build that joins sources but not alone. Arguments: all headers.
FNR == 1 { file = FILENAME; files[++count] = file }
{
  if (match($0, /^#include [<"][^>"]+[>"]/)) {
    name = $2; quoted = substr(name, 1, 1) == "\""; gsub(/[<>"]/, "", name)
    directory = file; sub(/[^\/]*$/, "", directory)
    path = quoted ? directory name : "include/" name
    if (quoted && name ~ /^mdevadm\//) path = "include/" name
    gsub(/[^\/]+\/\.\.\//, "", path)
    included[file, ++includes[file]] = path
    next
  }
  line = $0
  gsub(/"([^"\\]|\\.)*"/, "", line); sub(/\/\/.*/, "", line)
  if (match(line, /^ *(enum class|enum|struct|class) [A-Za-z_]+/)) {
    split(substr(line, RSTART, RLENGTH), words, /  */)
    name = words[length(words)]
    known[file, name] = 1
    if (line !~ /;$/ || line ~ /\{/) defines[name] = defines[name] " " file
  }
  if (match(line, /^ *using [A-Za-z_]+ =/)) { split(substr(line, RSTART, RLENGTH), words, " "); known[file, words[2]] = 1; defines[words[2]] = defines[words[2]] " " file }
  gsub(/(::|\.|->)[A-Za-z_0-9]+/, "", line)
  text[file] = text[file] " " line
}
function visit(header, i) {
  if (seen[header]) return
  seen[header] = 1
  for (i = 1; i <= includes[header]; ++i) visit(included[header, i])
}
END {
  for (n = 1; n <= count; ++n) {
    file = files[n]
    delete seen
    visit(file)
    words_count = split(text[file], words, /[^A-Za-z_0-9]+/)
    delete done
    for (i = 1; i <= words_count; ++i) {
      word = words[i]
      if (!(word in defines) || done[word] || ((file, word) in known)) continue
      done[word] = 1
      ok = 0
      homes = split(defines[word], home, " ")
      for (k = 1; k <= homes; ++k) ok = ok || seen[home[k]]
      if (!ok) print file ": " word " of" defines[word] " is not included"
    }
  }
}
