// Reads the properties 'fields.COLUMN.RULE' of a generated source.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/catalog/catalog.h"
#include "engine/plan/generator.h"
#include "engine/plan/source_properties.h"

namespace engine {

// The properties of WITH that describe one column of a generator, such as 'fields.amount.min'. Null: the statement does
// not set this property.
struct ColumnRules {
  const Property *kind = nullptr, *min = nullptr, *max = nullptr, *start = nullptr, *end = nullptr,
                 *values = nullptr, *prefix = nullptr, *length = nullptr, *null_rate = nullptr;
};

// Stores a property 'fields.COLUMN.RULE' in `columns`, which has one entry per column of the schema. Fails with
// InvalidStatement or UndefinedColumn, at the position of the property.
Status note_rule(const Property& property, const Schema& schema, std::vector<ColumnRules>& columns);

// Returns the plan's rule for the column. Rules that the statement does not give have defaults.
// Fails with InvalidStatement if a rule does not fit the type of the column or the other rules; the
// error has the position of this rule.
Result<GeneratorRule> read_rules(const ColumnDef& column, SourceKind source,
                                 const ColumnRules& given);

// --- Errors at the position of a property, for all generator properties of WITH
inline constexpr std::string_view kRulePrefix = "FIELDS.";
Error invalid_property(const Property& property, std::string message);
// `expected` describes the allowed values: "a number from 1 to 9".
Error invalid_value(const Property& property, std::string_view expected);
Result<int64_t> read_count(const Property& property, int64_t minimum, int64_t maximum,
                           std::string_view expected);

}  // namespace engine
