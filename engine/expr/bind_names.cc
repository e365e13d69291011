// Resolves names of columns, and makes the errors for unknown names.
#include <algorithm>
#include <utility>

#include "base/suggest.h"
#include "engine/expr/assigned.h"
#include "engine/expr/binder.h"
#include "engine/expr/window_times.h"
#include "engine/sql/qualifier.h"
#include "engine/types/ascii.h"
#include "engine/types/postgres_types.h"
#include "engine/types/schema.h"

namespace engine {

namespace {

bool is_all_lower(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
}

std::string changed_case(std::string_view text, char first, char last, int by) {
  std::string changed(text);
  for (char& c : changed)
    if (c >= first && c <= last) c = static_cast<char>(c + by);
  return changed;
}
std::string to_upper(std::string_view text) { return changed_case(text, 'a', 'z', 'A' - 'a'); }
std::string to_lower(std::string_view text) { return changed_case(text, 'A', 'Z', 'a' - 'A'); }

std::string line_and_column(TextPosition position) {
  return "Line: " + std::to_string(position.line) + ", Col: " + std::to_string(position.column) +
         ": ";
}

std::string full_name(const ColumnRef& column) {
  return column.source ? column.source->text + "." + column.name.text : column.name.text;
}

std::vector<uint32_t> find_columns(const Scope& scope, const std::string* source,
                                   const std::string& name) {
  std::vector<uint32_t> found;
  for (const uint32_t i : scope.columns_named(name))
    if (source == nullptr || scope.layout[i].source == *source) found.push_back(i);
  return found;
}

Error ambiguous(const Scope& scope, const ColumnRef& column, const std::vector<uint32_t>& found,
                TextPosition position) {
  std::string names;
  for (const uint32_t index : found) {
    if (!names.empty()) names += index == found.back() ? " or " : ", ";
    names += scope.layout[index].source + "." + scope.layout[index].name;
  }
  return with_ksqldb(ErrorCode::AmbiguousColumn,
                     "column \"" + shown(column.name) + "\" is ambiguous: it could be " + names,
                     line_and_column(position) + "Column '" + full_name(column) +
                         "' is ambiguous. Could be " + names + ".");
}

Error unknown_source(const Scope& scope, const Name& source) {
  std::vector<std::string> names = scope.source_names;
  for (const LayoutColumn& column : scope.layout)
    if (!column.source.empty()) names.push_back(column.source);
  const auto is_struct = [&](const LayoutColumn& column) {
    return column.name == source.text && column.type.kind() == TypeKind::Struct;
  };
  const std::string hint = std::ranges::any_of(scope.layout, is_struct)
                               ? "To select a field of a STRUCT, use " + shown(source) + "->field."
                               : did_you_mean(source.text, names);
  return with_ksqldb(ErrorCode::UndefinedSource,
                     "there is no source \"" + shown(source) + "\" here",
                     "'" + source.text + "' is not a valid stream/table name or alias.")
      .with_hint(hint);
}

struct ColumnElsewhere {
  std::string_view name, hint;
  std::string_view needs = {};  // a column; the hint is given only for sources that have it
};
// Maps the names that other systems and older versions of ksqlDB give to columns, and words without
// parentheses, to hints about a correct form.
constexpr std::string_view kBoundsHint =
    "WINDOWSTART and WINDOWEND are columns of a query or table with windows: ... FROM s WINDOW "
    "TUMBLING (SIZE 1 MINUTE) GROUP BY a.";
constexpr ColumnElsewhere kColumnsElsewhere[] = {
    {"OFFSET", "Use ROWOFFSET.", kRowOffset},
    {"_OFFSET", "Use ROWOFFSET.", kRowOffset},
    {"KAFKA_OFFSET", "Use ROWOFFSET.", kRowOffset},
    {"PARTITION", "Use ROWPARTITION.", kRowPartition},
    {"_PARTITION", "Use ROWPARTITION.", kRowPartition},
    {"KAFKA_PARTITION", "Use ROWPARTITION.", kRowPartition},
    {"TIMESTAMP", "Use ROWTIME.", kRowTime},
    {"_TIMESTAMP", "Use ROWTIME.", kRowTime},
    {"KAFKA_TIMESTAMP", "Use ROWTIME.", kRowTime},
    {"PROCTIME", "now() returns the present time; ROWTIME is the event time of a record.",
     kRowTime},
    {"ROWKEY", "The key is a column with a name of its own."},
    {"_KEY", "The key is a column with a name of its own."},
    {"ROWNUM", "Use LIMIT at the end of the statement."},
    {"CURRENT_DATE", "Use CAST(now() AS DATE)."},
    {"CURRENT_TIME", "Use CAST(now() AS TIME)."},
    {"CURRENT_TIMESTAMP", "Use now()."},
    {"LOCALTIMESTAMP", "Use now()."},
    {"SYSDATE", "Use now()."},
    {"SYSTIMESTAMP", "Use now()."},
    {"WINDOWSTART", kBoundsHint},
    {"WINDOWEND", kBoundsHint},
    {"WINDOW_START", kBoundsHint},
    {"WINDOW_END", kBoundsHint},
    {"COUNT", "A call has parentheses: COUNT(*)."},
    {"SUM", "A call has parentheses: SUM(a)."},
    {"NOW", "A call has parentheses: now()."},
    {"NULLS", "NULL has no S: IS NULL, or IS NOT NULL."},
};

std::string hint_for_column(std::string_view name, const std::vector<std::string>& known) {
  const bool has_bounds = std::ranges::find(known, "WINDOWSTART") != known.end();
  if (has_bounds && name.starts_with("WINDOW")) return did_you_mean(name, known);
  for (const ColumnElsewhere& elsewhere : kColumnsElsewhere)
    if (elsewhere.name == name &&
        (elsewhere.needs.empty() || std::ranges::find(known, elsewhere.needs) != known.end()))
      return std::string(elsewhere.hint);
  return did_you_mean(name, known);
}

// Removes typographic quotes (U+2018, U+2019, U+201C, U+201D), which word processors and web pages put around names.
std::string without_typographic_quotes(std::string name) {
  constexpr std::string_view kQuotes[] = {"\u2018", "\u2019", "\u201C", "\u201D"};
  for (const std::string_view quote : kQuotes) {
    if (name.starts_with(quote)) name.erase(0, quote.size());
    if (name.ends_with(quote)) name.erase(name.size() - quote.size());
  }
  return name;
}

Error unknown_column(const Scope& scope, const ColumnRef& column) {
  std::vector<std::string> names;
  std::string list;
  for (const LayoutColumn& known : scope.layout) {
    if (column.source && known.source != column.source->text) continue;
    names.push_back(known.name);
    // Columns that every source has are not listed, because the user looks for a column of this source.
    const bool is_of_all =
        known.name == kRowTime || known.name == kRowPartition || known.name == kRowOffset;
    if (!is_of_all) list += (list.empty() ? "" : ", ") + known.name;
  }
  std::string hint = hint_for_column(column.name.text, names);
  const std::string name = shown(column.name);
  const bool may_be_text = hint.empty() && !column.source && column.name.quoting != Quoting::Back;
  const std::string text_hint =
      may_be_text ? "A text needs single quotes: '" + without_typographic_quotes(name) + "'." : "";
  // A name in double quotes was probably meant as a text, so the hint about texts comes first. For other names the list
  // of columns comes first.
  if (column.name.quoting == Quoting::Double || list.empty()) hint += text_hint;
  const bool text_is_last = hint.empty() && !text_hint.empty();
  if (!list.empty()) hint += (hint.empty() ? "" : " ") + ("Columns: " + list) + ".";
  if (text_is_last) hint += " " + text_hint;
  return Error{ErrorCode::UndefinedColumn, "column \"" + name + "\" does not exist" +
                                               (scope.source.empty() ? "" : " in " + scope.source)}
      .with_hint(std::move(hint));
}

}  // namespace

std::span<const uint32_t> Scope::columns_named(std::string_view name) const {
  if (!index_) {
    index_.emplace();
    index_->reserve(layout.size());
    for (uint32_t i = 0; i < layout.size(); ++i) (*index_)[layout[i].name].push_back(i);
  }
  const auto found = index_->find(name);
  return found == index_->end() ? std::span<const uint32_t>() : found->second;
}

std::string shown(const Name& name) {
  return name.quoting == Quoting::None ? to_lower(name.text) : name.text;
}

ExpressionPtr call_of_word(const ColumnRef& column, TextPosition position) {
  struct Word {
    std::string_view word, function;
    bool is_clock = false;  // a timestamp without a time zone
  };
  constexpr Word kWords[] = {{"CURRENT_DATE", "CURRENT_DATE"},
                             {"CURRENT_TIME", "CURRENT_TIME"},
                             {"LOCALTIME", "CURRENT_TIME"},
                             {"CURRENT_TIMESTAMP", "NOW"},
                             {"LOCALTIMESTAMP", "NOW", true}};
  if (column.source || column.name.quoting != Quoting::None) return nullptr;
  const auto* const found = std::ranges::find(kWords, column.name.text, &Word::word);
  if (found == std::end(kWords)) return nullptr;
  ExpressionPtr call = make_expression(FunctionCall{std::string(found->function), {}}, position);
  if (!found->is_clock) return call;
  const SqlType clock = SqlType(TypeKind::Timestamp).labelled(label::kTimestamp);
  return make_expression(Cast{std::move(call), type_name_of(clock)}, position);
}

// Returns an expression for WINDOW_START and WINDOW_END, which are times; ksqlDB's WINDOWSTART and WINDOWEND are
// numbers. Tools that draw time series look for a column with a time.
ExpressionPtr window_bound_as_time(const ColumnRef& column, TextPosition position) {
  constexpr std::pair<std::string_view, std::string_view> kBounds[] = {
      {"WINDOW_START", kWindowStart}, {"WINDOW_END", kWindowEnd}};
  for (const auto& [name, number] : kBounds) {
    if (!equals_ignoring_case(column.name.text, name)) continue;
    FunctionCall time{"FROM_UNIXTIME", {}};
    time.arguments.push_back(
        make_expression(ColumnRef{column.source, Name{std::string(number)}}, position));
    return make_expression(std::move(time), position);
  }
  return nullptr;
}

bool Binder::is_known_column(const std::string& name) const {
  return !scope_.columns_named(name).empty();
}

Result<uint32_t> Binder::resolve(const ColumnRef& column, TextPosition position) const {
  const auto folded = [&](const Name& name) {
    const bool folds =
        scope_.fold_quoted_names && name.quoting == Quoting::Double && is_all_lower(name.text);
    return folds ? to_upper(name.text) : name.text;
  };
  const std::string* source = column.source ? &column.source->text : nullptr;
  std::vector<uint32_t> found = find_columns(scope_, source, column.name.text);
  const std::string folded_source = column.source ? folded(*column.source) : "";
  if (found.empty())
    found = find_columns(scope_, source == nullptr ? nullptr : &folded_source, folded(column.name));
  // In "o"."name" of FROM "orders" AS "o", the alias has the letter case of the statement, but the column has the
  // letter case of the table. So the column is also looked up by its folded name.
  if (found.empty() && source != nullptr) found = find_columns(scope_, source, folded(column.name));
  if (found.empty() && source != nullptr)
    found = find_columns(scope_, &folded_source, column.name.text);
  const auto is_other_spelling = [&](const std::string& name) {
    return scope_.fold_quoted_names && is_folded_alias(*column.source, name);
  };
  if (found.empty() && source != nullptr) {
    const auto other =
        std::ranges::find_if(scope_.layout, is_other_spelling, &LayoutColumn::source);
    if (other != scope_.layout.end()) {
      found = find_columns(scope_, &other->source, column.name.text);
      if (found.empty()) found = find_columns(scope_, &other->source, folded(column.name));
    }
  }
  if (found.size() == 1) return found[0];
  if (found.size() > 1) return ambiguous(scope_, column, found, position).at(position);
  if (source != nullptr) {
    const auto is_named = [&](const std::string& name) {
      return name == *source || name == folded_source || is_other_spelling(name);
    };
    const bool is_source = std::ranges::any_of(scope_.source_names, is_named) ||
                           std::ranges::any_of(scope_.layout, is_named, &LayoutColumn::source);
    if (!is_source) return unknown_source(scope_, *column.source).at(position);
  }
  Error error = unknown_column(scope_, column);
  error.ksqldb = line_and_column(position) + std::string(scope_.clause) + " column '" +
                 full_name(column) + "' cannot be resolved.";
  if (scope_.clause == "PARTITION BY")
    error.ksqldb += " '" + column.name.text +
                    "' must be a column in the source schema since PARTITION BY is applied on the "
                    "input.";
  return std::move(error).at(position);
}

}  // namespace engine
