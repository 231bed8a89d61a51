#include <filesystem>
#include <mdevadm/store/group_file.hpp>
#include <mdevadm/store/store.hpp>
#include <mdevadm/util/error.hpp>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;
using namespace mdevadm::store;

namespace {

const Member a{*Uuid::parse("00000000-0000-0000-0000-00000000000a")};
const Member b{*Uuid::parse("00000000-0000-0000-0000-00000000000b")};
const Member c{*Uuid::parse("00000000-0000-0000-0000-00000000000c"), ParentName::parse("0000:86:00.0")};
const GroupName vm1 = *GroupName::parse("vm1");

GroupContent parse(std::string_view text) {
  return parse_group(text, "vm1.toml", vm1);
}

template <typename Change>
ExitCode code_of(const Change& change) {
  try {
    change();
  } catch (const Error& error) {
    return error.code();
  }
  return ExitCode::done;
}

}  // namespace

TEST_CASE("a formatted group parses back unchanged") {
  const Group group{vm1, {a, c, b}};
  CHECK(parse(format_group(group)).group == group);
  CHECK(parse(format_group({vm1})).group == Group{vm1});
  CHECK(format_group({vm1, {c}}) ==
        "members = [\n  \"0000:86:00.0/00000000-0000-0000-0000-00000000000c\",\n]\n");
}

TEST_CASE("an invalid group file is reported with line and column") {
  const auto problem = [](std::string_view text) { return parse(text).problem.str(); };
  CHECK(problem("members = [").starts_with("vm1.toml:1:"));
  CHECK(problem("") == "vm1.toml: missing required key 'members'");
  CHECK(problem("members = 1\n") == "vm1.toml:1:11: 'members' must be a list of UUIDs, not an integer");
  CHECK(problem("members = [\n  \"x\",\n]\n") ==
        "vm1.toml:2:3: invalid member 'x' (expected UUID or PARENT/UUID)");
  CHECK(problem("members = [\"../" + a.str() + "\"]\n").find("invalid member") != std::string::npos);
  CHECK(problem("members = [\"" + a.str() + "\", \"" + a.str() + "\"]\n").find("duplicate member") !=
        std::string::npos);
  CHECK(problem("members = []\nvm_uuid = \"x\"\n") == "vm1.toml:2:11: invalid vm_uuid 'x' (expected a UUID)");
  CHECK(problem("members = []\napplied_by = \"x\"\n") ==
        "vm1.toml:2:14: invalid applied_by 'x' (expected a UUID)");
  const GroupContent applied = parse("members = []\napplied_by = \"" + a.str() + "\"\n");
  REQUIRE(applied.group);
  CHECK(applied.group->applied_by == Uuid::parse(a.str()));
  const GroupContent problems = parse("members = []\ncolour = 1\n");
  REQUIRE(problems.group);
  REQUIRE(problems.problems.size() == 1);
  CHECK(problems.problems[0].str() == "vm1.toml:2:1: unknown key 'colour', ignored and preserved");
}

TEST_CASE("edit_group changes members and keys and preserves comments and layout") {
  const std::string text = "# cad\nmembers = [  # in order\n  \"" + a.str() +
                           "\",  # left\n  # the big one\n  \"" + b.str() + "\"\n]\n# end\n";
  const Group before{vm1, {a, b}};
  const std::string with = edit_group(text, "vm1.toml", before, {vm1, {a, b, c}});
  CHECK(with == "# cad\nmembers = [  # in order\n  \"" + a.str() + "\",  # left\n  # the big one\n  \"" +
                    b.str() + "\",\n  \"" + c.str() + "\",\n]\n# end\n");
  CHECK(edit_group(text, "vm1.toml", before, {vm1, {b}}) ==
        "# cad\nmembers = [  # in order\n  # the big one\n  \"" + b.str() + "\"\n]\n# end\n");
  Group whose = before;
  whose.sharing = Sharing::required;
  whose.start = StartMode::automatic;
  whose.vm = c.uuid;
  whose.node = NodePolicy{"qemu", std::nullopt, 0660, std::nullopt};
  const std::string said = edit_group(text, "vm1.toml", before, whose);
  CHECK(said.starts_with("# cad\nmembers = [  # in order\n"));
  CHECK(parse_group(said, "vm1.toml", vm1).group == whose);
  CHECK(parse_group(format_group(whose), "vm1.toml", vm1).group == whose);
  const std::string line = "members = [\"" + a.str() + "\", \"" + b.str() + "\"]  # two\n";
  CHECK(edit_group(line, "vm1.toml", before, {vm1, {a}}) ==
        "members = [\n  \"" + a.str() + "\",\n]  # two\n");
  const std::string crooked = "members = [\"" + a.str() + "\", # one\n\"" + b.str() + "\"]\n";
  CHECK(edit_group(crooked, "vm1.toml", before, {vm1, {a}}) ==
        "members = [\n  # one\n  \"" + a.str() + "\",\n]\n");
}

TEST_CASE("edit_group moves and inserts members with their comments in every layout") {
  const std::string text =
      "members = [\n  # the big one\n  \"" + a.str() + "\",  # left\n  \"" + b.str() + "\"\n  # tail\n]\n";
  const Group before{vm1, {a, b}};
  CHECK(edit_group(text, "vm1.toml", before, {vm1, {b, a}}) == "members = [\n  \"" + b.str() +
                                                                   "\",\n  # the big one\n  \"" + a.str() +
                                                                   "\",  # left\n  # tail\n]\n");
  CHECK(edit_group(text, "vm1.toml", before, {vm1, {a, c, b}}) ==
        "members = [\n  # the big one\n  \"" + a.str() + "\",  # left\n  \"" + c.str() + "\",\n  \"" +
            b.str() + "\"\n  # tail\n]\n");
  CHECK(edit_group(text, "vm1.toml", before, {vm1}) == "members = [\n  # the big one\n  # tail\n]\n");
  const std::string commas_first = "members = [\n  \"" + a.str() + "\"  # left\n  , \"" + b.str() + "\"\n]\n";
  CHECK(edit_group(commas_first, "vm1.toml", before, {vm1, {b, a}}) ==
        "members = [\n  # left\n  \"" + b.str() + "\",\n  \"" + a.str() + "\",\n]\n");
}

TEST_CASE("each group is stored in its own file and an invalid file does not affect the others") {
  const test::TempDir temp;
  const sys::Dir root = *sys::Dir::open(temp.str());
  const Store store(root);
  CHECK(store.load_groups().all.empty());
  store.add_group({vm1, {a}});
  CHECK_THROWS_AS(store.add_group({vm1}), Error);
  store.add_group({*GroupName::parse("vm10"), {b}});
  test::write_text(temp.path() / "etc/mdevadm/groups/vm2.toml", "members = [\"" + a.str() + "\"]\n");
  test::write_text(temp.path() / "etc/mdevadm/groups/bad.toml", "members = 7\n");
  test::write_text(temp.path() / "etc/mdevadm/groups/a b.toml", "members = []\n");
  std::filesystem::create_symlink("nowhere", temp.path() / "etc/mdevadm/groups/gone.toml");
  const Groups groups = store.load_groups();
  CHECK(groups.names() == std::vector<std::string>{"vm1", "vm2", "vm10"});
  CHECK(groups.broken.size() == 3);
  REQUIRE(groups.problems.size() == 1);
  CHECK(groups.problems[0].message ==
        "member '" + a.str() + "' is also in group 'vm1', which takes precedence");
  store.replace_group({vm1, {a}}, {vm1, {a, c}});
  CHECK_THROWS_AS(store.replace_group({vm1, {a}}, {vm1}), Error);
  store.leave_group(vm1, a);
  const GroupName vm3 = *GroupName::parse("vm3");
  CHECK(code_of([&] { store.rename_group({vm1, {a, c}}, vm3); }) == ExitCode::conflict);  // has changed
  store.rename_group({vm1, {c}}, vm3);
  CHECK(store.load_groups().find("vm3")->members == std::vector<Member>{c});
  CHECK(code_of([&] { store.rename_group({vm3, {c}}, *GroupName::parse("vm10")); }) == ExitCode::conflict);
  CHECK(code_of([&] { store.rename_group({vm1, {c}}, *GroupName::parse("vm4")); }) == ExitCode::not_found);
  CHECK(code_of([&] { store.remove_group({vm3, {a, c}}); }) == ExitCode::conflict);  // has changed
  CHECK(store.load_groups().find("vm3") != nullptr);
  store.remove_group({vm3, {c}});
  CHECK(code_of([&] { store.remove_group({vm3, {c}}); }) == ExitCode::not_found);
  std::filesystem::remove_all(temp.path() / "etc/mdevadm/groups");
  CHECK(code_of([&] { store.remove_group({vm3, {c}}); }) == ExitCode::not_found);
  CHECK_FALSE(root.exists("etc/mdevadm/groups"));
}

TEST_CASE("a group name is a label without spaces") {
  for (const char* good : {"vm1", "payroll.guest", "k_2"}) {
    CHECK(GroupName::parse(good));
  }
  for (const char* bad :
       {"", ".", "..", "a/b", "a b", "-a", "00000000-0000-0000-0000-00000000000a", "a\nb"}) {
    CAPTURE(bad);
    CHECK_FALSE(GroupName::parse(bad));
  }
}
