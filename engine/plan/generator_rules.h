// Reads the GENERATOR properties in the WITH clause of CREATE STREAM and CREATE TABLE, and plans the rows.
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

// Returns the plan of the rows; nullopt if the statement has no GENERATOR. Fails with InvalidStatement if a rule is
// unknown or does not fit the type of its column, and with LimitExceeded if rows or their rate would be too large.
// The error has the position of the property.
Result<std::optional<GeneratorPlan>> read_generator(const PropertyList& properties,
                                                    const DataSource& source);

// Returns the query that writes the generated rows to the source's topic.
QueryPlan plan_generator(const DataSource& source, GeneratorPlan generator, std::string query_id);

}  // namespace engine
