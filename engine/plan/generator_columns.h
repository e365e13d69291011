// What the properties 'fields.COLUMN.RULE' say of a generated source's columns.
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

// Of one column, each with where it stands; null: not said.
struct ColumnRules {
  const Property *kind = nullptr, *min = nullptr, *max = nullptr, *start = nullptr, *end = nullptr,
                 *values = nullptr, *prefix = nullptr, *length = nullptr, *null_rate = nullptr;
};

// Puts a property 'fields.COLUMN.RULE' where it belongs in `columns`, which has one of each column of the schema. Fails with
// InvalidStatement or UndefinedColumn, at the property.
Status note_rule(const Property& property, const Schema& schema, std::vector<ColumnRules>& columns);

// What they make of the column; what is not said has a default. Fails with InvalidStatement at the rule that does not fit the
// column's type or the other rules.
Result<GeneratorRule> read_rules(const ColumnDef& column, SourceKind source,
                                 const ColumnRules& given);

// --- Errors at a property, for all of WITH that is about generated rows
inline constexpr std::string_view kRulePrefix = "FIELDS.";
Error invalid_property(const Property& property, std::string message);
// `expected`: "a number from 1 to 9".
Error invalid_value(const Property& property, std::string_view expected);
Result<int64_t> read_count(const Property& property, int64_t minimum, int64_t maximum,
                           std::string_view expected);

}  // namespace engine
