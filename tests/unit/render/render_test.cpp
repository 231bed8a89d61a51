#include <mdevadm/render/columns.hpp>
#include <mdevadm/render/grid.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <mdevadm/util/text.hpp>
#include <set>

#include "catch.hpp"

using namespace mdevadm;
using namespace mdevadm::render;

namespace {

struct Row {
  std::string name;
  std::optional<std::uint64_t> count;
};

const std::vector<Column<Row>> columns{
    {{"name", "NAME", Kind::text, "", Facet::none}, [](const Row& r) -> Value { return r.name; }},
    {{"count", "COUNT", Kind::number, "", Facet::none},
     [](const Row& r) -> Value { return r.count ? Value(*r.count) : Value(); }},
};

Grid grid_of(const std::vector<Row>& rows) {
  return make_grid(rows, {&columns[0], &columns[1]});
}

}  // namespace

TEST_CASE("a table has aligned columns with numbers on the right and ends with a newline") {
  CHECK(render_table(grid_of({{"a", 5}, {"long name", 1234}}), {}) ==
        "NAME      COUNT\n"
        "a             5\n"
        "long name  1234\n");
}

TEST_CASE("a table has the same layout whether or not column widths must be measured") {
  const std::vector<Row> rows{{"a", 5}, {"", std::nullopt}, {"long name", 1234567}};
  const std::string plain = render_table(grid_of(rows), {});
  CHECK(plain == render_table(grid_of(rows), {500, false}));
  std::vector<Row> wide = rows;
  wide.push_back({"ü", 1});
  const std::string measured = render_table(grid_of(wide), {});
  CHECK(measured.substr(0, plain.size()) == plain);
}

TEST_CASE("a long table has the same cells whether or not column widths must be measured") {
  // Repeated cells, UUIDs, texts of all lengths, and more of them than one block of the plain table holds.
  Grid grid{{{"name", "NAME", Kind::text, "", Facet::none},
             {"uuid", "UUID", Kind::uuid, "", Facet::none},
             {"state", "STATE", Kind::word, "", Facet::none}},
            {}};
  for (std::size_t i = 0; i < 600; ++i) {
    grid.rows.push_back({std::string(i, 'x'), Uuid::of_name(std::to_string(i)),
                         std::string(i % 3 == 0 ? "active" : "inactive")});
  }
  grid.rows.push_back({Uuid::of_name("one"), std::string("not a UUID"), std::string("active")});
  grid.rows.push_back({std::string(40000, 'y'), Value(), std::string("active")});
  CHECK(render_table(grid, {}) == render_table(grid, {100000, false}));
}

TEST_CASE("an inactive device has no colour, which would be hard to read on some terminals") {
  const std::vector<Column<Row>> state{
      {{"state", "STATE", Kind::word, "", Facet::none}, [](const Row& r) -> Value { return r.name; }}};
  const auto line_of = [&](const char* word) {
    const std::string table = render_table(make_grid<Row>({{word, {}}}, {&state[0]}), {80, true});
    return table.substr(table.find('\n') + 1);
  };
  CHECK(line_of("inactive") == "inactive\n");
  CHECK(line_of("active").find("\x1b[32m") != std::string::npos);
  CHECK(line_of("drifted").find("33m") != std::string::npos);
}

namespace {

constexpr const char* first_uuid = "c0ffee00-1111-4222-8333-444444444444";

struct Wide {
  std::string uuid;
  std::vector<std::string> properties;
  std::string note;
};

const std::vector<Column<Wide>> wide_columns{
    {{"uuid", "UUID", Kind::uuid, "", Facet::none}, [](const Wide& r) -> Value { return r.uuid; }},
    {{"properties", "PROPERTIES", Kind::list, "", Facet::none},
     [](const Wide& r) -> Value {
       return List{r.properties, {}};
     }},
    {{"note", "NOTE", Kind::sentence, "", Facet::none}, [](const Wide& r) -> Value { return r.note; }},
};

std::string wide_table(const std::vector<Wide>& rows, std::vector<std::size_t> which, std::size_t width) {
  std::vector<const Column<Wide>*> chosen;
  for (const std::size_t i : which) {
    chosen.push_back(&wide_columns[i]);
  }
  return render_table(make_grid(rows, chosen), {width, false});
}

}  // namespace

TEST_CASE("a list that does not fit is cut between its items and marked") {
  const std::vector<Wide> rows{{first_uuid, {"framebuffer=4096M", "max_resolution=3840x2160"}, ""},
                               {first_uuid, {"num_heads=4"}, ""}};
  CHECK(wide_table(rows, {1}, 30) == "PROPERTIES\nframebuffer=4096M …\nnum_heads=4\n");
  CHECK(wide_table(rows, {1}, 42) == "PROPERTIES\nframebuffer=4096M max_resolution=3840x2160\nnum_heads=4\n");
  CHECK(wide_table(rows, {1}, 8) == "PROPERT…\n…\n…\n");
}

TEST_CASE("free text that does not fit is cut between words and marked") {
  const std::vector<Wide> rows{{first_uuid, {}, "no available instances of nvidia-17 on 0000:86:00.0"}};
  CHECK(wide_table(rows, {2}, 30) == "NOTE\nno available instances of…\n");
}

TEST_CASE("UUIDs are cut after lists to a prefix that is unique in the table") {
  const std::vector<Wide> alone{{first_uuid, {"num_heads=4"}, ""}};
  CHECK(wide_table(alone, {0, 1}, 48) ==
        "UUID                                 PROPERTIES\n" + std::string(first_uuid) + " num_heads=4\n");
  CHECK(wide_table(alone, {0, 1}, 40) == "UUID      PROPERTIES\nc0ffee00… num_heads=4\n");
  const std::vector<Wide> alike{{first_uuid, {}, ""}, {"c0ffee00-1122-4222-8333-444444444444", {}, ""}};
  CHECK(wide_table(alike, {0}, 20) == "UUID\nc0ffee00-111…\nc0ffee00-112…\n");
}

TEST_CASE("names are cut last and numbers are never cut") {
  const std::vector<Row> rows{{"a-name-of-twenty-five-let", 123456}};
  CHECK(render_table(grid_of(rows), {20, false}) == "NAME           COUNT\na-name-of-tw… 123456\n");
  CHECK(render_table(grid_of(rows), {10, false}) == "NAME      COUNT\na-name-… 123456\n");
}

TEST_CASE("JSON has one row per line") {
  CHECK(render_json(grid_of({{"a", 5}, {"b", 6}}), "rows") ==
        "{\"version\":1,\"rows\":[\n{\"name\":\"a\",\"count\":5},\n{\"name\":\"b\",\"count\":6}\n],"
        "\"notes\":[]}\n");
  CHECK(render_json(grid_of({}), "rows", {"none"}) ==
        "{\"version\":1,\"rows\":[],\"notes\":[\n\"none\"\n]}\n");
}

TEST_CASE("a long line of a sheet is wrapped and complete") {
  static const Column<Row> path{{"path", "PATH", Kind::text, "", Facet::none},
                                [](const Row& r) -> Value { return r.name; }};
  const Grid grid = make_grid(std::vector<Row>{{"/sys/devices/pci0000:80/0000:86:00.0", 1}}, {&path});
  CHECK(render_sheet(grid, {32}) == "path: /sys/devices/pci0000:80/\n      0000:86:00.0\n");
  CHECK(render_sheet(grid) == "path: /sys/devices/pci0000:80/0000:86:00.0\n");
}

TEST_CASE("a table without rows is empty") {
  CHECK(render_table(grid_of({}), {}).empty());
}

TEST_CASE("an absent value is a hyphen in a table and null in JSON") {
  CHECK(render_table(grid_of({{"", std::nullopt}}), {}) == "NAME COUNT\n-        -\n");
  const auto json = nlohmann::json::parse(render_json(grid_of({{"x", std::nullopt}}), "rows"));
  CHECK(json["version"] == 1);
  CHECK(json["rows"][0]["count"].is_null());
}

TEST_CASE("control characters, also those beyond ASCII, are escaped in JSON") {
  const std::string csi = "\xc2\x9b";
  const std::string json = render_json(grid_of({{"a" + csi + "b\x7f\xe2\x80\xaeü€\n", 1}}), "rows");
  CHECK(json.find("\"a\\u009bb\\u007f\\u202eü€\\n\"") != std::string::npos);
  CHECK(render_json_line({{"text", csi}}) == "{\"text\":\"\\u009b\"}\n");
  CHECK(render_bare_json(Texts{{csi}}) == "[\n  \"\\u009b\"\n]");
}

TEST_CASE("control characters in names are escaped in a table") {
  const std::string table = render_table(grid_of({{"a\x1b[2J\nb", 1}}), {});
  CHECK(table.find('\x1b') == std::string::npos);
  CHECK(table.find("\\x1b[2J") != std::string::npos);
}

TEST_CASE("column alignment uses the display width of non-ASCII characters") {
  CHECK(render_table(grid_of({{"Büro", 1}, {"abcd", 2}}), {}) == "NAME COUNT\nBüro     1\nabcd     2\n");
}

TEST_CASE("invalid UTF-8 results in valid JSON") {
  const std::string json = render_json(grid_of({{"\xff", 1}}), "rows");
  CHECK(nlohmann::json::accept(json));
}

TEST_CASE("JSON of listings is written as the library writes it") {
  std::string all_bytes;
  for (unsigned c = 0; c < 256; ++c) {
    all_bytes += static_cast<char>(c);
  }
  const Record record{{"a\"b", std::string("x")}, {"n", Value()}};
  const std::vector<Value> values{Value(),
                                  std::string("plain"),
                                  std::string("q\"b\\s/\x7f"),
                                  std::string("\t\n\r\b\f\x01\x1f"),
                                  std::string("B\u00fcro \U0001F600"),
                                  std::string("cut \xe2\x82 off \xff"),
                                  all_bytes,
                                  Borrowed{"borrowed"},
                                  std::uint64_t{0},
                                  ~std::uint64_t{0},
                                  true,
                                  false,
                                  Uuid::of_name("x"),
                                  Number{7, "7M"},
                                  Numbers{{1, 2, 3}, "1-3"},
                                  Numbers{{}, ""},
                                  Texts{{"a", "\"", ""}, "text"},
                                  Texts{{}, ""},
                                  Object{record},
                                  Object{{}},
                                  List{{"t"}, {record, {}, {{"deep", List{{}, {record}}}}}},
                                  List{{}, {}}};
  for (const Value& value : values) {
    Grid grid{{{"key", "KEY", Kind::text, "", Facet::none}}, {{value}}};
    const std::string line = render_json_line({{"key", value}});
    CHECK(render_json(grid, "rows") == "{\"version\":1,\"rows\":[\n" + line + "],\"notes\":[]}\n");
  }
}

TEST_CASE("column keys are unique and in snake_case and every column has a description") {
  const auto check = [](const auto& table) {
    std::set<std::string, std::less<>> keys;
    std::set<std::string> headings;
    for (const auto& column : table) {
      CHECK(keys.insert(std::string(column.info.key)).second);
      CHECK(column.info.key.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
      CHECK_FALSE(column.info.help.empty());
      CHECK(column.info.help.size() <= 80);
      std::string heading = to_lower(column.info.heading);
      std::replace(heading.begin(), heading.end(), '-', '_');
      CHECK((heading == column.info.key || headings.insert(heading).second));
    }
    // A column is found by its key or its heading.
    for (const std::string& heading : headings) {
      CHECK_FALSE(keys.contains(heading));
    }
  };
  check(device_columns());
  check(type_columns());
}

TEST_CASE("a sheet omits absent values and numbers list items") {
  static const std::vector<Column<Row>> with_list{
      columns[0], columns[1], {{"list", "ATTRIBUTES", Kind::list, "", Facet::none}, [](const Row&) -> Value {
                                 return List{{"a=1", "b=2"},
                                             {{{"name", std::string("a")}, {"value", std::string("1")}},
                                              {{"name", std::string("b")}, {"value", std::string("2")}}}};
                               }}};
  const Grid grid =
      make_grid(std::vector<Row>{{"x", std::nullopt}}, {&with_list[0], &with_list[1], &with_list[2]});
  CHECK(render_sheet(grid) == "name:  x\nlist:\n  1. a=1\n  2. b=2\n");
}
