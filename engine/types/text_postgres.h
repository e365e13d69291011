// Values as PostgreSQL prints them. Reading them back is engine/formats/text_value.h, because MAP
// and STRUCT are JSON there.
#pragma once
#include <cstddef>
#include <string>

#include "engine/types/column.h"
#include "engine/types/text_forms.h"

namespace engine {

inline constexpr size_t kMostNestedTextBytes = size_t{64} << 20;

// The value of a row that is not null: t and f, 1.5, 12.50, text as it is, \x00ff, 2024-01-02,
// 03:04:05.678, 2024-01-02 03:04:05.678+00, {1,2,NULL}. MAP, STRUCT and an ARRAY of ARRAYs are
// JSON; an ARRAY of MAPs or STRUCTs is an array of JSON texts. Each level of rows and arrays doubles the quotes of those within:
// what is longer than kMostNestedTextBytes is cut off somewhere behind them, and callers refuse it.
void append_postgres_text(std::string& out, const Column& column, size_t row);
// As the type shows it, which is the column's but for its labels. `forms`: of dates, points in time and intervals, but for those in
// JSON.
void append_postgres_text(std::string& out, const SqlType& type, const Column& column, size_t row,
                          const TextForms& forms = {});

}  // namespace engine
