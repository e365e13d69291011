// The GENERATOR properties of CREATE STREAM and CREATE TABLE: from the WITH clause to what rows are made of.
#pragma once
#include <optional>
#include <string_view>

#include "engine/catalog/catalog.h"
#include "engine/plan/generator.h"
#include "engine/plan/plan.h"
#include "engine/sql/ast.h"

namespace engine {

// Whether it says how a column is made: 'fields.amount.max'.
bool is_generator_rule(const Property& property);

// Nothing when the statement has no GENERATOR. Fails with InvalidStatement on a rule that is not known, or does not fit
// the column's type, and with LimitExceeded when rows or their rate would be too large; the error points at the
// property.
Result<std::optional<GeneratorPlan>> read_generator(const PropertyList& properties,
                                                    const DataSource& source);

// The query that writes such rows to the source's topic.
QueryPlan plan_generator(const DataSource& source, GeneratorPlan generator, std::string query_id);

}  // namespace engine
