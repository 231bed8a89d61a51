#include <mdevadm/render/columns.hpp>
#include <mdevadm/render/grid.hpp>
#include <nlohmann/json.hpp>

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

TEST_CASE("on a narrow terminal only free text is truncated") {
  static const std::vector<Column<Row>> with_text{
      columns[0], {{"description", "DESCRIPTION", Kind::text, "", Facet::none}, [](const Row&) -> Value {
                     return std::string("a long description that does not fit into the line at all");
                   }}};
  const std::vector<Row> rows{{"c0ffee00-1111-4222-8333-444444444444", 1}};
  const std::string cut = render_table(make_grid(rows, {&with_text[0], &with_text[1]}), {60, false});
  CHECK(cut.find("c0ffee00-1111-4222-8333-444444444444 a long") != std::string::npos);
  CHECK(cut.find("at all") == std::string::npos);
  CHECK(std::count(cut.begin(), cut.end(), '\n') == 2);
  CHECK(render_table(grid_of(rows), {20, false}) == render_table(grid_of(rows), {}));
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

TEST_CASE("column keys are unique and in snake_case and every column has a description") {
  const auto check = [](const auto& table) {
    std::set<std::string_view> keys;
    for (const auto& column : table) {
      CHECK(keys.insert(column.info.key).second);
      CHECK(column.info.key.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
      CHECK_FALSE(column.info.help.empty());
      CHECK(column.info.help.size() <= 80);
    }
  };
  check(device_columns());
  check(type_columns());
  check(result_columns());
}

TEST_CASE("a sheet omits absent values and numbers list items") {
  static const std::vector<Column<Row>> with_list{
      columns[0], columns[1], {{"list", "ATTRIBUTES", Kind::list, "", Facet::none}, [](const Row&) -> Value {
                                 return List{"a=1 b=2",
                                             {{{"name", std::string("a")}, {"value", std::string("1")}},
                                              {{"name", std::string("b")}, {"value", std::string("2")}}}};
                               }}};
  const Grid grid =
      make_grid(std::vector<Row>{{"x", std::nullopt}}, {&with_list[0], &with_list[1], &with_list[2]});
  CHECK(render_sheet(grid) == "name:       x\nattributes:\n  1. a: 1\n  2. b: 2\n");
}
