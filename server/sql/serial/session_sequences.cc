#include "server/sql/serial/session_sequences.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "engine/types/ascii.h"
#include "engine/types/catalog_numbers.h"

namespace server {

namespace {

// Whether this is the name that PostgreSQL would give to the sequence of a column with `is_serial`,
// which has no sequence in this server.
bool is_of_serial(const engine::Catalog& catalog, const std::string& name) {
  return std::ranges::any_of(catalog.sources(), [&](const auto& entry) {
    return std::ranges::any_of(entry.second->schema.columns, [&](const engine::ColumnDef& column) {
      return column.is_serial && entry.first + "_" + column.name + "_SEQ" == name;
    });
  });
}

engine::SequencePtr by_number(const engine::Catalog& catalog, int64_t number) {
  for (const auto& [name, sequence] : catalog.sequences)
    if (engine::object_number(engine::kRelationNumbers, name) == number) return sequence;
  return nullptr;
}

}  // namespace

Result<engine::SequencePtr> find_sequence(const engine::Catalog& catalog, std::string_view text) {
  if (!text.empty() && std::ranges::all_of(text, engine::is_ascii_digit)) {
    int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    if (auto found = by_number(catalog, number)) return found;
    return Error{ErrorCode::UndefinedSource,
                 fmt::format("relation with OID {} does not exist", text)};
  }
  const std::string name = TRY(engine::sequence_name(text));
  if (const engine::SequencePtr* found = catalog.sequences.get(name)) return *found;
  if (catalog.find_source(name))
    return Error{ErrorCode::WrongObjectType,
                 fmt::format("\"{}\" is not a sequence", engine::display_name(name))};
  std::string message = fmt::format("relation \"{}\" does not exist", text);
  if (is_of_serial(catalog, name))
    message += ": SERIAL columns have no sequence here; INSERT ... RETURNING returns their numbers";
  return Error{ErrorCode::UndefinedSource, std::move(message)};
}

void SessionSequences::note(const engine::Sequence& sequence, int64_t number) {
  const std::lock_guard lock(mutex_);
  current_[sequence.id] = number;
  last_ = sequence.id;
}

Status SessionSequences::next(std::string_view name, std::span<int64_t> numbers,
                              engine::EvalBudget* budget) {
  const engine::SequencePtr sequence = TRY(find_sequence(*definitions_.image()->catalog, name));
  TRY(reserves_.take(sequence->name, numbers, budget));
  if (!numbers.empty()) note(*sequence, numbers.back());
  return {};
}

void SessionSequences::next_later(std::string_view name, size_t count,
                                  SequenceReserves::Taken done) {
  const auto sequence = find_sequence(*definitions_.image()->catalog, name);
  if (!sequence) return done(sequence.error());
  reserves_.take_later((*sequence)->name, count, std::move(done));
}

Result<int64_t> SessionSequences::current(std::string_view name) const {
  const engine::SequencePtr sequence = TRY(find_sequence(*definitions_.image()->catalog, name));
  const std::lock_guard lock(mutex_);
  const auto found = current_.find(sequence->id);
  if (found != current_.end()) return found->second;
  return Error{ErrorCode::ObjectState,
               fmt::format("currval of sequence \"{}\" is not yet defined in this session",
                           engine::display_name(sequence->name))};
}

Result<int64_t> SessionSequences::last() const {
  const MetadataImagePtr image = definitions_.image();
  const std::lock_guard lock(mutex_);
  // As in PostgreSQL, setval() changes lastval(), and lastval() of a dropped sequence is undefined.
  if (last_)
    for (const auto& [name, sequence] : image->catalog->sequences)
      if (sequence->id == *last_) return current_.at(*last_);
  return Error{ErrorCode::ObjectState, "lastval is not yet defined in this session"};
}

Status SessionSequences::set(std::string_view name, int64_t value, bool is_called,
                             engine::EvalBudget* budget) {
  const engine::SequencePtr sequence = TRY(find_sequence(*definitions_.image()->catalog, name));
  TRY(reserves_.set(sequence->name, {value, is_called, asker_}, budget));
  if (!is_called) return {};
  const std::lock_guard lock(mutex_);
  current_[sequence->id] = value;
  return {};
}

int64_t SessionSequences::transaction() {
  const std::lock_guard lock(mutex_);
  if (!is_in_transaction_) return reserves_.next_transaction();
  if (!transaction_) transaction_ = reserves_.next_transaction();
  return *transaction_;
}

void SessionSequences::note_transaction(bool has_begun) {
  const std::lock_guard lock(mutex_);
  is_in_transaction_ = has_begun;
  transaction_.reset();
}

void SessionSequences::forget() {
  const std::lock_guard lock(mutex_);
  current_.clear();
  last_.reset();
}

Status ImaginarySequences::next(std::string_view name, std::span<int64_t> numbers,
                                engine::EvalBudget*) {
  TRY(find_sequence(catalog_, name));
  std::ranges::fill(numbers, 1);
  return {};
}

Result<int64_t> ImaginarySequences::current(std::string_view name) const {
  TRY(find_sequence(catalog_, name));
  return 1;
}

Status ImaginarySequences::set(std::string_view name, int64_t, bool, engine::EvalBudget*) {
  TRY(find_sequence(catalog_, name));
  return {};
}

}  // namespace server
