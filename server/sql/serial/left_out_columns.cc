#include "server/sql/serial/left_out_columns.h"

#include "server/sql/serial/sequence_rows.h"

#include <fmt/format.h>

#include <algorithm>

namespace server {

namespace {

Result<int64_t> take(SerialNumbers& numbers, SessionSequences* session, const Uuid& topic,
                     size_t column, size_t count, const engine::DataSource& source) {
  const auto size = static_cast<int64_t>(count);
  if (const auto first = numbers.take({topic, column}, size)) {
    if (session && size > 0) session->note_serial({topic, column}, *first + size - 1);
    return *first;
  }
  return Error{ErrorCode::ObjectState,
               fmt::format("{} was emptied while rows for it were collected", source.name)};
}

Status append_number(engine::Column& column, int64_t number) {
  const bool is_bigint = column.type().kind() == engine::TypeKind::Bigint;
  if (is_bigint && number < INT64_MAX) {
    column.append(number);
  } else if (!is_bigint && number <= INT32_MAX) {
    column.append(static_cast<int32_t>(number));
  } else {
    return Error{ErrorCode::OutOfRange,
                 "the numbers of a SERIAL column are exhausted",
                 {},
                 is_bigint ? "" : "Use BIGSERIAL, which has a larger range."};
  }
  return {};
}

// Stores the greatest explicit number of the statement, so that no later row gets one of the explicit numbers.
void note_given(const engine::Column& column, const Uuid& topic, size_t place,
                SerialNumbers& numbers) {
  int64_t greatest = 0;
  for (size_t row = 0; row < column.size(); ++row) {
    const engine::Value value = column.value_at(row);
    if (value.is_null()) continue;
    const bool is_bigint = column.type().kind() == engine::TypeKind::Bigint;
    greatest = std::max(greatest, is_bigint ? value.as_int64() : int64_t{value.as_int32()});
  }
  if (greatest > 0) numbers.note({topic, place}, greatest);
}

}  // namespace

std::vector<LeftOutColumns::Wanted> LeftOutColumns::wanted_numbers(
    std::span<const size_t> given) const {
  std::vector<Wanted> wanted;
  for (size_t i = 0; i < sequences_.size(); ++i)
    if (!sequences_[i].empty() && std::ranges::find(given, i) == given.end())
      wanted.push_back({i, sequences_[i]});
  return wanted;
}

Result<engine::ColumnPtr> LeftOutColumns::numbered(size_t column,
                                                   std::span<const int64_t> numbers) const {
  const engine::ColumnDef& to = source_->schema.columns[column];
  auto filled = std::make_shared<engine::Column>(to.type);
  for (const int64_t number : numbers) {
    if (to.type.kind() == engine::TypeKind::Bigint) {
      filled->append(number);
    } else if (to.type.kind() == engine::TypeKind::Integer && number >= INT32_MIN &&
               number <= INT32_MAX) {
      filled->append(static_cast<int32_t>(number));
    } else if (to.type.kind() == engine::TypeKind::Integer) {
      return Error{ErrorCode::OutOfRange, "integer out of range"};
    } else {
      return Error{
          ErrorCode::NotSupported,
          fmt::format("COPY that omits column \"{}\", whose numbers are of type {}, is not "
                      "supported yet",
                      to.name, to.type.to_string()),
          {},
          "Add the column to the list."};
    }
  }
  return engine::ColumnPtr(std::move(filled));
}

Status LeftOutColumns::fill(std::vector<engine::ColumnPtr>& columns, size_t rows) const {
  for (size_t i = 0; i < columns.size(); ++i) {
    const engine::ColumnDef& column = source_->schema.columns[i];
    if (columns[i] && column.is_serial) note_given(*columns[i], topic_, i, numbers_);
    if (columns[i]) continue;
    if (!column.is_serial && has_sequence_default(column))
      return Error{ErrorCode::NotSupported,
                   fmt::format("COPY that omits column \"{}\", whose DEFAULT computes with a "
                               "sequence, is not supported yet",
                               column.name),
                   {},
                   "Add the column to the list."};
    if (!column.is_serial) {
      columns[i] = engine::constant_column(column.type, defaults_[i], rows);
      continue;
    }
    const int64_t first = TRY(take(numbers_, session_.get(), topic_, i, rows, *source_));
    auto filled = std::make_shared<engine::Column>(column.type);
    for (size_t row = 0; row < rows; ++row)
      TRY(append_number(*filled, first + static_cast<int64_t>(row)));
    columns[i] = std::move(filled);
  }
  return {};
}

void LeftOutColumns::gather_given(std::span<const engine::ColumnPtr> columns,
                                  std::span<const size_t> given) {
  for (const size_t place : given)
    if (!own_[place].empty()) add_given(*columns[place], own_[place], {}, given_);
}

void add_given(const engine::Column& column, const std::string& sequence,
               std::span<const size_t> except, std::vector<GivenNumbers>& given) {
  const bool is_bigint = column.type().kind() == engine::TypeKind::Bigint;
  if (!is_bigint && column.type().kind() != engine::TypeKind::Integer) return;
  auto its = std::ranges::find(given, sequence, &GivenNumbers::sequence);
  auto left_out = except.begin();
  for (size_t row = 0; row < column.size(); ++row) {
    if (left_out != except.end() && *left_out == row) {
      ++left_out;
      continue;
    }
    const engine::Value value = column.value_at(row);
    if (value.is_null()) continue;
    if (its == given.end()) its = given.insert(its, {sequence, {}});
    its->numbers.push_back(is_bigint ? value.as_int64() : int64_t{value.as_int32()});
  }
}

Status fill_serials(engine::InsertBatch& batch, const Uuid& topic, SerialNumbers& numbers,
                    SessionSequences* session) {
  for (const engine::InsertBatch::Gaps& gaps : batch.serials) {
    int64_t number =
        TRY(take(numbers, session, topic, gaps.column, gaps.rows.size(), *batch.target));
    const engine::Column& given = *batch.columns[gaps.column];
    auto filled = std::make_shared<engine::Column>(given.type());
    auto gap = gaps.rows.begin();
    for (size_t row = 0; row < batch.timestamps.size(); ++row) {
      if (gap == gaps.rows.end() || *gap != row) {
        filled->append_from(given, row);
        continue;
      }
      TRY(append_number(*filled, number++));
      ++gap;
    }
    batch.columns[gaps.column] = std::move(filled);
  }
  for (size_t i = 0; i < batch.columns.size(); ++i)
    if (batch.target->schema.columns[i].is_serial) note_given(*batch.columns[i], topic, i, numbers);
  return {};
}

}  // namespace server
