// Options and output shared by all listing commands.
#pragma once

#include <fmt/format.h>

#include <algorithm>

#include <mdevadm/render/grid.hpp>
#include <mdevadm/util/text.hpp>
#include <span>
#include <string>
#include <vector>

#include "command.hpp"

namespace mdevadm::cli {

// Selection of columns from a column table, and the output format.
template <typename Row>
class Listing {
 public:
  using Column = render::Column<Row>;

  // `defaults`: keys of the columns printed without -o; empty: all. JSON without -o always has all columns.
  Listing(std::span<const Column> columns, std::vector<std::string> defaults)
      : columns_(columns), defaults_(std::move(defaults)) {}

  void declare(CLI::App& app, ValueKinds& kinds) {
    app.add_flag("--json", json_, "print JSON");
    kinds
        .set(app.add_option("-o,--output", wanted_,
                            "comma-separated list of columns to print; +COLUMNS appends to the defaults"),
             ValueKind::columns)
        ->join(',');
    app.add_flag("-n,--noheadings", no_headings_, "print no headings");
    app.add_flag("--list-columns", list_columns_, "list available columns");
  }

  // Copies the options of a listing with another row type.
  template <typename Other>
  void follow(const Listing<Other>& other) {
    json_ = other.json();
    wanted_ = other.wanted();
    no_headings_ = !other.style({}).headings;
  }

  const std::string& wanted() const { return wanted_; }
  bool json() const { return json_; }
  bool lists_columns() const { return list_columns_; }

  std::vector<std::string> keys() const {
    std::vector<std::string> keys;
    for (const Column& column : columns_) {
      keys.emplace_back(column.info.key);
    }
    return keys;
  }

  std::string help_of(const std::string& key) const {
    const auto found = std::find_if(columns_.begin(), columns_.end(),
                                    [&](const Column& column) { return column.info.key == key; });
    return found == columns_.end() ? std::string{} : std::string(found->info.help);
  }

  // Returns the selected columns. Throws Error{usage} for an unknown one.
  std::vector<const Column*> chosen() const {
    std::vector<const Column*> result;
    for (const std::string& name : chosen_names()) {
      result.push_back(&require(name));
    }
    return result;
  }

  // Returns the facets that the selected columns need.
  Facet needs() const {
    Facet facets = Facet::none;
    for (const Column* column : chosen()) {
      facets |= column->info.needs;
    }
    return facets;
  }

  // Like needs(), for rows that may not exist: ignores columns that only rows of another kind have.
  Facet needs_if_any() const {
    Facet facets = Facet::none;
    for (const std::string& name : chosen_names()) {
      const Column* column = find(name);
      facets |= column != nullptr ? column->info.needs : Facet::none;
    }
    return facets;
  }

  bool needs_definitions() const {
    const std::vector<const Column*> columns = chosen();
    return std::any_of(columns.begin(), columns.end(),
                       [](const Column* c) { return c->info.needs_definitions; });
  }

  bool needs_boot() const {
    const std::vector<const Column*> columns = chosen();
    return std::any_of(columns.begin(), columns.end(), [](const Column* c) { return c->info.needs_boot; });
  }

  // Replaces the columns that are printed without -o.
  void use(std::vector<std::string> defaults) { defaults_ = std::move(defaults); }

  // Returns whether one of the printed columns has this key.
  bool prints(std::string_view key) const {
    const std::vector<const Column*> columns = chosen();
    return std::any_of(columns.begin(), columns.end(), [key](const Column* c) { return c->info.key == key; });
  }

  render::TableStyle style(const Env& env) const {
    return {env.width, env.out_is_terminal && !env.no_color, !no_headings_, env.ascii};
  }

  render::Grid grid(const std::vector<Row>& rows) const { return render::make_grid(rows, chosen()); }

  // In JSON, includes the notes that were collected.
  std::string render(const std::vector<Row>& rows, const std::string& json_key, Context& context) const {
    return json_ ? render::render_json(grid(rows), json_key, context.messages().take_notes())
                 : render::render_table(grid(rows), style(context.env()));
  }

  // Prints the rows at the end of the command's output, while they are written. `rows`: a vector, or a range
  // that makes each row when it is needed.
  template <typename Rows>
  void print(const Rows& rows, const std::string& json_key, Context& context) const {
    const auto flush = [&] { context.flush(); };
    if (json_) {
      render::write_json(rows, chosen(), json_key, context.messages().take_notes(), context.out, flush);
    } else {
      render::write_table(rows, chosen(), style(context.env()), context.out, flush);
    }
  }

  std::string render_columns(const Env& env) const {
    static const std::vector<render::Column<render::ColumnInfo>> description{
        {{"column", "COLUMN", render::Kind::word, "name for -o", Facet::none},
         [](const render::ColumnInfo& info) -> render::Value { return std::string(info.key); }},
        {{"meaning", "MEANING", render::Kind::sentence, "what it shows", Facet::none},
         [](const render::ColumnInfo& info) -> render::Value { return std::string(info.help); }},
    };
    std::vector<render::ColumnInfo> rows;
    for (const Column& column : columns_) {
      rows.push_back(column.info);
    }
    const render::Grid grid = render::make_grid(rows, {&description[0], &description[1]});
    return json_ ? render::render_json(grid, "columns", {})
                 : render::render_wrapped(grid, {env.width, false, !no_headings_, env.ascii});
  }

 private:
  std::vector<std::string> chosen_names() const {
    const std::vector<std::string> usual = json_ || defaults_.empty() ? keys() : defaults_;
    std::vector<std::string> names = wanted_.empty() ? usual : std::vector<std::string>{};
    std::string_view given = wanted_;
    const bool appends = given.starts_with('+');
    if (appends) {
      names = usual;
      given.remove_prefix(1);
    }
    if (!wanted_.empty()) {
      for (const std::string_view name : split(given, ',')) {
        // With several options, each may begin with '+'.
        std::string key(trim(name.starts_with('+') ? name.substr(1) : name));
        // A column that is printed anyway is not appended.
        if (!appends || std::find(names.begin(), names.end(), key) == names.end()) {
          names.push_back(std::move(key));
        }
      }
    }
    return names;
  }

  static std::string as_key(std::string_view text) {
    std::string key = to_lower(text);
    std::replace(key.begin(), key.end(), '-', '_');
    return key;
  }

  // Finds a column by its key or its heading, in any case and with - for _.
  const Column* find(const std::string& name) const {
    for (const bool by_heading : {false, true}) {
      for (const Column& column : columns_) {
        if (as_key(by_heading ? column.info.heading : column.info.key) == as_key(name)) {
          return &column;
        }
      }
    }
    return nullptr;
  }

  const Column& require(const std::string& name) const {
    if (const Column* column = find(name)) {
      return *column;
    }
    const std::string meant = did_you_mean(as_key(name), keys());
    throw Error(ExitCode::usage, fmt::format("unknown column '{}'", printable(name)),
                meant.empty() ? "list the columns with --list-columns" : meant);
  }

  std::span<const Column> columns_;
  std::vector<std::string> defaults_;
  bool json_ = false;
  bool list_columns_ = false;
  bool no_headings_ = false;
  std::string wanted_;
};

// Base class of the listing commands.
template <typename Row>
class ListingCommand : public Command {
 public:
  bool json() const final { return listing_.json(); }
  std::vector<std::string> column_keys() const final { return listing_.keys(); }
  std::string column_help(const std::string& key) const final { return listing_.help_of(key); }

  ExitCode run(Context& context) final {
    if (listing_.lists_columns()) {
      context.out = columns_text(context);
      return ExitCode::done;
    }
    return list(context);
  }

 protected:
  ListingCommand(std::span<const render::Column<Row>> columns, std::vector<std::string> defaults)
      : listing_(columns, std::move(defaults)) {}

  virtual ExitCode list(Context& context) = 0;

  // Returns the answer to --list-columns.
  virtual std::string columns_text(Context& context) { return listing_.render_columns(context.env()); }

  Listing<Row> listing_;
};

}  // namespace mdevadm::cli
