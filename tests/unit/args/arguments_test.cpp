#include <mdevadm/args/arguments.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>

#include "catch.hpp"

using namespace mdevadm;

namespace {

struct Line {
  CLI::App app{"", "tool"};
  bool quiet = false, all = false, loud = false;
  std::string type, output, first;
  std::vector<std::string> rest;
  args::Selection selection;

  Line() {
    app.set_help_flag();
    app.add_flag("-q,--quiet", quiet);
    CLI::App* list = app.add_subcommand("list");
    auto* every = list->add_flag("-a,--all", all);
    list->add_option("-t,--type", type)->type_name("TYPE")->excludes(every);
    list->add_option("-o,--output", output)->join(',');
    list->add_flag("-l,--loud", loud)->needs(every);
    CLI::App* family = app.add_subcommand("group");
    CLI::App* add = family->add_subcommand("add");
    add->add_option("first", first)->type_name("FIRST")->required();
    add->add_option("rest,-u", rest)->type_name("REST");
  }

  void read(const std::vector<std::string>& words) {
    selection = args::read(app, words, args::Vocabulary());
    if (!selection.help) {
      args::require_complete(selection);
    }
  }

  std::string refusal(const std::vector<std::string>& words) {
    try {
      read(words);
    } catch (const Error& error) {
      CHECK(error.code() == ExitCode::usage);
      return error.what() + std::string(" / ") + join(error.hints(), "\n");
    }
    return "accepted";
  }
};

std::string refusal(const std::vector<std::string>& words) {
  return Line().refusal(words);
}

}  // namespace

TEST_CASE("options are accepted before and after the command with joined and separate values") {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"list", "-q", "-t", "x", "-o", "a", "-o", "b"},
                                             {"-t", "x", "-qo", "a", "list", "--output=b"},
                                             {"--type=x", "-oa", "list", "-ob", "--quiet"}}) {
    Line line;
    line.read(words);
    CAPTURE(words);
    CHECK(line.selection.command->get_name() == "list");
    CHECK(line.quiet);
    CHECK(line.type == "x");
    CHECK(line.output == "a,b");
  }
}

TEST_CASE("values with brackets and leading hyphens are not interpreted") {
  Line line;
  line.read({"group", "add", "[a,b]", "-u", "[c,d]", "--", "-x", "--quiet"});
  CHECK(line.first == "[a,b]");
  CHECK(line.rest == std::vector<std::string>{"[c,d]", "-x", "--quiet"});
  CHECK_FALSE(line.quiet);
  Line dash;
  dash.read({"list", "-t", "-1"});
  CHECK(dash.type == "-1");
}

TEST_CASE("an unknown command or option is reported with the closest match or the matching help") {
  CHECK(refusal({"lst"}) == "unknown command 'lst' / did you mean 'list'?");
  CHECK(refusal({"group", "xyz"}) == "unknown command 'group xyz' / see tool help group");
  CHECK(refusal({"list", "--tpye", "x"}) == "'list' has no option '--tpye' / did you mean '--type'?");
  CHECK(refusal({"list", "-quiet"}) == "'list' has no option '-quiet' / did you mean '--quiet'?");
  CHECK(refusal({"list", "-x"}) == "'list' has no option '-x' / see tool help list");
}

TEST_CASE("exclusions and requirements are reported in the order given") {
  CHECK(refusal({"list", "-a", "-t", "x"}) == "cannot combine --all with --type / see tool help list");
  CHECK(refusal({"list", "-t", "x", "-a"}) == "cannot combine --type with --all / see tool help list");
  CHECK(refusal({"list", "-l"}) == "--loud requires --all / see tool help list");
  CHECK(refusal({"group", "add"}) == "missing argument FIRST / see tool help group add");
  CHECK(refusal({"list", "x"}) == "unexpected argument 'x' / see tool help list");
  CHECK(refusal({"list", "-t", "x", "-t", "x"}) == "--type is given more than once / see tool help list");
  CHECK(refusal({"list", "--all=1"}) == "option '--all' does not allow an argument / see tool help list");
  CHECK(refusal({"list", "--type"}) == "option '--type' requires an argument / see tool help list");
  CHECK(refusal({"list", "--type", "--all"}) == "option '--type' requires an argument / see tool help list");
}

TEST_CASE("a command group without a command selects the group") {
  Line line;
  line.read({"group"});
  CHECK(args::full_name(*line.selection.command) == "group");
  Line none;
  none.read({"-q"});
  CHECK(none.selection.command == &none.app);
  CHECK(none.quiet);
}

TEST_CASE("help of a command does not require its arguments") {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"help", "group", "add"}, {"group", "help", "add"}}) {
    Line line;
    line.read(words);
    CHECK(line.selection.help);
    CHECK(args::full_name(*line.selection.command) == "group add");
  }
}
