#include "engine/connect/row_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>

#include "engine/formats/json/json_tree.h"

namespace engine {

namespace {

constexpr std::array<std::pair<RowType, std::string_view>, 6> kTypeNames = {
    {{RowType::Boolean, "BOOLEAN"},
     {RowType::Int, "INT"},
     {RowType::Bigint, "BIGINT"},
     {RowType::Double, "DOUBLE"},
     {RowType::Decimal, "DECIMAL"},
     {RowType::Varchar, "VARCHAR"}}};

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// Returns whether the text is a JSON number. Texts such as 007 and +1 may be codes or phone
// numbers, and would change if they were read as numbers.
bool is_number_in_json(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0])) == 0) return false;
  if (text.size() > 1 && text[0] == '0' && std::isdigit(static_cast<unsigned char>(text[1])) != 0)
    return false;
  const auto digits = [&] {
    size_t count = 0;
    while (!text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) != 0) {
      text.remove_prefix(1);
      ++count;
    }
    return count;
  };
  digits();
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    if (digits() == 0) return false;
  }
  return text.empty();
}

std::optional<int64_t> whole_number(std::string_view text) {
  int64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || !is_number_in_json(text)) return std::nullopt;
  return number;
}

// A whole number becomes BIGINT even if it is small, because later lines may have larger numbers in
// the column.
RowType type_of_text(std::string_view text) {
  if (text == "true" || text == "false") return RowType::Boolean;
  if (whole_number(text)) return RowType::Bigint;
  return is_number_in_json(text) ? RowType::Double : RowType::Varchar;
}

RowType type_of_json(const JsonTree& value) {
  switch (value.kind) {
    case JsonKind::Boolean:
      return RowType::Boolean;
    case JsonKind::Number:
      return type_of_text(value.text);
    case JsonKind::Null:
    case JsonKind::String:
    case JsonKind::Array:
    case JsonKind::Object:
      return RowType::Varchar;
  }
  return RowType::Varchar;
}

RowType common_type(RowType a, RowType b) {
  if (a == b) return a;
  const auto is_number = [](RowType type) {
    return type == RowType::Bigint || type == RowType::Double;
  };
  return is_number(a) && is_number(b) ? RowType::Double : RowType::Varchar;
}

void merge(std::optional<RowType>& known, RowType type) {
  known = known ? common_type(*known, type) : type;
}

void append_json_text(std::string& out, std::string_view text) {
  out += json_tree_text({.kind = JsonKind::String, .text = std::string(text)});
}

Error wrong_value(std::string_view column, RowType type, std::string_view text, ErrorCode code) {
  constexpr size_t kMostShown = 100;
  return {code, fmt::format("{} \"{}{}\" is not {}", column, text.substr(0, kMostShown),
                            text.size() > kMostShown ? "..." : "", row_type_name(type))};
}

Status append_value(std::string& out, const RowColumn& column, const std::string& text) {
  switch (column.type) {
    case RowType::Varchar:
      append_json_text(out, text);
      return {};
    case RowType::Boolean:
      for (const std::string_view word : {"true", "false"})
        if (equal_ignoring_case(text, word)) {
          out += word;
          return {};
        }
      return wrong_value(column.name, column.type, text, ErrorCode::InvalidText);
    case RowType::Int:
    case RowType::Bigint: {
      const auto number = whole_number(text);
      if (!number)
        return wrong_value(
            column.name, column.type, text,
            is_number_in_json(text) ? ErrorCode::OutOfRange : ErrorCode::InvalidText);
      if (column.type == RowType::Int && (*number < INT32_MIN || *number > INT32_MAX))
        return wrong_value(column.name, column.type, text, ErrorCode::OutOfRange);
      out += text;
      return {};
    }
    case RowType::Double:
    case RowType::Decimal:
      if (!is_number_in_json(text))
        return wrong_value(column.name, column.type, text, ErrorCode::InvalidText);
      out += text;
      return {};
  }
  return {};
}

std::string in_capitals(std::string_view text) {
  std::string capitals(text);
  for (char& c : capitals) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return capitals;
}

// Reads one definition, such as "a DECIMAL(10, 2)" or "`first name` VARCHAR".
std::optional<RowColumn> column_of_sql(std::string_view part) {
  constexpr std::string_view kBlanks = " \t\n\r";
  const size_t begin = part.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return std::nullopt;
  part.remove_prefix(begin);
  const bool is_quoted = part[0] == '`' || part[0] == '"';
  const size_t end = is_quoted ? part.find(part[0], 1) : part.find_first_of(kBlanks);
  const std::string_view name = part.substr(is_quoted ? 1 : 0, end - (is_quoted ? 1 : 0));
  part.remove_prefix(std::min(part.size(), end == std::string_view::npos ? end : end + 1));
  part.remove_prefix(std::min(part.find_first_not_of(kBlanks), part.size()));
  std::string type = in_capitals(part.substr(0, part.find_first_of(" \t\n\r(<")));
  if (type == "INTEGER") type = "INT";
  RowColumn column{is_quoted ? std::string(name) : in_capitals(name)};
  for (const auto& [known, its_name] : kTypeNames)
    if (its_name == type) column.type = known;
  return column;
}

bool is_plain_identifier(std::string_view name) {
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) != 0) return false;
  return std::ranges::all_of(
      name, [](unsigned char c) { return c < 128 && (std::isalnum(c) != 0 || c == '_'); });
}

}  // namespace

std::string_view row_type_name(RowType type) {
  for (const auto& [known, name] : kTypeNames)
    if (known == type) return name;
  return "VARCHAR";
}

RowColumns infer_csv_columns(const std::vector<std::string>& names,
                             std::span<const CsvFields> rows) {
  RowColumns columns;
  for (size_t i = 0; i < names.size(); ++i) {
    std::optional<RowType> type;
    for (const CsvFields& row : rows)
      if (i < row.size() && row[i]) merge(type, type_of_text(*row[i]));
    columns.push_back({names[i], type.value_or(RowType::Varchar)});
  }
  return columns;
}

RowColumns infer_json_columns(std::span<const std::string_view> lines) {
  std::vector<std::pair<std::string, std::optional<RowType>>> members;
  for (const std::string_view line : lines) {
    const auto tree = parse_json_tree(line);
    if (!tree || tree->kind != JsonKind::Object) continue;
    for (const auto& [name, value] : tree->members) {
      auto known = std::ranges::find_if(
          members, [&](const auto& each) { return equal_ignoring_case(each.first, name); });
      if (known == members.end()) known = members.insert(known, {name, std::nullopt});
      if (!value.is_null()) merge(known->second, type_of_json(value));
    }
  }
  RowColumns columns;
  for (auto& [name, type] : members)
    columns.push_back({std::move(name), type.value_or(RowType::Varchar)});
  return columns;
}

std::string source_name_of(std::string_view connector) {
  return is_plain_identifier(connector) ? in_capitals(connector) : std::string(connector);
}

std::string columns_sql(const RowColumns& columns) {
  std::string sql;
  for (const RowColumn& column : columns) {
    if (!sql.empty()) sql += ", ";
    // Every name is quoted, because a keyword is an identifier only if it is quoted. An upper-case name means the same
    // with and without quotes.
    std::string quoted;
    for (const char c : source_name_of(column.name))
      quoted += c == '`' ? std::string("``") : std::string(1, c);
    sql += fmt::format("`{}` {}", quoted, row_type_name(column.type));
  }
  return sql;
}

RowColumns row_columns_of_sql(std::string_view sql) {
  RowColumns columns;
  int depth = 0;
  size_t begin = 0;
  for (size_t i = 0; i <= sql.size(); ++i) {
    if (i < sql.size() && (sql[i] == '(' || sql[i] == '<')) ++depth;
    if (i < sql.size() && (sql[i] == ')' || sql[i] == '>')) --depth;
    if (i < sql.size() && (sql[i] != ',' || depth > 0)) continue;
    if (auto column = column_of_sql(sql.substr(begin, i - begin)))
      columns.push_back(std::move(*column));
    begin = i + 1;
  }
  return columns;
}

Result<std::string> csv_row_as_json(const std::vector<std::string>& names, const CsvFields& row,
                                    const RowColumns& columns) {
  if (row.size() != names.size())
    return Error{ErrorCode::BadCopyFormat,
                 fmt::format("a CSV record has {} fields instead of {}", row.size(), names.size())};
  std::string json = "{";
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) json += ',';
    append_json_text(json, names[i]);
    json += ':';
    if (!row[i]) {
      json += "null";
      continue;
    }
    const auto known = std::ranges::find_if(
        columns, [&](const RowColumn& each) { return equal_ignoring_case(each.name, names[i]); });
    TRY(append_value(json, known == columns.end() ? RowColumn{names[i]} : *known, *row[i]));
  }
  json += '}';
  return json;
}

std::string row_columns_json(const RowColumns& columns) {
  JsonTree all{.kind = JsonKind::Array};
  for (const RowColumn& column : columns)
    all.items.push_back({.kind = JsonKind::Object,
                         .members = {{"name", {.kind = JsonKind::String, .text = column.name}},
                                     {"type",
                                      {.kind = JsonKind::String,
                                       .text = std::string(row_type_name(column.type))}}}});
  return json_tree_text(all);
}

Result<RowColumns> parse_row_columns(std::string_view json) {
  const JsonTree all = TRY(parse_json_tree(json));
  RowColumns columns;
  for (const JsonTree& item : all.items) {
    const std::string type = item.text_of("type");
    const auto known =
        std::ranges::find(kTypeNames, type, &std::pair<RowType, std::string_view>::second);
    columns.push_back(
        {item.text_of("name"), known == kTypeNames.end() ? RowType::Varchar : known->first});
  }
  return columns;
}

}  // namespace engine
