// The sequences as one session sees them. Implements nextval(), currval(), lastval() and setval().
#pragma once
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/functions/sequences.h"
#include "server/metadata/metadata_applier.h"
#include "server/sql/serial/sequence_numbers.h"
#include "server/sql/serial/serial_numbers.h"
#include "storage/log/log.h"

namespace server {

// A SERIAL column of a single server has no sequence. The functions accept the name that PostgreSQL would give to its
// sequence (t_id_seq), and use the numbers of the column.
//
// Threads: any. Owner: the session, and its statements on other threads.
class SessionSequences final : public engine::Sequences {
 public:
  SessionSequences(SequenceReserves& reserves, SerialNumbers& serials, const storage::Log& log,
                   const MetadataApplier& definitions, Asker asker)
      : reserves_(reserves),
        serials_(serials),
        log_(log),
        definitions_(definitions),
        asker_(std::move(asker)) {}

  Status next(std::string_view name, std::span<int64_t> numbers,
              engine::EvalBudget* budget) override;
  Result<int64_t> current(std::string_view name) const override;
  Result<int64_t> last() const override;
  Status set(std::string_view name, int64_t value, bool is_called,
             engine::EvalBudget* budget) override;
  int64_t transaction() override;
  // Called when a transaction begins or ends. With `has_begun`, all statements from now on belong
  // to one transaction. Otherwise each statement is a transaction of its own.
  void note_transaction(bool has_begun);
  // Takes the next numbers without blocking the calling loop: `done` is called once, within the
  // call or on another thread.
  void next_later(std::string_view name, size_t count, SequenceReserves::Taken done);
  // Notes the last number that a statement of the session has generated for a SERIAL column.
  void note_serial(const SerialNumbers::Column& column, int64_t number);
  // Executes DISCARD SEQUENCES.
  void forget();

 private:
  using Key = std::variant<Uuid, SerialNumbers::Column>;  // a sequence, or a SERIAL column
  struct Found {
    Key key;
    std::string name;  // in the catalog; for a SERIAL column the name that its sequence would have
    // For a SERIAL column: its table, which is part of the image, and the greatest number of its type.
    const engine::DataSource* table = nullptr;
    int64_t greatest = 0;
  };
  Result<Found> find(const MetadataImage& image, std::string_view name) const;
  void note(Key key, int64_t number);

  SequenceReserves& reserves_;
  SerialNumbers& serials_;
  const storage::Log& log_;
  const MetadataApplier& definitions_;
  const Asker asker_;
  mutable std::mutex mutex_;
  std::map<Key, int64_t> current_;
  std::optional<Key> last_;  // the sequence of the last nextval(), as a key of current_
  bool is_in_transaction_ = false;
  // number of the transaction; set when the number is first requested
  std::optional<int64_t> transaction_;
};

// Finds the sequence by its name, or by its number in PostgreSQL's catalog, which regclass shows.
// Fails with UndefinedSource,
// and with WrongObjectType for a stream or table.
Result<engine::SequencePtr> find_sequence(const engine::Catalog& catalog, std::string_view name);

// Sequences with which a DEFAULT can be checked without using up numbers: each existing sequence
// always returns 1.
class ImaginarySequences final : public engine::Sequences {
 public:
  explicit ImaginarySequences(const engine::Catalog& catalog) : catalog_(catalog) {}
  Status next(std::string_view name, std::span<int64_t> numbers,
              engine::EvalBudget* budget) override;
  Result<int64_t> current(std::string_view name) const override;
  Result<int64_t> last() const override { return 1; }
  Status set(std::string_view name, int64_t value, bool is_called,
             engine::EvalBudget* budget) override;
  int64_t transaction() override { return 1; }

 private:
  const engine::Catalog& catalog_;
};

}  // namespace server
