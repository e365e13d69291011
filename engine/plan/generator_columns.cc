#include "engine/plan/generator_columns.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/suggest.h"
#include "engine/types/text_number.h"
#include "engine/types/text_time.h"

namespace engine {

Error invalid_property(const Property& property, std::string message) {
  return Error{ErrorCode::InvalidStatement, std::move(message)}.at(property.position);
}

Error invalid_value(const Property& property, std::string_view expected) {
  return invalid_property(property, fmt::format("invalid value \"{}\" of property {}",
                                                property.text(), property.written_name))
      .with_hint(fmt::format("{} is {}.", property.written_name, expected));
}

Result<int64_t> read_count(const Property& property, int64_t minimum, int64_t maximum,
                           std::string_view expected) {
  int64_t number = 0;
  if (!absl::SimpleAtoi(property.text(), &number) || number < minimum || number > maximum)
    return invalid_value(property, expected);
  return number;
}

namespace {

constexpr int64_t kMaxLength = 32'768;
constexpr size_t kMaxValues = 10'000;

bool is_whole(const SqlType& type) {
  return type.kind() == TypeKind::Integer || type.kind() == TypeKind::Bigint;
}

// Returns whether the type has ranges of values. A range of texts is a prefix followed by a range of numbers.
bool has_range(const SqlType& type) {
  return type.is_numeric() || type.is_time_like() || type.kind() == TypeKind::String;
}

struct RuleRow {
  std::string_view name;
  const Property* ColumnRules::*rule;
};
constexpr RuleRow kRules[] = {{"KIND", &ColumnRules::kind},
                              {"MIN", &ColumnRules::min},
                              {"MAX", &ColumnRules::max},
                              {"START", &ColumnRules::start},
                              {"END", &ColumnRules::end},
                              {"VALUES", &ColumnRules::values},
                              {"PREFIX", &ColumnRules::prefix},
                              {"LENGTH", &ColumnRules::length},
                              {"NULL_RATE", &ColumnRules::null_rate}};

// Returns the column that 'fields.COLUMN.RULE' names, exactly or in upper case.
Result<size_t> find_column(const Property& property, std::string_view name, const Schema& schema) {
  int index = schema.index_of(std::string(name));
  if (index < 0) index = schema.index_of(absl::AsciiStrToUpper(std::string(name)));
  if (index >= 0) return static_cast<size_t>(index);
  std::vector<std::string> names;
  for (const ColumnDef& column : schema.columns) names.push_back(column.name);
  const std::string guess = did_you_mean(name, names);
  return Error{ErrorCode::UndefinedColumn,
               fmt::format("property {} names a column that does not exist: {}",
                           property.written_name, name)}
      .at(property.position)
      .with_hint(fmt::format("{}{}Columns: {}.", guess, guess.empty() ? "" : " ",
                             absl::StrJoin(names, ", ")));
}

// Converts the rules of one column, as the statement gives them, to the rules of the plan.
class RuleReader {
 public:
  RuleReader(const ColumnDef& column, SourceKind source, const ColumnRules& given)
      : column_(column), type_(column.type), source_(source), given_(given) {}

  Result<GeneratorRule> read() {
    TRY(check_type());
    TRY(read_kind());
    if (given_.null_rate) TRY(read_null_rate(*given_.null_rate));
    if (rule_.kind == GeneratorKind::Now) return std::move(rule_);
    if (given_.values) return TRY(read_values(*given_.values)), std::move(rule_);
    if (given_.length) return TRY(read_length(*given_.length)), std::move(rule_);
    if (given_.prefix) TRY(read_prefix(*given_.prefix));
    if (type_.kind() == TypeKind::Boolean)
      rule_.values = {"true", "false"};
    else if (type_.kind() == TypeKind::Bytes)
      rule_.length = 16;
    else
      TRY(read_range());
    return std::move(rule_);
  }

 private:
  bool is_key() const { return column_.role == ColumnRole::Key; }

  Error refuse(const Property& property, std::string_view why) const {
    return invalid_property(
        property, fmt::format("property {} does not fit column {} of type {}: {}",
                              property.written_name, column_.name, type_.to_string(), why));
  }

  Status check_type() const {
    if (type_.is_nested())
      return Error{
          ErrorCode::NotSupported,
          fmt::format("column {} of type {} cannot be generated: ARRAY, MAP and STRUCT are "
                      "not supported yet",
                      column_.name, type_.to_string())};
    if (column_.role == ColumnRole::Headers)
      return Error{ErrorCode::NotSupported,
                   fmt::format("column {} cannot be generated: HEADERS are not supported yet",
                               column_.name)};
    return {};
  }

  bool may_be_now() const { return type_.is_time_like() || type_.kind() == TypeKind::Bigint; }
  bool may_be_counted() const { return is_whole(type_) || type_.kind() == TypeKind::String; }

  // Chooses the kind of the rule. If the statement does not name the kind, a property that only one kind has (such as
  // `start`) decides. By default, a column of a time type gets the time of its row, a whole-number key of a stream a
  // sequence, and any other column random values.
  Status read_kind() {
    const Property* const range = given_.min ? given_.min : given_.max;
    const Property* const steps = given_.start ? given_.start : given_.end;
    const bool has_no_rule = !range && !steps && !given_.values && !given_.length && !given_.prefix;
    if (given_.kind) {
      TRY(name_kind(*given_.kind));
    } else if (steps) {
      TRY(check_counted(*steps));
      rule_.kind = GeneratorKind::Sequence;
    } else if (has_no_rule && type_.is_time_like()) {
      rule_.kind = GeneratorKind::Now;
    } else if (has_no_rule && is_key() && is_whole(type_) && source_ == SourceKind::Stream) {
      rule_.kind = GeneratorKind::Sequence;
    }
    if (rule_.kind == GeneratorKind::Sequence && range)
      return refuse(*range, "a sequence has start and end");
    if (rule_.kind != GeneratorKind::Sequence && steps)
      return refuse(*steps, "start and end require a sequence; other rules use min and max");
    if (rule_.kind == GeneratorKind::Now && !has_no_rule)
      return refuse(*given_.kind, "now can only be combined with null_rate");
    if (given_.values && (range || steps || given_.length || given_.prefix))
      return refuse(*given_.values, "values can only be combined with kind and null_rate");
    if (given_.length && (range || steps || given_.prefix || rule_.kind != GeneratorKind::Random))
      return refuse(*given_.length, "length can only be combined with null_rate");
    if (range && !has_range(type_)) return refuse(*range, "such values have no range");
    return {};
  }

  Status check_counted(const Property& property) const {
    if (may_be_counted() || given_.values) return {};
    return refuse(property, "sequences require INTEGER, BIGINT, STRING, or values");
  }

  Status name_kind(const Property& property) {
    const std::string kind = absl::AsciiStrToLower(property.text());
    if (kind == "random") return {};
    if (kind == "sequence") {
      rule_.kind = GeneratorKind::Sequence;
      return check_counted(property);
    }
    if (kind == "zipf") {
      rule_.kind = GeneratorKind::Zipf;
      if (may_be_counted() || given_.values) return {};
      return refuse(property, "zipf requires INTEGER, BIGINT, STRING, or values");
    }
    if (kind == "now") {
      rule_.kind = GeneratorKind::Now;
      if (may_be_now()) return {};
      return refuse(property, "now requires DATE, TIME, TIMESTAMP or BIGINT");
    }
    return invalid_value(property, "'random', 'zipf', 'sequence' or 'now'");
  }

  Status read_null_rate(const Property& property) {
    double rate = 0;
    if (!absl::SimpleAtod(property.text(), &rate) || !(rate >= 0 && rate <= 1))
      return invalid_value(property, "a number from 0 to 1");
    if (is_key() && rate > 0 && source_ == SourceKind::Table)
      return refuse(property, "the primary key of a table is never null");
    rule_.nulls_per_million = std::llround(rate * 1'000'000);
    return {};
  }

  Status read_values(const Property& property) {
    if (absl::StripAsciiWhitespace(property.text()).empty())
      return refuse(property, "the list of values is empty");
    const std::vector<std::string> parts = absl::StrSplit(property.text(), ',');
    for (std::string text : parts) {
      absl::StripAsciiWhitespace(&text);
      if (!is_value(text))
        return refuse(property, fmt::format("\"{}\" is not {}", text, type_.to_string()));
      rule_.values.push_back(text);
    }
    if (rule_.values.size() > kMaxValues)
      return Error{ErrorCode::LimitExceeded,
                   fmt::format("property {} has {} values, but the limit is {}",
                               property.written_name, rule_.values.size(), kMaxValues)}
          .at(property.position);
    return {};
  }

  bool is_value(const std::string& text) const {
    switch (type_.kind()) {
      case TypeKind::String:
        return true;
      case TypeKind::Boolean:
        return text == "true" || text == "false";
      case TypeKind::Double:
        return parse_double(text).has_value();
      default:
        return read_generated_bound(type_, text).has_value();
    }
  }

  Status read_length(const Property& property) {
    if (type_.kind() != TypeKind::String && type_.kind() != TypeKind::Bytes)
      return refuse(property, "only STRING and BYTES have a length");
    rule_.length = TRY(read_count(property, 1, kMaxLength, "a number from 1 to 32768"));
    return {};
  }

  Status read_prefix(const Property& property) {
    if (type_.kind() != TypeKind::String) return refuse(property, "only STRING has a prefix");
    rule_.prefix = property.text();
    return {};
  }

  // Reads the bounds of the range and sets missing ones, so that the plan shows them.
  Status read_range() {
    const bool counts = rule_.kind == GeneratorKind::Sequence;
    const Property* const first = counts ? given_.start : given_.min;
    const Property* const last = counts ? given_.end : given_.max;
    if (type_.kind() == TypeKind::String && !given_.prefix)
      rule_.prefix = absl::AsciiStrToLower(column_.name) + "_";
    set_default_range(counts);
    for (const auto& [property, bound] :
         {std::pair{first, &rule_.min}, std::pair{last, &rule_.max}}) {
      if (!property) continue;
      *bound = property->text();
      if (!is_bound(*bound))
        return refuse(*property, fmt::format("\"{}\" is not {}", *bound, range_of()));
    }
    // If only one bound is given and lies beyond the default of the other bound, the other bound is moved.
    if (first && !last && is_backward()) rule_.max = largest();
    if (last && !first && is_backward()) rule_.min = last->text();
    if (is_backward())
      return refuse(last ? *last : *first, fmt::format("{} is after {}", rule_.min, rule_.max));
    return {};
  }

  bool is_bound(const std::string& text) const {
    return type_.kind() == TypeKind::Double ? parse_double(text).has_value()
                                            : read_generated_bound(type_, text).has_value();
  }
  std::string range_of() const {
    return type_.kind() == TypeKind::String ? "a number" : type_.to_string();
  }
  bool is_backward() const {
    if (type_.kind() == TypeKind::Double)
      return parse_double(rule_.min).value() > parse_double(rule_.max).value();
    return *read_generated_bound(type_, rule_.min) > *read_generated_bound(type_, rule_.max);
  }

  std::string largest() const {
    switch (type_.kind()) {
      case TypeKind::Integer:
        return std::to_string(INT32_MAX);
      case TypeKind::Decimal: {
        const Int128 limit = std::min<Int128>(power_of_ten(type_.precision()) - 1, INT64_MAX);
        return decimal_text(limit, type_.scale());
      }
      case TypeKind::Double:
        return "1e300";
      case TypeKind::Date:
        return "9999-12-31";
      case TypeKind::Time:
        return "23:59:59.999";
      case TypeKind::Timestamp:
        return "9999-12-31T23:59:59.999";
      default:
        return std::to_string(INT64_MAX);
    }
  }

  void set_default_range(bool counts) {
    rule_.min = "0";
    switch (type_.kind()) {
      case TypeKind::Integer:
      case TypeKind::Bigint:
        rule_.min = counts || is_key() ? "1" : "0";
        rule_.max = counts ? largest() : is_key() ? "1000" : "999";
        break;
      case TypeKind::Decimal: {
        const Int128 thousand =
            type_.scale() > 15 ? power_of_ten(18) : 1000 * power_of_ten(type_.scale());
        const Int128 limit = std::min(power_of_ten(type_.precision()) - 1, thousand);
        rule_.min = decimal_text(0, type_.scale());
        rule_.max = decimal_text(limit, type_.scale());
        break;
      }
      case TypeKind::Double:
        rule_.max = "100";
        break;
      case TypeKind::Date:
        rule_.min = "1970-01-01";
        rule_.max = largest();
        break;
      case TypeKind::Time:
        rule_.min = "00:00";
        rule_.max = largest();
        break;
      case TypeKind::Timestamp:
        rule_.min = "1970-01-01T00:00:00";
        rule_.max = largest();
        break;
      default:
        rule_.max = counts ? largest() : "9";
        break;
    }
  }

  const ColumnDef& column_;
  const SqlType& type_;
  const SourceKind source_;
  const ColumnRules& given_;
  GeneratorRule rule_;
};

}  // namespace

Status note_rule(const Property& property, const Schema& schema,
                 std::vector<ColumnRules>& columns) {
  const std::string_view name = std::string_view(property.written_name).substr(kRulePrefix.size());
  const size_t dot = name.rfind('.');
  const std::string rule(dot == std::string_view::npos ? "" : name.substr(dot + 1));
  const auto row = std::ranges::find(kRules, absl::AsciiStrToUpper(rule), &RuleRow::name);
  if (row == std::end(kRules)) {
    std::vector<std::string> names;
    for (const RuleRow& known : kRules)
      names.push_back(absl::AsciiStrToLower(std::string(known.name)));
    const std::string guess = did_you_mean(rule, names);
    return invalid_property(property, fmt::format("unknown rule \"{}\" in property {}", rule,
                                                  property.written_name))
        .with_hint(fmt::format("{}{}Use 'fields.COLUMN.RULE' = value with one of the rules {}.",
                               guess, guess.empty() ? "" : " ", absl::StrJoin(names, ", ")));
  }
  const size_t column = TRY(find_column(property, name.substr(0, dot), schema));
  columns[column].*row->rule = &property;  // each name occurs only once
  return {};
}

Result<GeneratorRule> read_rules(const ColumnDef& column, SourceKind source,
                                 const ColumnRules& given) {
  return RuleReader(column, source, given).read();
}

}  // namespace engine
