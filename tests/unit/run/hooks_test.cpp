#include <mdevadm/run/hooks.hpp>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <functional>
#include <new>
#include <thread>

#include <mdevadm/sys/interrupt.hpp>
#include <mdevadm/util/text.hpp>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

constexpr auto new_callouts = "usr/lib/mdevctl/scripts.d/callouts/";
constexpr auto old_callouts = "etc/mdevctl.d/scripts.d/callouts/";
constexpr auto new_notifiers = "usr/lib/mdevctl/scripts.d/notifiers/";
constexpr auto old_notifiers = "etc/mdevctl.d/scripts.d/notifiers/";
constexpr auto uuid = "00000000-0000-0000-0000-00000000000a";
constexpr auto all_supported =
    R"({"supports":{"version":2,"actions":["start","stop","define","undefine","modify","attributes"],)"
    R"("events":["pre","post","notify","get","live"]}})";

const ScriptEvent event{HookAction::define, uuid, "mtty", "mtty-1", R"({"mdev_type":"mtty-1"})", false};

// Scripts that record their calls as "NAME EVENT-ACTION-STATE <INPUT>".
struct Scripts {
  test::TempDir temp;
  sys::Dir root = *sys::Dir::open(temp.str());
  std::vector<std::string> said;
  Hooks hooks;

  explicit Scripts(std::chrono::milliseconds deadline) : Scripts(ScriptDeadlines{deadline, deadline}) {}

  explicit Scripts(const ScriptDeadlines& deadlines = {20s, 20s})
      : hooks(
            root,
            [this](Hooks::Kind kind, const std::string& text) {
              said.push_back((kind == Hooks::Kind::output ? "said " : "warning ") + without_root(text));
            },
            deadlines) {
    std::signal(SIGPIPE, SIG_IGN);
  }

  void add(const std::string& name, const std::string& body = {}, bool reads = true) const {
    const std::filesystem::path file = temp.path() / name;
    test::write_text(file, "#!/bin/sh\nprintf '%s %s-%s-%s <%s>\\n' \"${0##*/}\" \"$4\" \"$6\" \"$8\" " +
                               std::string(reads ? "\"$(cat)\"" : "''") + " >>" + temp.str() + "/calls\n" +
                               body + "\n");
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  }

  // Adds a script that supports every type and executes `body`.
  void add_capable(const std::string& name, const std::string& body = {},
                   const std::string& supported = all_supported) const {
    add(name, "if [ $6 = capabilities ]; then printf %s '" + supported + "'; exit 0; fi\n" + body);
  }

  // Returns the calls since the last query; the offered capabilities are omitted.
  std::vector<std::string> calls() const {
    std::vector<std::string> lines;
    if (!std::filesystem::exists(temp.path() / "calls")) {
      return lines;
    }
    const std::string text = test::read_text(temp.path() / "calls");
    std::filesystem::remove(temp.path() / "calls");
    for (std::string_view line : split(trim(text), '\n')) {
      const std::size_t offer = line.find(" <{\"provides\"");
      lines.emplace_back(line.substr(0, offer));
    }
    return lines;
  }

  std::string without_root(std::string text) const {
    const std::size_t at = text.find(temp.str());
    return at == std::string::npos ? text : text.erase(at, temp.str().size());
  }

  std::string refusal(const std::function<void()>& what) const {
    try {
      what();
    } catch (const Error& error) {
      CHECK(error.code() == ExitCode::failed);
      return without_root(error.what());
    }
    return "none";
  }

  // Runs in a child process, because a process stays interrupted after its first signal.
  std::string refusal_apart(const std::function<void()>& what) const {
    const pid_t child = ::fork();
    if (child == 0) {
      std::signal(SIGINT, SIG_DFL);
      sys::catch_signals();
      test::write_text(temp.path() / "refusal", refusal(what));
      ::_exit(0);
    }
    int status = 0;
    CHECK(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    return test::read_text(temp.path() / "refusal");
  }
};

using Lines = std::vector<std::string>;

const std::string config = " <" + event.config + ">";

}  // namespace

TEST_CASE("other files in the script directories are ignored and without scripts hooks have no effect") {
  Scripts scripts;
  test::write_text(scripts.temp.path() / new_callouts / ".keep", "");
  test::write_text(scripts.temp.path() / new_callouts / "not-executable", "#!/bin/sh\nexit 1\n");
  std::filesystem::create_directories(scripts.temp.path() / old_notifiers / "directory");
  std::filesystem::create_symlink("nowhere", scripts.temp.path() / new_callouts / "dangling");
  CHECK_FALSE(scripts.hooks.any());
  scripts.hooks.pre(event);
  scripts.hooks.post(event, HookState::success);
  scripts.hooks.notify(event, HookState::success);
  CHECK(scripts.hooks.get_attributes(event).attributes.empty());
  CHECK(scripts.said.empty());
}

TEST_CASE("a call-out script is called with six options and reads the configuration from its input") {
  Scripts scripts;
  scripts.add(std::string(new_callouts) + "a", "echo \"$PPID $*\" >&2");
  CHECK(scripts.hooks.any());
  scripts.hooks.pre(event);
  CHECK(scripts.calls() == Lines{"a get-capabilities-none", "a pre-define-none" + config});
  CHECK(scripts.said == Lines{"said a: " + std::to_string(::getpid()) +
                              " -t mtty-1 -e pre -a define -s none -u " + uuid + " -p mtty\n"});
}

TEST_CASE("the capabilities offered to a script are byte for byte those of mdevctl") {
  CHECK(provided_capabilities() ==
        R"({"provides":{"version":2,"actions":["start","stop","define","undefine","modify","attributes",)"
        R"("capabilities"],"events":["pre","post","notify","get","live"]}})");
}

TEST_CASE("call-out scripts run in order of directory and name and only the accepting one gets the result") {
  Scripts scripts;
  scripts.add(std::string(old_callouts) + "1");
  scripts.add(std::string(new_callouts) + "b", "exit 2");
  scripts.add(std::string(new_callouts) + "B", "echo not mine >&2; exit 2");
  scripts.add(std::string(new_callouts) + "10", "exit 2");
  scripts.hooks.pre(event);
  CHECK(scripts.calls() == Lines{"10 get-capabilities-none", "B get-capabilities-none",
                                 "b get-capabilities-none", "1 get-capabilities-none",
                                 "10 pre-define-none" + config, "B pre-define-none" + config,
                                 "b pre-define-none" + config, "1 pre-define-none" + config});
  scripts.hooks.post(event, HookState::failure);
  CHECK(scripts.calls() == Lines{"1 post-define-failure" + config});
  CHECK(scripts.said.empty());
}

TEST_CASE("if no call-out script accepts the pre event the post event is offered to all of them") {
  Scripts scripts;
  scripts.add(std::string(new_callouts) + "a", "exit 2");
  scripts.add(std::string(new_callouts) + "b", "[ $4 = post ] || exit 2");
  scripts.add(std::string(new_callouts) + "c", "exit 2");
  scripts.hooks.pre(event);
  scripts.calls();
  scripts.hooks.post(event, HookState::success);
  CHECK(scripts.calls() == Lines{"a post-define-success" + config, "b post-define-success" + config});
}

TEST_CASE("a failing call-out script is reported with its exit code and its output is printed") {
  Scripts scripts;
  scripts.add(std::string(new_callouts) + "a", "printf 'no,\\nbecause' >&2; exit 3");
  scripts.add(std::string(new_notifiers) + "n");
  CHECK(scripts.refusal([&] { scripts.hooks.pre(event); }) ==
        "Script '\"/usr/lib/mdevctl/scripts.d/callouts/a\"' failed with status '3'");
  CHECK(scripts.calls().back() == "n notify-define-none <>");
  CHECK(scripts.said == Lines{"said a: no,\nbecause"});
  scripts.said.clear();
  ScriptEvent forced = event;
  forced.forced = true;
  scripts.hooks.pre(forced);
  REQUIRE(scripts.said.size() == 2);
  CHECK(scripts.said[1] ==
        "warning Forcing operation 'define' despite callout failure. Error was: Script "
        "'\"/usr/lib/mdevctl/scripts.d/callouts/a\"' failed with status '3'");
}

TEST_CASE("scripts that other users can change are refused, and run with one warning as mdevctl runs them") {
  Scripts scripts;
  const std::string name = std::string(new_callouts) + "a";
  scripts.add(name);
  const std::filesystem::path file = scripts.temp.path() / name;
  std::filesystem::permissions(file, std::filesystem::perms(0777));
  const auto refused = [&] {
    try {
      scripts.hooks.pre(event);
    } catch (const Error& error) {
      return fmt::format("{}; {}", error.what(), join(error.hints(), "; "));
    }
    return std::string("ran");
  };
  const std::string path = file.string();
  const std::string reason = fmt::format("'{}' can be changed by other users than root (mode 0777)", path);
  CHECK(refused() == fmt::format("cannot run call-out script '{}': {}; chmod go-w {}", path, reason, path));
  CHECK(scripts.calls().empty());
  std::vector<std::string> said;
  Hooks lenient(
      scripts.root, [&](Hooks::Kind, const std::string& text) { said.push_back(text); }, {20s, 20s},
      UntrustedScripts::reported);
  lenient.pre(event);
  CHECK_FALSE(scripts.calls().empty());
  CHECK(said == Lines{fmt::format("call-out script '{}' is not safe: {} (to change this: chmod go-w {})",
                                  path, reason, path)});
}

TEST_CASE("a call-out script killed by a signal does not count as accepting") {
  Scripts scripts;
  scripts.add(std::string(new_callouts) + "a", "kill -KILL $$");
  scripts.add(std::string(new_callouts) + "b");
  scripts.hooks.pre(event);
  const std::string killed =
      "warning callout script \"/usr/lib/mdevctl/scripts.d/callouts/a\" was terminated by a signal";
  CHECK(scripts.said == Lines{killed, killed});
  scripts.calls();
  scripts.hooks.post(event, HookState::success);
  CHECK(scripts.calls() == Lines{"b post-define-success" + config});
}

TEST_CASE("a call-out script that exceeds the deadline is killed and reported and not run again") {
  Scripts scripts(300ms);
  scripts.add(std::string(new_callouts) + "a", "exec sleep 50");
  const std::string expected =
      "call-out script '/usr/lib/mdevctl/scripts.d/callouts/a' did not end within 0.3 s and was killed";
  CHECK(scripts.refusal([&] { scripts.hooks.pre(event); }) == expected);
  CHECK(scripts.refusal([&] { scripts.hooks.pre(event); }) == expected);
  CHECK(scripts.calls() == Lines{"a get-capabilities-none"});
}

TEST_CASE("a notifier that exceeds the deadline does not prevent other notifiers from running") {
  Scripts scripts(300ms);
  scripts.add(std::string(new_notifiers) + "a", "exec sleep 50");
  scripts.add(std::string(old_notifiers) + "b");
  scripts.hooks.notify(event, HookState::success);
  CHECK(scripts.calls() == Lines{"a notify-define-success <>", "b notify-define-success <>"});
  CHECK(scripts.said == Lines{"warning notifier script '/usr/lib/mdevctl/scripts.d/notifiers/a' did not "
                              "end within 0.3 s and was killed"});
}

TEST_CASE("all notifiers run whatever their exit code and their output is discarded") {
  Scripts scripts;
  scripts.add(std::string(new_notifiers) + "a", "echo x; echo y >&2; exit 1");
  scripts.add(std::string(old_notifiers) + "b", "kill -KILL $$");
  for (const HookState state : {HookState::none, HookState::success, HookState::failure}) {
    scripts.hooks.notify(event, state);
  }
  CHECK(scripts.calls() == Lines{"a notify-define-none <>", "b notify-define-none <>",
                                 "a notify-define-success <>", "b notify-define-success <>",
                                 "a notify-define-failure <>", "b notify-define-failure <>"});
  CHECK(scripts.said.empty());
}

TEST_CASE("the first script with capabilities is the only one run and capabilities are read once per type") {
  Scripts scripts;
  scripts.add(std::string(new_callouts) + "a", "echo a >&2");
  scripts.add_capable(std::string(new_callouts) + "b", "echo b >&2");
  scripts.add_capable(std::string(new_callouts) + "c");
  scripts.hooks.pre(event);
  scripts.hooks.post(event, HookState::success);
  ScriptEvent other = event;
  other.uuid = "00000000-0000-0000-0000-00000000000b";
  scripts.hooks.pre(other);
  CHECK(scripts.calls() == Lines{"a get-capabilities-none", "b get-capabilities-none",
                                 "b pre-define-none" + config, "b post-define-success" + config,
                                 "b pre-define-none" + config});
  CHECK(scripts.said == Lines{"said b: b\n", "said b: b\n", "said b: b\n"});
  other.type = "mtty-2";
  scripts.hooks.post(other, HookState::success);
  CHECK(scripts.calls() ==
        Lines{"a get-capabilities-none", "b get-capabilities-none", "b post-define-success" + config});
}

TEST_CASE("any nonzero exit code of the responsible script is a failure and a signal is not") {
  Scripts scripts;
  scripts.add_capable(std::string(new_callouts) + "a", "exit 2");
  scripts.add(std::string(new_callouts) + "b");
  CHECK(scripts.refusal([&] { scripts.hooks.pre(event); }) ==
        "Script '\"/usr/lib/mdevctl/scripts.d/callouts/a\"' failed with status '2'");
  Scripts killed;
  killed.add_capable(std::string(new_callouts) + "a", "kill -KILL $$");
  killed.hooks.pre(event);
  CHECK(killed.said.empty());
}

TEST_CASE("unsupported actions and events are refused before an operation and skipped after it") {
  Scripts scripts;
  scripts.add_capable(std::string(new_callouts) + "a", {},
                      R"({"supports":{"version":3,"actions":["define","dance"],"events":["pre"],"more":1}})");
  scripts.hooks.pre(event);
  CHECK(scripts.said == Lines{"warning Callout script \"/usr/lib/mdevctl/scripts.d/callouts/a\" provides "
                              "unknown Action type"});
  scripts.calls();
  scripts.hooks.post(event, HookState::success);
  ScriptEvent modify = event;
  modify.action = HookAction::modify;
  CHECK(scripts.refusal([&] { scripts.hooks.pre(modify); }) ==
        "Script \"/usr/lib/mdevctl/scripts.d/callouts/a\" does not support action 'Modify'");
  CHECK(scripts.refusal([&] { scripts.hooks.live(event); }) ==
        "Script \"/usr/lib/mdevctl/scripts.d/callouts/a\" does not support event 'Live'");
  CHECK(std::string(scripts.hooks.get_attributes(event).error.value().what())
            .ends_with("does not support action 'Attributes'"));
  CHECK(scripts.calls().empty());
}

TEST_CASE("invalid capabilities are rejected") {
  for (const char* text :
       {"hello", "{}", "null", "[]", R"({"supports":null})", R"({"supports":{"actions":[],"events":[]}})",
        R"({"supports":{"version":"2","actions":[],"events":[]}})",
        R"({"supports":{"version":-1,"actions":[],"events":[]}})",
        R"({"supports":{"version":2.0,"actions":[],"events":[]}})",
        R"({"supports":{"version":2,"actions":[]}})",
        R"({"supports":{"version":2,"actions":"start","events":[]}})",
        R"({"supports":{"version":2,"actions":[1],"events":[]}})",
        R"({"supports":{"version":2,"actions":[],"events":[]}} x)",
        R"([{"supports":{"version":2,"actions":[],"events":[]}}])", "\xff", ""}) {
    INFO(text);
    CHECK_FALSE(parse_capabilities(text));
  }
  using namespace std::string_view_literals;
  CHECK(parse_capabilities(R"({"supports":{"version":2,"actions":[],"events":[]}})"));
  CHECK(parse_capabilities("{\"supports\":{\"version\":2,\"actions\":[],\"events\":[]}}\n\0\0"sv));
}

TEST_CASE("capabilities are accepted with any exit code except 2 and not after a signal") {
  for (const auto& [ending, answers] : {std::pair("exit 1", true), std::pair("exit 3", true),
                                        std::pair("exit 2", false), std::pair("kill -KILL $$", false)}) {
    INFO(ending);
    Scripts scripts;
    scripts.add(std::string(new_callouts) + "a",
                std::string("[ $6 = capabilities ] || exit 0; printf %s '") + all_supported + "'; " + ending);
    scripts.add(std::string(new_callouts) + "b");
    scripts.hooks.pre(event);
    const Lines calls = scripts.calls();
    CHECK((std::find(calls.begin(), calls.end(), "b get-capabilities-none") == calls.end()) == answers);
  }
}

TEST_CASE("attributes are requested without input and the script that returns them gets the post event") {
  Scripts scripts;
  scripts.add(std::string(new_callouts) + "a", "[ $4-$6 != get-attributes ] || exit 2");
  scripts.add(std::string(new_callouts) + "b",
              "[ $4-$6 != get-attributes ] || printf '[{\"x\":\"1\"},{\"y\":\"2\"}]'");
  scripts.hooks.pre(event);
  scripts.calls();
  const ReportedAttributes reported = scripts.hooks.get_attributes(event);
  CHECK_FALSE(reported.error);
  CHECK(reported.attributes ==
        std::vector<Attribute>{{*AttributeName::parse("x"), "1"}, {*AttributeName::parse("y"), "2"}});
  scripts.hooks.post(event, HookState::success);
  CHECK(scripts.calls() ==
        Lines{"a get-attributes-none <>", "b get-attributes-none <>", "b post-define-success" + config});
}

TEST_CASE("a script that fails to return attributes yields an error and no attributes") {
  Scripts scripts;
  scripts.add(std::string(new_callouts) + "a", "printf '[{\"x\":\"1\"}]'; exit 1");
  const ReportedAttributes reported = scripts.hooks.get_attributes(event);
  CHECK(reported.attributes.empty());
  CHECK(std::string(reported.error.value().what()).ends_with("failed with status '1'"));
}

TEST_CASE("reported attributes are parsed like mdevctl does") {
  using namespace std::string_view_literals;
  const auto what = [](std::string_view text) {
    const ReportedAttributes reported = parse_reported_attributes(text);
    std::string all;
    for (const Attribute& one : reported.attributes) {
      all += one.name.str() + "=" + one.value + " ";
    }
    return all + (reported.error ? reported.error->what() : "");
  };
  for (const std::string_view none : {""sv, "null"sv, "[]"sv, " [ ]\n"sv, "[{}]"sv, "[{}]\n"sv, "[{}]\0"sv}) {
    CHECK(what(none) == "");
  }
  CHECK(what("[{\"a\":\"1\"}]\n\0"sv) == "a=1 ");
  CHECK(what(" [ { \"a\" : \"1\" }, {\"a\":\"2\"} ]\n") == "a=1 a=2 ");
  CHECK(what("[{\"f\u00fcr\":\"\\u00fc\\\"\\\\\"}]") == "f\u00fcr=\u00fc\"\\ ");
  CHECK(what("[{\"a\":\"\xff\"}]") == "a=\ufffd ");
  CHECK(what("[{},{}]") == "invalid JSON format for attribute: too many fields");
  CHECK(what("[{\"a\":\"1\",\"b\":\"2\"}]") == "invalid JSON format for attribute: too many fields");
  CHECK(what("{\"a\":\"1\"}") == "attributes field is not an array");
  CHECK(what("[\"a\"]") == "invalid JSON format for attribute: not an object");
  CHECK(what("[{\"a\":\"1\"},{\"b\":2}]") ==
        "a=1 invalid JSON format for attribute {\"b\", 2}: value must be of type str");
  CHECK(what("[{\"../a\":\"1\"}]") ==
        "invalid JSON format for attribute {\"../a\", \"1\"}: it has no such name");
  for (const std::string_view bad : {"\n"sv, "\0\0"sv, "hello"sv, "[] x"sv}) {
    CHECK(what(bad) == "Invalid JSON received from callout script");
    CHECK(parse_reported_attributes(bad).error->hints().at(0).find("at line ") != std::string::npos);
  }
}

TEST_CASE("live modifies an active device by the responsible script and runs the notifiers") {
  Scripts scripts;
  scripts.add_capable(std::string(new_callouts) + "a");
  scripts.add(std::string(new_notifiers) + "n");
  ScriptEvent modify = event;
  modify.action = HookAction::modify;
  scripts.hooks.live(modify);
  CHECK(scripts.calls() ==
        Lines{"a get-capabilities-none", "a live-modify-none" + config, "n notify-modify-none <>"});

  Scripts refusing;
  refusing.add_capable(std::string(new_callouts) + "a", "exit 2");
  refusing.add(std::string(new_notifiers) + "n");
  CHECK(refusing.refusal([&] { refusing.hooks.live(modify); }).ends_with("failed with status '2'"));
  CHECK(refusing.calls().back() == "n notify-modify-none <>");
}

TEST_CASE("live is refused without a responsible script and notifiers do not run") {
  Scripts scripts;
  scripts.add(std::string(new_callouts) + "a");
  scripts.add(std::string(new_notifiers) + "n");
  CHECK(scripts.refusal([&] { scripts.hooks.live(event); }) ==
        "Live modification is not supported for this device type. Changing the device configuration requires "
        "stopping and restarting the device.");
  CHECK(scripts.calls() == Lines{"a get-capabilities-none"});
}

TEST_CASE("scripts that cannot be executed are skipped and a script need not read its input") {
  Scripts scripts;
  for (const auto& [name, first] : {std::pair("1-empty", ""), std::pair("2-no-first-line", "exit 1\n"),
                                    std::pair("3-no-interpreter", "#!/nonexistent\n")}) {
    const std::filesystem::path file = scripts.temp.path() / new_callouts / name;
    test::write_text(file, first);
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  }
  scripts.add(std::string(new_callouts) + "9-last", {}, false);
  ScriptEvent much = event;
  much.config = std::string(300'000, 'x');
  scripts.hooks.pre(much);
  CHECK(scripts.calls() == Lines{"9-last get-capabilities-none <>", "9-last pre-define-none <>"});
  CHECK(scripts.said.empty());
}

TEST_CASE("scripts run one at a time when several threads use the hooks") {
  Scripts scripts;
  scripts.add(
      std::string(new_callouts) + "a",
      "mkdir " + scripts.temp.str() + "/busy || exit 1; sleep 0.02; rmdir " + scripts.temp.str() + "/busy");
  std::vector<std::jthread> threads;
  std::atomic<int> failures = 0;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] {
      ScriptEvent own = event;
      own.uuid.back() = static_cast<char>('0' + i);
      try {
        scripts.hooks.pre(own);
        scripts.hooks.post(own, HookState::success);
      } catch (const Error&) {
        ++failures;
      }
    });
  }
  threads.clear();
  CHECK(failures == 0);
  CHECK(scripts.calls().size() == 13);
}

TEST_CASE("a definition is passed to scripts as compact JSON on one line") {
  Definition definition{*Uuid::parse(uuid), *ParentName::parse("p"), *TypeName::parse("quote'\"*")};
  const auto config_of = [&] {
    return event_of(HookEvent{.action = HookAction::define, .about = definition}).config;
  };
  CHECK(config_of() == R"({"mdev_type":"quote'\"*","start":"manual","attrs":[]})");
  definition.start = StartMode::automatic;
  definition.attributes = {{*AttributeName::parse("b"), "a \"b\""},
                           {*AttributeName::parse("a"), "f\u00fcr\n"}};
  CHECK(config_of() ==
        "{\"mdev_type\":\"quote'\\\"*\",\"start\":\"auto\",\"attrs\":[{\"b\":\"a "
        "\\\"b\\\"\"},{\"a\":\"f\u00fcr\\n\"}]}");
}

TEST_CASE("JSON from scripts that mdevctl does not accept is rejected") {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  for (const std::string& bad :
       {"[{\"a\":" + deep + "}]", "[{\"a\":" + std::string(100'000, '['), "\xef\xbb\xbf[]"s,
        "[{\"a\":1e999}]"s, "[{\"a\":\"\\ud800\"}]"s, "[\0]"s, "[] []"s}) {
    const ReportedAttributes reported = parse_reported_attributes(bad);
    CHECK(reported.attributes.empty());
    REQUIRE(reported.error);
    CHECK(std::string(reported.error->what()) == "Invalid JSON received from callout script");
    CHECK(reported.error->hints().at(0).starts_with("not understood at line 1 column "));
  }
  CHECK(parse_reported_attributes("[{\"a\":" + std::string(200, '[')).error->hints().at(0) ==
        "not understood at line 1 column 132");
  for (const std::string& more : {deep, "1e999"s}) {
    CHECK_FALSE(
        parse_capabilities(R"({"supports":{"version":2,"actions":[],"events":[]},"more":)" + more + "}"));
  }
}

TEST_CASE("a script that is open for writing is skipped") {
  Scripts scripts;
  scripts.add(std::string(new_callouts) + "a");
  scripts.add(std::string(new_callouts) + "b");
  const int writes =
      ::open((scripts.temp.path() / new_callouts / "a").c_str(), O_WRONLY | O_CLOEXEC);  // causes ETXTBSY
  REQUIRE(writes >= 0);
  scripts.hooks.pre(event);
  ::close(writes);
  CHECK(scripts.calls() == Lines{"b get-capabilities-none", "b pre-define-none" + config});
  CHECK(scripts.said.empty());
}

TEST_CASE("an argument that cannot be passed to a script is an error") {
  Scripts scripts;
  scripts.add(std::string(new_callouts) + "a");
  ScriptEvent odd = event;
  odd.type = "good\0bad"s;
  CHECK(scripts.refusal([&] { scripts.hooks.pre(odd); })
            .starts_with("cannot run call-out script '/usr/lib/mdevctl/scripts.d/callouts/a': "));
  odd.type = std::string(1 << 18, 'x');
  CHECK(scripts.refusal([&] { scripts.hooks.pre(odd); }).starts_with("cannot run call-out script "));
  CHECK(scripts.calls().empty());
}

TEST_CASE("get_attributes does not wait for a background process of the script") {
  Scripts scripts;
  scripts.add(std::string(new_callouts) + "a",
              "[ $6 = attributes ] || exit 0\n"
              "(for i in $(seq 160); do sleep 0.05; echo; done) &\nprintf '[{\"x\":\"1\"}]'");
  const auto begin = std::chrono::steady_clock::now();
  CHECK(scripts.hooks.get_attributes(event).attributes.size() == 1);
  CHECK(std::chrono::steady_clock::now() - begin < 6s);
}

TEST_CASE("get_attributes has a shorter deadline and is not repeated for a script that exceeded it") {
  Scripts scripts({.part = 20s, .question = 2s});
  scripts.add(std::string(new_callouts) + "a",
              "[ $4 != pre ] || sleep 2.2\n[ $6 != attributes ] || exec cat /dev/zero");
  scripts.hooks.pre(event);
  scripts.calls();
  const std::string expected =
      "call-out script '/usr/lib/mdevctl/scripts.d/callouts/a' did not end within 2 s and was killed";
  CHECK(scripts.without_root(scripts.hooks.get_attributes(event).error.value().what()) == expected);
  CHECK(scripts.calls() == Lines{"a get-attributes-none <>"});
  ScriptEvent other = event;
  other.uuid = "00000000-0000-0000-0000-00000000000b";
  CHECK(scripts.without_root(scripts.hooks.get_attributes(other).error.value().what()) == expected);
  other.type = "mtty-2";
  CHECK(scripts.hooks.get_attributes(other).error);
  CHECK(scripts.calls().empty());
  scripts.hooks.post(event, HookState::success);
  CHECK(scripts.calls() == Lines{"a post-define-success" + config});
}

TEST_CASE("an exception or failure of one script does not prevent later scripts from running") {
  Scripts scripts;
  scripts.add(std::string(new_callouts) + "a", "echo words >&2");
  scripts.add(std::string(new_notifiers) + "m", "exec sleep 50");
  scripts.add(std::string(new_notifiers) + "n");
  std::vector<std::string> warnings;
  Hooks hooks(scripts.root,
              [&](Hooks::Kind kind, const std::string& text) {
                if (kind == Hooks::Kind::output) {
                  throw std::bad_alloc();
                }
                warnings.push_back(text);
              },
              {.part = 2s});
  CHECK_THROWS_AS(hooks.pre(event), std::bad_alloc);
  CHECK_NOTHROW(hooks.post(event, HookState::failure));
  CHECK_NOTHROW(hooks.notify(event, HookState::failure));
  CHECK(warnings.size() == 3);
  const Lines calls = scripts.calls();
  CHECK(std::count(calls.begin(), calls.end(), "n notify-define-none <>") == 1);
  CHECK(std::count(calls.begin(), calls.end(), "n notify-define-failure <>") == 1);
  CHECK(hooks.get_attributes(event).error);
}

TEST_CASE("an interruption during pre aborts it and scripts that accepted before get the failure event") {
  struct Case {
    const char* a;
    Lines called;
  };
  const std::string pre = "a pre-define-none" + config;
  const std::string post = "a post-define-failure" + config;
  const std::string none = "n notify-define-none <>";
  const std::string failure = "n notify-define-failure <>";
  for (const auto& [a, called] : {Case{"[ $4 != pre ] || kill -INT $PPID", {pre, post, failure}},
                                  Case{"[ $4 != pre ] || kill -INT $PPID $$", {pre, post, failure}},
                                  Case{"[ $4 != pre ] || { kill -INT $PPID; exit 2; }", {pre, none}},
                                  Case{"[ $4 != pre ] || { kill -INT $PPID; exit 130; }", {pre, none}},
                                  Case{"[ $4 != get ] || kill -INT $PPID $$", {none}}}) {
    for (const bool forced : {false, true}) {
      INFO(a << forced);
      Scripts scripts;
      scripts.add(std::string(new_callouts) + "a", a);
      scripts.add(std::string(new_callouts) + "b", "[ $4 = get ]");
      scripts.add(std::string(new_notifiers) + "n");
      ScriptEvent own = event;
      own.forced = forced;
      CHECK(scripts.refusal_apart([&] { scripts.hooks.pre(own); }) == "interrupted");
      Lines calls = scripts.calls();
      std::erase_if(calls, [](const std::string& line) { return line.ends_with("get-capabilities-none"); });
      CHECK(calls == called);
    }
  }
}

TEST_CASE("an interruption during pre of the responsible script aborts it and sends the failure event") {
  for (const char* ending : {"kill -INT $PPID", "kill -INT $PPID $$"}) {
    Scripts scripts;
    scripts.add_capable(std::string(new_callouts) + "a", std::string("[ $4 != pre ] || ") + ending);
    CHECK(scripts.refusal_apart([&] { scripts.hooks.pre(event); }) == "interrupted");
    CHECK(scripts.calls() ==
          Lines{"a get-capabilities-none", "a pre-define-none" + config, "a post-define-failure" + config});
  }
}

TEST_CASE("an interrupted live modification fails and notifiers run") {
  for (const char* ending : {"kill -INT $PPID", "kill -INT $PPID $$"}) {
    Scripts scripts;
    scripts.add_capable(std::string(new_callouts) + "a", ending);
    scripts.add(std::string(new_notifiers) + "n");
    CHECK(scripts.refusal_apart([&] { scripts.hooks.live(event); }) == "interrupted");
    CHECK(scripts.calls() ==
          Lines{"a get-capabilities-none", "a live-define-none" + config, "n notify-define-none <>"});
  }
}

TEST_CASE("after an interruption get_attributes runs no more scripts") {
  Scripts scripts;
  scripts.add(std::string(new_callouts) + "a", "[ $6 != attributes ] || kill -INT $PPID $$");
  CHECK(scripts.refusal_apart([&] {
    // Runs in the child, which reports both results in its exception.
    const std::string first = scripts.refusal([&] { scripts.hooks.get_attributes(event); });
    const std::string second = scripts.refusal([&] { scripts.hooks.get_attributes(event); });
    throw Error(ExitCode::failed, first + ", " + second);
  }) == "interrupted, interrupted");
  CHECK(scripts.calls() == Lines{"a get-capabilities-none", "a get-attributes-none <>"});
}

TEST_CASE("after an interruption post and notify run each remaining script exactly once") {
  Scripts scripts;
  scripts.add(std::string(new_callouts) + "a", "exit 2");
  scripts.add(std::string(new_callouts) + "b", "[ $4 != post ] || kill -TERM $$");
  scripts.add(std::string(new_notifiers) + "n", "kill -TERM $$");
  scripts.add(std::string(old_notifiers) + "o");
  CHECK(scripts.refusal_apart([&] {
    scripts.hooks.pre(event);
    std::raise(SIGINT);
    scripts.hooks.post(event, HookState::failure);
    scripts.hooks.notify(event, HookState::failure);
  }) == "none");
  const Lines calls = scripts.calls();
  REQUIRE(calls.size() == 7);
  CHECK(Lines(calls.begin() + 4, calls.end()) ==
        Lines{"b post-define-failure" + config, "n notify-define-failure <>", "o notify-define-failure <>"});
}

TEST_CASE("ap-check gets the events of a definition of mdevadm as it can answer them") {
  Scripts scripts;
  scripts.add(std::string(new_callouts) + "ap-check", "exit 0");
  scripts.add(std::string(new_callouts) + "other", "exit 2");
  scripts.add(std::string(new_notifiers) + "all");
  ScriptEvent own = event;
  own.own = true;
  for (const HookAction action : {HookAction::modify, HookAction::undefine}) {
    own.action = action;
    scripts.hooks.pre(own);
    scripts.hooks.post(own, HookState::success);
    scripts.hooks.notify(own, HookState::success);
  }
  const std::string calls = test::read_text(scripts.temp.path() / "calls");
  CHECK(calls.find("ap-check pre-define-none") != std::string::npos);
  CHECK(calls.find("ap-check post-define-success") != std::string::npos);
  CHECK(calls.find("ap-check pre-modify") == std::string::npos);
  CHECK(calls.find("ap-check pre-undefine") == std::string::npos);
  CHECK(calls.find("ap-check post-undefine") == std::string::npos);
  CHECK(calls.find("other pre-undefine-none") != std::string::npos);
  CHECK(calls.find("all notify-modify-success") != std::string::npos);
  CHECK(calls.find("all notify-undefine-success") != std::string::npos);
}

TEST_CASE("a refusal by a script that is a text names the command that shows the script") {
  const std::string name = std::string(old_callouts) + "guard";
  const auto hints = [&](Scripts& scripts) {
    std::vector<std::string> found;
    try {
      scripts.hooks.pre(event);
    } catch (const Error& error) {
      found = error.hints();
    }
    std::transform(found.begin(), found.end(), found.begin(),
                   [&](const std::string& hint) { return scripts.without_root(hint); });
    return found;
  };
  Scripts refuses;
  refuses.add(name, "exit 1");
  CHECK(hints(refuses) == Lines{"see why the script refuses: less /" + name});
  Scripts breaks;
  breaks.add(name, "exit 127");
  CHECK(hints(breaks) ==
        Lines{"the status usually means that a program that the script runs does not exist: less /" + name,
              "to disable the script: chmod -x /" + name});
  Scripts binary;
  std::filesystem::create_directories(binary.temp.path() / old_callouts);
  std::filesystem::copy("/bin/false", binary.temp.path() / name);
  CHECK(hints(binary).empty());
}
