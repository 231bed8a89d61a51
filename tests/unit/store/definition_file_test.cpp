#include <mdevadm/model/ap.hpp>
#include <mdevadm/store/definition_file.hpp>
#include <mdevadm/store/definition_text.hpp>
#include <mdevadm/util/error.hpp>

#include "catch.hpp"

using namespace mdevadm;
using store::edit_definition;
using store::format_definition;
using store::parse_definition;

namespace {

const Uuid uuid = *Uuid::parse("c0ffee00-1111-4222-8333-444444444444");
const ParentName matrix = *ParentName::parse("matrix");

store::FileContent parsed(std::string_view text) {
  return parse_definition(text, "f.toml", {uuid, matrix});
}

Definition definition_of(std::string_view text) {
  const store::FileContent content = parsed(text);
  INFO(content.problem.str());
  REQUIRE(content.definition);
  return *content.definition;
}

Attribute attribute(const char* name, const char* value) {
  return {*AttributeName::parse(name), value};
}

constexpr const char* full = R"(# seats of the drawing office
type = "nvidia-17"                 # 4 GiB
start = "auto"
name = "cad-seat-1"
aggregate = 10
create_args = "vm_uuid=1"

# crypto, in this order
[[attribute]]
name = "assign_adapter"
value = "5"

[[attribute]]
name = "assign_adapter"
value = "6"
[[attribute]]
name = "assign_domain"   # the second
value = "0xab"

# who may open it
[node]
owner = "libvirt-qemu"
group = "kvm"
mode = "0660"

[abi]
device_api = "vfio-pci"
)";

}  // namespace

TEST_CASE("all keys of a definition file described in the manual are parsed") {
  const Definition d = definition_of(full);
  CHECK(d.uuid == uuid);
  CHECK(d.parent == matrix);
  CHECK(d.type.str() == "nvidia-17");
  CHECK(d.start == StartMode::automatic);
  CHECK(d.name->str() == "cad-seat-1");
  CHECK(d.aggregate == 10U);
  CHECK(d.create_args == "vm_uuid=1");
  CHECK(d.attributes == std::vector{attribute("assign_adapter", "5"), attribute("assign_adapter", "6"),
                                    attribute("assign_domain", "0xab")});
  CHECK(d.node == NodePolicy{"libvirt-qemu", "kvm", 0660});
  CHECK(parsed(full).problems.empty());
}

TEST_CASE("type is the only required key of a definition file") {
  const Definition d = definition_of("type = 'x'");
  CHECK(d.start == StartMode::manual);
  CHECK_FALSE(d.name);
  CHECK(d.attributes.empty());
}

TEST_CASE("a formatted definition parses back unchanged for all kinds of values") {
  Definition d = definition_of(full);
  d.attributes.push_back(attribute("a/b", "quote \" backslash \\ tab \t newline \n ü \x01 end"));
  d.create_args = "x=\"1\",y='2'";
  CHECK(definition_of(format_definition(d)) == d);
  const Definition bare = definition_of("type = 'x'");
  CHECK(definition_of(format_definition(bare)) == bare);
}

TEST_CASE("a TOML syntax error is reported with file and line and column") {
  const store::FileContent content = parsed("type = \"a\"\nstart = auto\n");
  REQUIRE_FALSE(content.definition);
  CHECK(content.problem.line == 2);
  CHECK(content.problem.column > 1);
  CHECK(content.problem.str().substr(0, 9) == "f.toml:2:");
  CHECK(parsed("[# a comment").problem.message ==
        "invalid TOML: key expected (letters, digits, '_' and '-'), not '#'");
  CHECK(parsed("type = ").problem.message == "invalid TOML: value missing (expected KEY = VALUE)");
}

TEST_CASE("the usual mistakes in TOML are named in plain words") {
  struct Case {
    const char* text;
    const char* reason;
  };
  for (const auto& [text, reason] : {
           Case{"type = nvidia-17\n", "invalid value 'nvidia-17' (text must be in quotes)"},
           Case{"# é\nname = seat # é\n", "invalid value 'seat' (text must be in quotes)"},
           Case{"start = True\n", "invalid value 'True' (text must be in quotes)"},
           Case{"vf = 0000:41:00.4\n", "invalid value '0000:41:00.4' (text must be in quotes)"},
           Case{"a = [b, \"c\"]\n", "invalid value 'b' (text must be in quotes)"},
           Case{"mode = 0660\n",
                "invalid value '0660' (numbers have no leading zeros, text must be in quotes)"},
           Case{"a = 99999999999999999999\n", "number '99999999999999999999' too large"},
           Case{"name = \n", "value missing after '='"},
           Case{"name\n", "value missing (expected KEY = VALUE)"},
           Case{"name", "value missing (expected KEY = VALUE)"},
           Case{"name: \"a\"\n", "'=' expected after the key, not ':'"},
           Case{"name = \"seat\n", "closing quotation mark missing"},
           Case{"name = 'seat\r\n", "closing quotation mark missing"},
           Case{"name = \"seat", "closing quotation mark missing"},
           Case{"name = \"a\" b\n", "the line does not end after the value: 'b'"},
           Case{"name = \"a\"\nname = \"b\"\n", "duplicate key 'name'"},
           Case{"[node]\n[node]\n", "duplicate table 'node'"},
           Case{"[node\n", "']' missing after the name of the table"},
           Case{"[[attribute]\n", "']' missing after the name of the table"},
           Case{"[]\n", "name of the table missing"},
           Case{"a = [1 2]\n", "',' or ']' expected after a value of the list, not '2'"},
           Case{"a = [1, 2", "']' missing after the list"},
           Case{"a = {b = 1\n", "'}' missing in the line of '{'"},
           Case{"a = {b = 1,}\n", "key expected after ',', not '}'"},
           Case{"= 1\n", "key or '[' expected at the beginning of the line, not '='"},
           Case{"a = \"C:\\Users\"\n",
                "invalid escape sequence (in double quotes, a backslash is written as two)"},
           Case{"a = \x01\n", "unexpected control character"},
       }) {
    INFO(text);
    CHECK(parsed(text).problem.message == std::string("invalid TOML: ") + reason);
  }
}

// toml++ 3.3 and 3.4 alone have undefined behaviour here, which a sanitizer shows.
TEST_CASE("letters that are not ASCII are valid in strings and comments only") {
  const std::string type = "type = \"a\"\n";
  for (const char* valid :
       {"name = \"b\"  # für é\n", "create_args = \"é\"\n", "create_args = 'é\\'\n",
        "create_args = \"\"\"é\n\"é\"\"\"\"\n# é\n", "\"ключ\" = 1\n", "# é", "a.\"é\" = 1", "[[a.\"é\"]]",
        "a = [1, \"é\"]", "a = {b = 1, c.\"é\" = 2}", "a = 1#é"}) {
    INFO(valid);
    CHECK(parsed(type + valid).problem.message.find("invalid TOML") == std::string::npos);
  }
  CHECK(definition_of("\xef\xbb\xbf" + type).type.str() == "a");
  for (const char* invalid : {"name = é\n", "ключ = 1\n", "a = \"é\" é\n", "a = 1\"é\"", "a = 1='é'",
                              "a = [1, 2[\"é\"]", "a = {b = 1{\"é\"}", "a = \"\"\"\\\xef\xbb\xbfr\"\"\"",
                              "a = \"\"\"\\é\"\"\"", "a = \"\"\"\n\"\"\" \xf0\x9f\x98\x80", "a = [1, \x9f]",
                              "a = 1ano-6d0\xcf\xa8", "aé = 1", "[aé]", "[a] é", "a = trué"}) {
    INFO(invalid);
    const FileProblem problem = parsed(type + invalid).problem;
    CHECK(problem.message.starts_with("invalid TOML: "));
    CHECK(problem.line >= 2);
  }
}

TEST_CASE("an invalid key or value is reported with the line where it is") {
  struct Case {
    const char* text;
    std::size_t line;
    const char* part;
  };
  for (const Case& c :
       {Case{"start = 'auto'\n", 0, "missing required key 'type'"},
        Case{"type = 5\n", 1, "must be a string, not an integer"}, Case{"type = 'a/b'\n", 1, "invalid type"},
        Case{"type='a'\nstart='sometimes'\n", 2, "\"sometimes\""},
        Case{"type='a'\nname='../x'\n", 2, "invalid name"}, Case{"type='a'\naggregate=0\n", 2, "at least 1"},
        Case{"type='a'\naggregate=-3\n", 2, "at least 1"},
        Case{"type='a'\nattribute='x'\n", 2, "list of tables"},
        Case{"type='a'\n[[attribute]]\nname='x'\n", 2, "requires the keys 'name' and 'value'"},
        Case{"type='a'\n[[attribute]]\nname='../x'\nvalue='1'\n", 3, "invalid name"},
        Case{"type='a'\n[node]\nmode='0999'\n", 3, "octal"},
        Case{"type='a'\n[node]\nmode='01777'\n", 3, "octal"},
        Case{"type='a'\nnode=1\n", 2, "must be a table"}, Case{"type='a'\nuuid='x'\n", 2, "invalid uuid"},
        Case{"type='a'\nuuid='00000000-0000-0000-0000-000000000000'\n", 2, "(expected "},
        Case{"type='a'\nparent='other'\n", 2, "(expected "}}) {
    CAPTURE(c.text);
    const store::FileContent content = parsed(c.text);
    REQUIRE_FALSE(content.definition);
    CHECK(content.problem.line == c.line);
    CHECK(content.problem.message.find(c.part) != std::string::npos);
  }
}

TEST_CASE("the keys parent and uuid in a file identify the device if its path does not") {
  const auto content =
      parse_definition("parent='p'\nuuid='C0FFEE00-1111-4222-8333-444444444444'\ntype='t'", "f", {});
  REQUIRE(content.definition);
  CHECK(content.definition->uuid == uuid);
  CHECK(content.definition->parent.str() == "p");
  CHECK_FALSE(parse_definition("type='t'", "f", {}).definition);
}

TEST_CASE("unknown keys are reported with their line and otherwise ignored") {
  const store::FileContent content =
      parsed("type='a'\nfoo = 1\n[bar]\nx=1\n[[attribute]]\nname='n'\nvalue='v'\nz=2\n");
  REQUIRE(content.definition);
  REQUIRE(content.problems.size() == 3);
  for (const FileProblem& problem : content.problems) {
    CHECK(problem.message.find("unknown key") == 0);
    CHECK(problem.line > 1);
  }
}

TEST_CASE("edit_definition replaces changed values and leaves the rest of the text unchanged") {
  const Definition before = definition_of(full);
  Definition after = before;
  after.start = StartMode::manual;
  after.type = *TypeName::parse("nvidia-18");
  std::string wanted = full;
  wanted.replace(wanted.find("\"nvidia-17\""), 11, "\"nvidia-18\"");
  wanted.replace(wanted.find("\"auto\""), 6, "\"manual\"");
  CHECK(edit_definition(full, "f", before, after) == wanted);
}

TEST_CASE("edit_definition removes the line of a removed key and inserts a new key after the others") {
  const Definition before = definition_of(full);
  Definition after = before;
  after.name.reset();
  after.aggregate.reset();
  const std::string edited = edit_definition(full, "f", before, after);
  CHECK(definition_of(edited) == after);
  CHECK(edited.find("cad-seat") == std::string::npos);
  CHECK(edited.find("# crypto, in this order") != std::string::npos);
  CHECK(edit_definition(edited, "f", after, before)
            .find("create_args = \"vm_uuid=1\"\nname = \"cad-seat-1\"\naggregate = 10\n") !=
        std::string::npos);
}

TEST_CASE("edit_definition removes one of several attributes of a name and preserves comments") {
  const Definition before = definition_of(full);
  Definition after = before;
  after.attributes.erase(after.attributes.begin());
  std::string wanted = full;
  const std::string block = "[[attribute]]\nname = \"assign_adapter\"\nvalue = \"5\"\n";
  wanted.replace(wanted.find(block), block.size(), "");
  CHECK(edit_definition(full, "f", before, after) == wanted);
}

TEST_CASE("attributes that are added and removed again leave the file as it was") {
  for (const char* text :
       {"type = \"a\"\n", "type = \"a\"\n\n[[attribute]]\nname = \"x\"\nvalue = \"1\"\n",
        "type = \"a\"\n\n[[attribute]]\nname = \"x\"\nvalue = \"1\"\n\n[node]\nmode = \"0600\"\n"}) {
    const Definition before = definition_of(text);
    for (const bool is_first : {true, false}) {
      Definition after = before;
      after.attributes.insert(is_first ? after.attributes.begin() : after.attributes.end(),
                              {attribute("y", "2"), attribute("z", "3")});
      const std::string added = edit_definition(text, "f", before, after);
      CHECK(definition_of(added) == after);
      CHECK(edit_definition(added, "f", after, before) == text);
      Definition other = after;
      other.attributes.front() = attribute("first", "0");
      CHECK(definition_of(edit_definition(added, "f", after, other)) == other);
    }
  }
}

TEST_CASE("edit_definition appends new attributes after the last attribute and before the next table") {
  const Definition before = definition_of(full);
  Definition after = before;
  after.attributes.push_back(attribute("assign_control_domain", "1"));
  const std::string edited = edit_definition(full, "f", before, after);
  CHECK(definition_of(edited) == after);
  CHECK(edited.find("value = \"0xab\"\n\n[[attribute]]\nname = \"assign_control_domain\"") !=
        std::string::npos);
  CHECK(edited.find("# who may open it\n[node]") != std::string::npos);
}

TEST_CASE("edit_definition yields the new definition for every form of a file and preserves comments") {
  const std::vector<std::string> forms{
      full,
      "type='a'",
      "# only a comment\n\ntype = 'a' # why\n",
      "type='a'\r\nstart='auto'\r\n[[attribute]]\r\nname='x'\r\nvalue='1'\r\n",
      "type='a'\nattribute=[{name='x',value='1'},{name='y',value='2'}]\n# end\n",
      "type='a'\nattribute=[]\n",
      "'type'='a'\n\"start\"='auto'\nfoo.bar = 1\nnode.owner='x'\n",
      "type = '''a'''\ncreate_args = \"\"\"one\ntwo\"\"\"\n[x]\ny=1\n# "
      "last\n[[attribute]]\nname='ü'\nvalue='ß' # ö\n[attribute.meta]\nz=1\n",
      "start='auto'\n# c1\n[node]\nowner='o'\n# c2\n\n# "
      "c3\n[[attribute]]\nname='x'\nvalue='[[attribute]]'\n# c4\n",
  };
  for (std::string form : forms) {
    if (form.find("type") == std::string::npos) {
      form = "type='a'\n" + form;
    }
    const Definition before = definition_of(form);
    std::vector<Definition> targets(8, before);
    targets[0].name = Label::parse("n");
    targets[1].start = before.start == StartMode::manual ? StartMode::automatic : StartMode::manual;
    targets[2].attributes.push_back(attribute("new", "\"quoted\" \\"));
    targets[3].attributes.insert(targets[3].attributes.begin(), attribute("first", "1"));
    targets[4].attributes.clear();
    targets[5].type = *TypeName::parse("b");
    targets[5].aggregate = 3;
    targets[5].create_args.reset();
    targets[6].name = Label::parse("n");
    targets[6].attributes = {attribute("p", "1"), attribute("q", "2")};
    targets[7].create_args = "k=v";
    for (const Definition& after : targets) {
      CAPTURE(form, format_definition(after));
      const std::string edited = edit_definition(form, "f", before, after);
      CHECK(definition_of(edited) == after);
      CHECK(std::count(edited.begin(), edited.end(), '#') >= std::count(form.begin(), form.end(), '#') - 1);
    }
  }
}

TEST_CASE("a number sign in a string is not taken for a comment") {
  for (const char* name : {R"("b\"#1")", "'b#1'", R"("""b"#1""")"}) {
    INFO(name);
    const std::string text = std::string("type = \"a\"\nname = ") + name + "  # seat\n";
    const Definition before = definition_of(text);
    Definition after = before;
    after.name = Label::parse("c");
    CHECK(edit_definition(text, "f.toml", before, after) == "type = \"a\"\nname = \"c\"  # seat\n");
  }
}

TEST_CASE("an edit removes recorded properties that do not exist any longer") {
  const std::string text =
      "type = \"a\"\n\n# as recorded\n[abi]\ndescription = \"x=1\"\nmigration_version = \"m\"\nname = "
      "\"N\"\n";
  const Definition before = definition_of(text);
  Definition after = before;
  after.abi = Abi{{"name", "M"}, {"pci_id", "10de:1"}};
  CHECK(edit_definition(text, "f", before, after) ==
        "type = \"a\"\n\n# as recorded\n[abi]\nname = \"M\"\npci_id = \"10de:1\"\n");
  after.abi.reset();
  CHECK(edit_definition(text, "f", before, after) == "type = \"a\"\n\n# as recorded\n");
}

TEST_CASE("edit_definition rewrites a file without comments if its layout cannot be changed") {
  const std::string text = "type='a'\nabi = {name='N', pci_id='1'}\nattribute=[{name='x',value='#1'}]\n";
  const Definition before = definition_of(text);
  Definition after = before;
  after.abi = Abi{{"driver", "nvidia"}};
  CHECK(edit_definition(text, "f", before, after) == format_definition(after));
  const std::string unknown = "other = 1\n" + text;
  CHECK_THROWS_AS(edit_definition(unknown, "f", before, after), Error);
}

TEST_CASE("edit_definition throws if the edit would lose a comment") {
  const std::string text = "type='a'\nattribute=[\n  # the first\n  {name='x',value='1'},\n]\n";
  const Definition before = definition_of(text);
  Definition after = before;
  after.attributes.clear();
  CHECK_THROWS_AS(edit_definition(text, "f", before, after), Error);
  const std::string behind = "type='a'\nattribute=[\n  {name='x',value='#1'},  # the first\n]\n";
  const Definition with_value = definition_of(behind);
  after = with_value;
  after.attributes.push_back(attribute("y", "2"));
  CHECK_THROWS_AS(edit_definition(behind, "f", with_value, after), Error);
}

namespace {

constexpr const char* with_queues = R"(type = "vfio_ap-passthrough"

# the cards
[ap]
adapters = [5, "0x0a-0x0b"]  # two of them new
domains = ["0x0014"]

[[attribute]]
name = "other"
value = "1"
)";

std::string problem_of(const std::string& table) {
  return parsed("type = \"vfio_ap-passthrough\"\n[ap]\n" + table).problem.str();
}

}  // namespace

TEST_CASE("the table [ap] has the same meaning as attributes") {
  const Definition definition = definition_of(with_queues);
  CHECK(definition.queue_table);
  CHECK(definition.attributes == std::vector{attribute("assign_adapter", "0x05"),
                                             attribute("assign_adapter", "0x0a"),
                                             attribute("assign_adapter", "0x0b"),
                                             attribute("assign_domain", "0x0014"), attribute("other", "1")});
  CHECK(definition_of(format_definition(definition)) == definition);
  CHECK(format_definition(definition).find("[ap]\nadapters = [\"0x05\", \"0x0a-0x0b\"]\n") !=
        std::string::npos);
}

TEST_CASE("an edit changes the table [ap] and preserves comments") {
  const Definition before = definition_of(with_queues);
  Definition after = before;
  after.attributes = in_table_form(
      {attribute("assign_adapter", "5"), attribute("assign_control_domain", "4"), attribute("other", "1")});
  const std::string text = edit_definition(with_queues, "f.toml", before, after);
  CHECK(text.find("# the cards\n[ap]\nadapters = [\"0x05\"]  # two of them new\n") != std::string::npos);
  CHECK(text.find("control_domains = [\"0x0004\"]") != std::string::npos);
  CHECK(text.find("\ndomains") == std::string::npos);
  CHECK(definition_of(text) == after);
  after.attributes = {attribute("other", "1")};
  CHECK(definition_of(edit_definition(with_queues, "f.toml", before, after)) == after);
}

TEST_CASE("an edit preserves lists of the table [ap] that do not change and comments in those that do") {
  const std::string text = R"(type = "vfio_ap-passthrough"
[ap]
adapters = [ 5,"card06" ]
domains = [
  4,  # payroll
  "0x14-0x16"  # tests
]
)";
  const Definition before = definition_of(text);
  const auto edited = [&](const char* domains) {
    Definition after = before;
    ApChanges changes;
    changes.domains = read_ap_list(domains, ApKind::domain).change;
    after.attributes = in_table_form(changed_attributes(before.attributes, changes));
    const std::string result = edit_definition(text, "f.toml", before, after);
    CHECK(definition_of(result) == after);
    CHECK(result.find("adapters = [ 5,\"card06\" ]\n") != std::string::npos);
    return result.substr(result.find("domains"));
  };
  CHECK(edited("+0x47") == "domains = [\n  4,  # payroll\n  \"0x14-0x16\",  # tests\n  \"0x0047\",\n]\n");
  CHECK(edited("-0x15") == "domains = [\n  4,  # payroll\n  \"0x0014\", \"0x0016\"  # tests\n]\n");
  CHECK(edited("-4,+9") == "domains = [\n  \"0x14-0x16\",  # tests\n  \"0x0009\",\n]\n");
  CHECK(edited("9") == "domains = [\"0x0009\"]\n");
}

TEST_CASE("invalid values of the table [ap] are reported with their position") {
  CHECK(problem_of("adapters = [5, 300]")
            .starts_with("f.toml:3:16: adapter 300 is out of range (expected 0 to 255)"));
  CHECK(problem_of("adapters = [-1]").find("adapter -1 is out of range") != std::string::npos);
  CHECK(problem_of("domains = [\"0-1000000\"]").find("f.toml:3:12: domain '1000000' is out of range") == 0);
  CHECK(problem_of("domains = [\"0014\"]").find("'0014' is ambiguous") != std::string::npos);
  CHECK(problem_of("domains = [\"+4\"]").find("invalid domain '+4'") != std::string::npos);
  CHECK(problem_of("domains = [\"\"]").find("invalid domain ''") != std::string::npos);
  CHECK(problem_of("domains = [4, \"0-9\"]").find("domain 0x0004 is listed twice") != std::string::npos);
  CHECK(problem_of("domains = [4.5]").find("'domains' must have numbers and strings") != std::string::npos);
  CHECK(problem_of("domains = \"4\"").find("'domains' must be a list of numbers and strings") !=
        std::string::npos);
  CHECK(problem_of("domain = [4]")
            .starts_with(
                "f.toml:3:1: unknown key 'domain' in [ap] (expected adapters, domains or control_domains)"));
  CHECK(problem_of("[[attribute]]\nname = \"assign_domain\"\nvalue = \"4\"\n")
            .find("the table [ap] and the attribute 'assign_domain' exclude each other") !=
        std::string::npos);
  CHECK(parsed("type = \"a\"\nap = 5\n").problem.str().find("'ap' must be a table") != std::string::npos);
}

TEST_CASE("an element of a list of the table [ap] is removed from its line and nothing else") {
  const std::string text =
      "type = \"vfio_ap-passthrough\"\n[ap]\nadapters = [\n  5, 6 , 7,  # cards\n  9  # the last\n]\n"
      "domains = [4]  # payroll\n";
  const Definition before = definition_of(text);
  const auto edited = [&](const char* adapters) {
    Definition after = before;
    ApChanges changes;
    changes.adapters = read_ap_list(adapters, ApKind::adapter).change;
    after.attributes = in_table_form(changed_attributes(before.attributes, changes));
    const std::string result = edit_definition(text, "f.toml", before, after);
    CHECK(definition_of(result) == after);
    CHECK(result.ends_with("]\ndomains = [4]  # payroll\n"));
    return result.substr(result.find("[\n  "), result.find("\n]\n") - result.find("[\n  "));
  };
  CHECK(edited("-5") == "[\n   6 , 7,  # cards\n  9  # the last");
  CHECK(edited("-6") == "[\n  5,  7,  # cards\n  9  # the last");
  CHECK(edited("-5,-6") == "[\n    7,  # cards\n  9  # the last");
}
