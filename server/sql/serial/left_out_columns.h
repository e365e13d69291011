// What the columns hold that an INSERT ... SELECT or a COPY leaves out.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/catalog/catalog.h"
#include "engine/plan/insert_values.h"
#include "engine/types/column.h"
#include "engine/types/value.h"
#include "server/sql/serial/given_numbers.h"
#include "server/sql/serial/serial_numbers.h"

namespace server {

// Threads: one at a time. Owner: the statement.
class LeftOutColumns {
 public:
  // `defaults`: a value for each column of the schema; `sequences`: of which sequence it has the next number instead; `own`:
  // the catalog's name of the one that it owns.
  LeftOutColumns(std::shared_ptr<const engine::DataSource> source, Uuid topic,
                 std::vector<engine::Value> defaults, std::vector<std::string> sequences,
                 std::vector<std::string> own, SerialNumbers& numbers)
      : source_(std::move(source)),
        topic_(topic),
        defaults_(std::move(defaults)),
        sequences_(std::move(sequences)),
        own_(std::move(own)),
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

  // Of the columns at these places those numbers that their own sequences are to pass, before the rows are written.
  void gather_given(std::span<const engine::ColumnPtr> columns, std::span<const size_t> given);
  std::vector<GivenNumbers> take_given() { return std::exchange(given_, {}); }

 private:
  std::shared_ptr<const engine::DataSource> source_;
  Uuid topic_;
  std::vector<engine::Value> defaults_;
  std::vector<std::string> sequences_, own_;  // empty: of none
  std::vector<GivenNumbers> given_;
  SerialNumbers& numbers_;
};

// Adds a column's numbers to those of its sequence; not those of the rows in `except`, which are in order.
void add_given(const engine::Column& column, const std::string& sequence,
               std::span<const size_t> except, std::vector<GivenNumbers>& given);

// Puts the next numbers where rows of an INSERT left them out, and notes those that they did not.
Status fill_serials(engine::InsertBatch& batch, const Uuid& topic, SerialNumbers& numbers);

}  // namespace server
