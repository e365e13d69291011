// The values of columns that an INSERT ... SELECT or a COPY omits.
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
#include "server/sql/serial/session_sequences.h"

namespace server {

// Threads: one at a time. Owner: the statement.
class LeftOutColumns {
 public:
  // Each vector has one entry for each column of the schema:
  //   - `defaults`: the value for an omitted column;
  //   - `sequences`: the sequence whose numbers an omitted column gets instead of the default;
  //     empty: none;
  //   - `own`: the sequence that the column owns; empty: none.
  // Sequences have their names in the catalog.
  LeftOutColumns(std::shared_ptr<const engine::DataSource> source, Uuid topic,
                 std::vector<engine::Value> defaults, std::vector<std::string> sequences,
                 std::vector<std::string> own, SerialNumbers& numbers,
                 std::shared_ptr<SessionSequences> session)
      : source_(std::move(source)),
        topic_(topic),
        defaults_(std::move(defaults)),
        sequences_(std::move(sequences)),
        own_(std::move(own)),
        numbers_(numbers),
        session_(std::move(session)) {}

  // A column whose values are numbers of a sequence. The caller has to set the column before it
  // calls fill().
  struct Wanted {
    size_t column;
    std::string sequence;
  };
  std::vector<Wanted> wanted_numbers(std::span<const size_t> given) const;
  // Converts the numbers, one for each row, to values of the column.
  Result<engine::ColumnPtr> numbered(size_t column, std::span<const int64_t> numbers) const;

  // Replaces each null pointer by a column of default values. Fails with ObjectState if the first
  // number of a SERIAL column is not known yet (serial_look_up.h).
  Status fill(std::vector<engine::ColumnPtr>& columns, size_t rows) const;

  // Collects explicit numbers from the columns at these places. The sequences that these columns
  // own have to move past the numbers before the rows are written.
  void gather_given(std::span<const engine::ColumnPtr> columns, std::span<const size_t> given);
  std::vector<GivenNumbers> take_given() { return std::exchange(given_, {}); }

 private:
  std::shared_ptr<const engine::DataSource> source_;
  Uuid topic_;
  std::vector<engine::Value> defaults_;
  std::vector<std::string> sequences_, own_;  // by column; empty: no sequence
  std::vector<GivenNumbers> given_;
  SerialNumbers& numbers_;
  std::shared_ptr<SessionSequences> session_;  // notes the generated numbers; may be null
};

// Adds the numbers in a column to the entry of `sequence` in `given`. Rows in `except` are left
// out, because their numbers come from the sequence itself.
void add_given(const engine::Column& column, const std::string& sequence,
               std::span<const size_t> except, std::vector<GivenNumbers>& given);

// Writes the next numbers into those rows of an INSERT that omit them, and records the explicit
// numbers of the other rows. `session` keeps the last number for currval(); it may be null.
Status fill_serials(engine::InsertBatch& batch, const Uuid& topic, SerialNumbers& numbers,
                    SessionSequences* session);

}  // namespace server
