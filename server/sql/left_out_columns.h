// What the columns hold that an INSERT ... SELECT or a COPY leaves out.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/plan/insert_values.h"
#include "engine/types/column.h"
#include "engine/types/value.h"
#include "server/sql/serial_numbers.h"

namespace server {

// Threads: one at a time. Owner: the statement.
class LeftOutColumns {
 public:
  // `defaults`: a value for each column of the schema; `sequences`: of which sequence it has the next number instead.
  LeftOutColumns(std::shared_ptr<const engine::DataSource> source, Uuid topic,
                 std::vector<engine::Value> defaults, std::vector<std::string> sequences,
                 SerialNumbers& numbers)
      : source_(std::move(source)),
        topic_(topic),
        defaults_(std::move(defaults)),
        sequences_(std::move(sequences)),
        numbers_(numbers) {}

  // Columns that get numbers of a sequence, which whoever fills has to have put there before.
  struct Wanted {
    size_t column;
    std::string sequence;
  };
  std::vector<Wanted> wanted_numbers(std::span<const size_t> given) const;
  // The numbers for so many rows as there are of them, as values of the column.
  Result<engine::ColumnPtr> numbered(size_t column, std::span<const int64_t> numbers) const;

  // Puts a column wherever there is a null pointer. Fails with ObjectState where numbers have no beginning yet, see
  // serial_look_up.h.
  Status fill(std::vector<engine::ColumnPtr>& columns, size_t rows) const;

 private:
  std::shared_ptr<const engine::DataSource> source_;
  Uuid topic_;
  std::vector<engine::Value> defaults_;
  std::vector<std::string> sequences_;  // empty: of none
  SerialNumbers& numbers_;
};

// Puts the next numbers where rows of an INSERT left them out, and notes those that they did not.
Status fill_serials(engine::InsertBatch& batch, const Uuid& topic, SerialNumbers& numbers);

}  // namespace server
