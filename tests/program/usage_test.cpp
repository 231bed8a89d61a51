// The command line: options are accepted in any position and usage errors do not contain messages of CLI11.
#include <map>
#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "program.hpp"
#include "tree.hpp"

using namespace mdevadm;

namespace {

struct World : test::Host {
  World() : Host("samples") {}
  test::Ran run(std::vector<std::string> words) const {
    words.insert(words.begin(), {"--root", str()});
    return test::mdevadm(words);
  }
};

const nlohmann::json& tree() {
  static const nlohmann::json json = nlohmann::json::parse(test::mdevadm({"__describe"}).out);
  return json;
}

std::vector<std::string> words_of(const std::string& name) {
  std::vector<std::string> words;
  std::istringstream stream(name);
  for (std::string word; stream >> word;) {
    words.push_back(word);
  }
  return words;
}

std::vector<std::string> with(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// Returns false if the text contains a message of CLI11.
bool is_in_our_words(const std::string& text) {
  for (const char* phrase :
       {"is required", "excludes", "At Most", "At Least", "at least", "needs", "were not expected",
        "was not expected", "Could not convert", "ubcommand", "TEXT", "REQUIRED", "required but",
        "ArgumentMismatch", "INCORRECT", "Print this help"}) {
    if (text.find(phrase) != std::string::npos) {
      return false;
    }
  }
  return true;
}

void check_refused(const std::vector<std::string>& words) {
  const test::Ran ran = test::mdevadm(words);
  CAPTURE(words, ran.err);
  CHECK(ran.code == 2);
  CHECK(ran.out.empty());
  CHECK(ran.err.starts_with("mdevadm: error: "));
  CHECK(ran.err.find("\nhint: ") != std::string::npos);
  CHECK(is_in_our_words(ran.err));
  CHECK(std::count(ran.err.begin(), ran.err.end(), '\n') == 2);
}

std::string last_name(const nlohmann::json& option) {
  return option["names"].empty() ? std::string{} : option["names"].back()["name"].get<std::string>();
}

}  // namespace

TEST_CASE("an option of the same name takes a value in all commands or in none") {
  std::map<std::string, bool> takes_value;
  const auto take = [&](const nlohmann::json& options) {
    for (const auto& option : options) {
      for (const auto& name : option["names"]) {
        // "parent set --check" has a command as its value, and "import vgpu-device-manager --config" a name;
        // before the command they could be the flags of "apply" and "modify".
        if (name["name"] == "--check" || name["name"] == "--config") {
          continue;
        }
        const auto [known, is_new] = takes_value.emplace(name["name"], !option["value"].is_null());
        CAPTURE(name);
        CHECK(known->second == !option["value"].is_null());
      }
    }
  };
  take(tree()["options"]);
  for (const auto& command : tree()["commands"]) {
    take(command["options"]);
  }
}

TEST_CASE("usage errors of every command do not contain messages of the CLI library") {
  for (const auto& command : tree()["commands"]) {
    const std::vector<std::string> name = words_of(command["name"]);
    check_refused(with(name, {"--no-such-option"}));
    check_refused(with(name, {"-X"}));
    const std::vector<std::string> many(20, "a");
    bool takes_many = false;
    for (const auto& option : command["options"]) {
      const std::string option_name = last_name(option);
      takes_many = takes_many || (option["positional"] == true && option["repeatable"] == true);
      if (option_name.empty()) {
        continue;
      }
      if (option["value"].is_null()) {
        check_refused(with(name, {option_name + "=x"}));
        continue;
      }
      check_refused(with(name, {option_name}));
      check_refused(with(name, {option_name, "--verbose"}));
      if (option["repeatable"] == false) {
        check_refused(with(name, {option_name + "=a", option_name + "=a"}));
      }
    }
    if (!takes_many) {
      check_refused(with(name, many));
    }
  }
}

TEST_CASE("conflicts of any two options do not cause messages of the CLI library") {
  const World world;
  for (const auto& command : tree()["commands"]) {
    const auto& options = command["options"];
    for (std::size_t i = 0; i < options.size(); ++i) {
      for (std::size_t j = i + 1; j < options.size(); ++j) {
        std::vector<std::string> words = words_of(command["name"]);
        for (const auto* option : {&options[i], &options[j]}) {
          const bool has_value = !(*option)["value"].is_null();
          const std::string option_name = last_name(*option);
          words.push_back(option_name.empty() ? "x"
                          : has_value         ? option_name + "=/nonexistent/x"
                                              : option_name);
        }
        words.emplace_back("--root=" + world.str());
        const test::Ran ran = test::mdevadm(words);
        CAPTURE(words, ran.err);
        CHECK(is_in_our_words(ran.err));
      }
    }
  }
}

TEST_CASE("options can be given before the command") {
  const World world;
  const std::string list = world.run({"list", "--json"}).out;
  CHECK(!list.empty());
  CHECK(world.run({"--json", "list"}).out == list);
  CHECK(world.run({"-p", "mtty", "list", "--json"}).out == world.run({"list", "--json", "-p", "mtty"}).out);
  CHECK(world.run({"-pmtty", "list"}).out == world.run({"list", "--parent=mtty"}).out);
  CHECK(world.run({"--json", "group", "list"}).out == world.run({"group", "list", "--json"}).out);
  CHECK(world
            .run({"--dry-run", "start", "-p", "mtty", "-t", "mtty-1", "-u",
                  "00000000-0000-0000-0000-0000000000bb"})
            .out.find("create mtty-1") != std::string::npos);
  CHECK(world.run({"--auto", "--name", "seat", "define", "-p", "mtty", "-t", "mtty-1"}).code == 0);
  CHECK(world.run({"show", "seat", "-o", "start"}).out == "start: auto\n");
}

TEST_CASE("usage errors name the option") {
  struct Case {
    std::vector<std::string> words;
    std::string error;
    std::string hint;
  };
  for (const Case& c : std::vector<Case>{
           {{"list", "--type"}, "option '--type' requires an argument", "see mdevadm help list"},
           {{"list", "--type", "--verbose"}, "option '--type' requires an argument", "see mdevadm help list"},
           {{"list", "--json=x"}, "option '--json' does not allow an argument", "see mdevadm help list"},
           {{"list", "--defined", "--all"}, "cannot combine --defined with --all", "see mdevadm help list"},
           {{"list", "-p", "a", "-p", "b"}, "--parent is given more than once", "see mdevadm help list"},
           {{"list", "-all"}, "'list' has no option '-all'", "did you mean '--all'?"},
           {{"list", "--name"}, "'list' has no option '--name'", "see mdevadm help list"},
           {{"start", "--timeout", "3"},
            "missing argument DEVICE",
            "specify a device, --all, --auto, --parent and --type, --need, or --series"},
           {{"start", "-p", "gpu", "--need", "heads=1", "--timeout", "3"},
            "--timeout requires DEVICE, --all or --auto",
            "only devices with a definition are waited for"},
           {{"start", "x", "--auto"}, "cannot combine DEVICE with --auto", "see mdevadm help start"},
           {{"start", "00000000-0000-0000-0000-0000000000bb", "-p", "mtty", "-t", "mtty-1"},
            "cannot combine DEVICE with --type",
            "to start a transient device with this UUID: mdevadm start --parent mtty --type mtty-1 --uuid "
            "00000000-0000-0000-0000-0000000000bb"},
           {{"start", "x", "-p", "mtty", "-t", "mtty-1"},
            "cannot combine DEVICE with --type",
            "the UUID of a transient device is set with --uuid UUID"},
           {{"modify", "a", "b", "--auto"}, "unexpected argument 'b'", "see mdevadm help modify"},
           {{"group", "show"}, "missing argument GROUP", "list groups: mdevadm group list"},
           {{"group", "rm", "x"}, "unknown command 'group rm'", "did you mean 'mdevadm group delete'"},
           {{"create"}, "unknown command 'create'", "did you mean 'mdevadm start' (create the device) or "},
           {{"destroy"}, "unknown command 'destroy'", "did you mean 'mdevadm stop' (remove the device) or "},
           {{"edit", "x"}, "unknown command 'edit'", "did you mean 'mdevadm modify'?"},
           {{"--frob"}, "unknown option '--frob'", "see mdevadm help"},
           {{"define", "1e127251-f09c-473a-a803-cf658f58033", "-p", "mtty", "-t", "mtty-1"},
            "invalid UUID '1e127251-f09c-473a-a803-cf658f58033': 11 instead of 12 digits in the last group",
            ""},
       }) {
    const test::Ran ran = test::mdevadm(c.words);
    CAPTURE(c.words, ran.err);
    CHECK(ran.code == 2);
    CHECK(ran.out.empty());
    CHECK(ran.err.starts_with("mdevadm: error: " + c.error + "\n"));
    CHECK((c.hint.empty() || ran.err.find("hint: " + c.hint) != std::string::npos));
  }
}

TEST_CASE("a malformed UUID is reported as an invalid UUID unless it is a name or UUID prefix") {
  const World world;
  const test::Ran ran = world.run({"define", "1e127251-f09c-473a-a803-cf658f58033"});
  CHECK(ran.code == 2);
  CHECK(ran.err.starts_with(
      "mdevadm: error: cannot define '1e127251-f09c-473a-a803-cf658f58033': invalid UUID: 11 instead of 12 "
      "digits in the last group\n"));
  CHECK(world.run({"show", "1e127251-f09c-473a"}).code == 3);
  CHECK(world.run({"show", "dead-beef-cafe"}).code == 2);
  CHECK(world.run({"define", "--name", "dead-beef-cafe", "-p", "mtty", "-t", "mtty-1"}).code == 0);
  CHECK(world.run({"show", "dead-beef-cafe"}).code == 0);
}

TEST_CASE("several -o options are combined") {
  const World world;
  const auto heading = [](const test::Ran& ran) { return words_of(ran.out.substr(0, ran.out.find('\n'))); };
  CHECK(heading(world.run({"list", "-o", "uuid", "-o", "state"})) ==
        std::vector<std::string>{"UUID", "STATE"});
  CHECK(heading(world.run({"list", "-o", "+node", "-o", "+origin"})).back() == "ORIGIN");
  CHECK(heading(world.run({"list", "-o", "+node", "-o", "+origin"})) ==
        heading(world.run({"list", "-o", "+node,origin"})));
}

TEST_CASE("mdevadm without a command prints the help with exit code 2") {
  const test::Ran ran = test::mdevadm({});
  CHECK(ran.code == 2);
  CHECK(ran.err.empty());
  CHECK(ran.out == test::mdevadm({"help"}).out);
  CHECK(test::mdevadm({"group"}).code == 2);
  CHECK(test::mdevadm({"group"}).out == test::mdevadm({"help", "group"}).out);
  const test::Ran option = test::mdevadm({"--verbose"});
  CHECK(option.code == 2);
  CHECK(option.err == "mdevadm: error: missing command\nhint: list the commands: mdevadm help\n");
  const test::Ran json = test::mdevadm({"--json"});
  CHECK(json.code == 2);
  CHECK(nlohmann::json::parse(json.err)["error"]["message"] == "missing command");
}

TEST_CASE("all forms of requesting help print the same text") {
  const std::string help = test::mdevadm({"help", "group", "start"}).out;
  CHECK(help.starts_with("group start: "));
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"group", "start", "--help"},
                                             {"-h", "group", "start"},
                                             {"help", "group", "start", "x", "--auto"}}) {
    CHECK(test::mdevadm(words).out == help);
  }
  CHECK(test::mdevadm({"help", "--help"}).out == test::mdevadm({"help"}).out);
  CHECK(test::mdevadm({"help", "help"}).out == test::mdevadm({"help"}).out);
  CHECK(test::mdevadm({"status", "help"}).out == test::mdevadm({"help", "status"}).out);
  CHECK(test::mdevadm({"group", "help"}).out == test::mdevadm({"help", "group"}).out);
  CHECK(test::mdevadm({"undefine", "--help"}).code == 0);
}

TEST_CASE("aliases of commands print the same as the commands and all forms of version agree") {
  const World world;
  CHECK(world.run({"ls", "--json"}).out == world.run({"list", "--json"}).out);
  CHECK(world.run({"group", "ls"}).code == 0);
  CHECK(world.run({"rm", "nosuch"}).code == 3);
  CHECK(test::mdevadm({"help", "ls"}).out == test::mdevadm({"help", "list"}).out);
  const std::string version = test::mdevadm({"--version"}).out;
  CHECK(test::mdevadm({"version"}).out == version);
  CHECK(test::mdevadm({"--version", "list"}).out == version);
  const auto json = nlohmann::json::parse(test::mdevadm({"version", "--json"}).out);
  CHECK(version == "mdevadm " + json["release"].get<std::string>() + "\n");
  CHECK(test::mdevadm({"--version", "--json"}).out == test::mdevadm({"version", "--json"}).out);
}

TEST_CASE("time values accept units") {
  const World world;
  const std::string uuid = "abcd0000-0000-4000-8000-000000000003";
  const auto waits = [&](const std::string& time) {
    const test::Ran ran = world.run({"stop", uuid, "--dry-run", "--timeout", time});
    CAPTURE(time, ran.err);
    CHECK(ran.code == 0);
    const std::size_t start = ran.out.find("wait up to ");
    return start == std::string::npos ? ""
                                      : ran.out.substr(start + 11, ran.out.find(" for", start) - start - 11);
  };
  CHECK(waits("5") == waits("5s"));
  CHECK(waits("0.5") == waits("500ms"));
  CHECK(waits("90") == waits("1min 30s"));
  CHECK(waits("90") == waits("1m30s"));
  CHECK(waits("60sec") == waits("1 minute"));
  CHECK(waits("5s") != waits("5min"));
  for (const char* bad : {"5x", "s", "5s5", "-1", "", "1e99", "inf", "nan"}) {
    CAPTURE(bad);
    CHECK((world.run({"stop", uuid, "--dry-run", "--timeout", bad}).code == 2) ==
          (std::string(bad) != "5s5"));
  }
}
