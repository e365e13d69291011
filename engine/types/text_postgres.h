// Prints values as PostgreSQL does. engine/formats/text_value.h reads these texts. (It is in the
// folder of the formats because MAP and STRUCT are JSON in these texts.)
#pragma once
#include <cstddef>
#include <string>

#include "engine/types/column.h"
#include "engine/types/text_forms.h"

namespace engine {

inline constexpr size_t kMostNestedTextBytes = size_t{64} << 20;

// Prints the value of a row that is not null: t and f, 1.5, 12.50, texts unchanged, \x00ff, 2024-01-02, 03:04:05.678,
// 2024-01-02 03:04:05.678+00, {1,2,NULL}. MAP, STRUCT and an ARRAY of ARRAYs are JSON; an ARRAY of MAPs or STRUCTs is
// an array of JSON texts. Each level of rows and arrays doubles the quotes of the inner levels: a text longer than
// kMostNestedTextBytes is cut somewhere after that limit, and callers refuse it.
void append_postgres_text(std::string& out, const Column& column, size_t row);
// Prints the value in the form of `type`, which may have other PostgresLabels than the column's
// type, and otherwise equals it. `forms` apply to dates, points in time and intervals, but not
// within JSON.
void append_postgres_text(std::string& out, const SqlType& type, const Column& column, size_t row,
                          const TextForms& forms = {});

}  // namespace engine
