#include "host_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <mdevadm/util/text.hpp>

namespace mdevadm::cli {

namespace {

std::vector<store::HostText> read_directory(const std::string& path, const std::string& doing) {
  const std::string reading = fmt::format("{} '{}'", doing, printable(path));
  const sys::Dir directory = sys::Dir::open(path).or_throw("{}", reading);
  std::vector<std::string> names;
  for (const sys::Entry& entry : directory.entries().or_throw("{}", reading)) {
    if (entry.name.ends_with(".toml") && !entry.name.starts_with('.')) {
      names.push_back(entry.name);
    }
  }
  std::sort(names.begin(), names.end(), natural_less);
  if (names.empty()) {
    throw Error(ExitCode::not_found, fmt::format("{}: no file *.toml in the directory", reading));
  }
  std::vector<store::HostText> texts;
  for (const std::string& name : names) {
    const std::string file = directory.path_of(name);
    sys::Result<std::string> text = directory.read_file(name);
    if (text) {
      texts.push_back({file, *std::move(text)});
    } else {
      texts.push_back({file, {}, sys::errno_text(text.error().number)});
    }
  }
  return texts;
}

}  // namespace

HostSource read_host(const Context& context, const std::string& path, const std::string& doing) {
  if (path.empty()) {
    const std::string file = context.root().path_of(default_host_file);
    if (!context.root().exists(default_host_file)) {
      throw Error(ExitCode::not_found, fmt::format("{} '{}': no such file", doing, printable(file)),
                  "specify a file with --file, or create this one: mdevadm export host >" + shell_word(file));
    }
    return {
        file,
        {{file, context.root().read_file(default_host_file).or_throw("{} '{}'", doing, printable(file))}}};
  }
  const std::string reading = fmt::format("{} '{}'", doing, printable(path));
  if (path == "-") {
    return {"-", {{"standard input", read_input(path, reading)}}};
  }
  const sys::Result<sys::Dir> directory = sys::Dir::open(path);
  if (directory) {
    return {path, read_directory(path, doing)};
  }
  return {path, {{path, read_input(path, reading)}}};
}

std::string read_input(const std::string& path, const std::string& doing) {
  sys::Result<std::string> text = sys::read_stream(path == "-" ? "/dev/stdin" : path);
  if (!text && text.error().number == ENOENT) {
    throw Error(ExitCode::not_found, doing + ": no such file");
  }
  return std::move(text).or_throw("{}", doing);
}

}  // namespace mdevadm::cli
