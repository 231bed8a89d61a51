#include "run.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <mdevadm/model/addresses.hpp>
#include <mdevadm/render/grid.hpp>
#include <mdevadm/render/schema.hpp>
#include <mdevadm/sys/descriptor_limit.hpp>
#include <mdevadm/sys/interrupt.hpp>
#include <mdevadm/sys/process.hpp>
#include <mdevadm/sys/result.hpp>
#include <mdevadm/util/text.hpp>
#include <mdevadm/util/version.hpp>

#include "app.hpp"
#include "complete.hpp"
#include "generator.hpp"
#include "help.hpp"
#include "node.hpp"

namespace mdevadm::cli {

namespace {

// The reader of the results has ended, as head(1) does. Not worth a message.
struct ReaderGone {};

void write_results(std::string_view text, const Env& env) {
  while (!text.empty()) {
    const ssize_t written = ::write(env.out, text.data(), text.size());
    if (written < 0 && errno == EPIPE) {
      throw ReaderGone{};
    }
    if (written < 0 && errno != EINTR) {
      throw Error(ExitCode::failed, fmt::format("cannot write the output: {}", sys::errno_text(errno)));
    }
    text.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
  }
}

std::string version_text(bool as_json) {
  return as_json
             ? render::render_json({{"program", std::string("mdevadm")}, {"release", std::string(version)}})
             : fmt::format("mdevadm {}\n", version);
}

// Returns the error of an output that could not be written. It is the last place to name what was made.
Error naming_devices(const Error& error, const std::vector<std::string>& made) {
  return made.empty() ? error
                      : error.reworded(fmt::format("{}; the command has been carried out for {}",
                                                   error.what(), join(made, ", ")));
}

ExitCode run_command(CommandLine& line, const Env& env, Messages& messages) {
  Command* command = line.chosen();
  Context context(env, line.globals(), messages);
  line.kinds().replace_values(ValueKind::function, kernel_spelling);
  line.kinds().replace_values(ValueKind::one_function, kernel_spelling);
  for (const ValueKind kind : {ValueKind::parent, ValueKind::parent_with_settings}) {
    line.kinds().replace_values(kind, [&](const std::string& word) { return context.parent_argument(word); });
  }
  context.write_results = [&env](std::string_view text) { write_results(text, env); };
  const ExitCode code = command->run(context);
  messages.print_collected();
  try {
    write_results(context.out, env);
  } catch (const Error& error) {
    throw naming_devices(error, context.made);
  }
  return code;
}

ExitCode dispatch(const std::vector<std::string>& words, const Env& env, Messages& messages) {
  // Scripts ask often; declaring all options takes longer than the answer.
  if (words.size() == 1 && words.front() == "--version") {
    write_results(version_text(false), env);
    return ExitCode::done;
  }
  CommandLine line;
  if (!words.empty() && words.front() == "__complete") {
    line.declare_all();
    write_results(complete(line, {words.begin() + 1, words.end()}, env), env);
    return ExitCode::done;
  }
  if (!words.empty() && words.front() == "__describe") {
    line.declare_all();
    write_results(describe_tree(line), env);
    return ExitCode::done;
  }
  if (words.size() == 2 && words.front() == "__node") {
    write_results(node_properties(words.back(), env), env);
    return ExitCode::done;
  }
  if (words.size() == 3 && words.front() == "__generator") {
    generate_units(words[1], words[2], env);
    return ExitCode::done;
  }
  messages.set_words(words);
  if (asks_for_json(words)) {
    messages.use_json();
  }
  line.parse(words);
  if (line.globals().quiet) {
    messages.set_quiet();
  }
  if (line.wants_schema()) {
    write_results(render::json_schema(), env);
    return ExitCode::done;
  }
  if (line.wants_version()) {
    write_results(version_text(asks_for_json(words)), env);
    return ExitCode::done;
  }
  if (line.has_help_word() && asks_for_json(words)) {
    throw Error(ExitCode::usage, "'help' has no option '--json'",
                "the format of all JSON output: mdevadm --json-schema");
  }
  const bool incomplete = line.chosen() == nullptr;
  // Without arguments, or with a family such as `group` only, the help is printed.
  const bool has_only_options = !words.empty() && line.chosen_name().empty();
  if (incomplete && !line.wants_help() && (has_only_options || asks_for_json(words))) {
    throw Error(ExitCode::usage, "missing command", "list the commands: mdevadm help");
  }
  if (incomplete || line.wants_help()) {
    write_results(help_text(line, line.chosen_name(), env.width), env);
    return line.wants_help() ? ExitCode::done : ExitCode::usage;
  }
  messages.set_command(line.chosen_name());
  return run_command(line, env, messages);
}

}  // namespace

int run(const std::vector<std::string>& words, const Env& env) {
  sys::catch_signals();
  // Otherwise a message could be written into a file that is opened later.
  sys::fill_standard_descriptors(sys::ClosedOutput::fails);
  sys::raise_descriptor_limit();
  Messages messages(env);
  try {
    return static_cast<int>(dispatch(words, env, messages));
  } catch (const ReaderGone&) {
    return static_cast<int>(ExitCode::failed);
  } catch (const Error& error) {
    messages.print_collected();
    messages.error(error);
    return static_cast<int>(error.code());
  } catch (const std::exception& error) {
    messages.error(Error(ExitCode::failed, reason_of(error)));
    return static_cast<int>(ExitCode::failed);
  }
}

}  // namespace mdevadm::cli
