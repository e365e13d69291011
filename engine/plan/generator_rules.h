// The GENERATOR properties of CREATE STREAM and CREATE TABLE: from the WITH clause to the plan of the rows.
#pragma once
#include <optional>
#include <string_view>

#include "engine/catalog/catalog.h"
#include "engine/plan/generator.h"
#include "engine/plan/plan.h"
#include "engine/sql/ast.h"

namespace engine {

// Returns whether the property is a rule for a column, such as 'fields.amount.max'.
bool is_generator_rule(const Property& property);

// Returns nullopt if the statement has no GENERATOR. Fails with InvalidStatement on an unknown rule, or one that does
// not fit the column's type, and with LimitExceeded if rows or their rate would be too large; the error points at the
// property.
Result<std::optional<GeneratorPlan>> read_generator(const PropertyList& properties,
                                                    const DataSource& source);

// Returns the query that writes such rows to the source's topic.
QueryPlan plan_generator(const DataSource& source, GeneratorPlan generator, std::string query_id);

}  // namespace engine
