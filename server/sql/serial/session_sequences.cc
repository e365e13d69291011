#include "server/sql/serial/session_sequences.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <utility>

#include "engine/plan/serial_columns.h"
#include "engine/types/ascii.h"
#include "engine/types/catalog_numbers.h"
#include "engine/types/postgres_types.h"
#include "server/metadata/rights.h"
#include "server/sql/serial/serial_look_up.h"

namespace server {

namespace {

// A SERIAL column that has no sequence.
struct SerialColumn {
  const engine::DataSource* table;
  size_t place;
};

// Finds the SERIAL column for whose sequence PostgreSQL would choose this name.
std::optional<SerialColumn> find_serial(const engine::Catalog& catalog, const std::string& name) {
  for (const auto& [_, source] : catalog.sources())
    for (size_t i = 0; i < source->schema.columns.size(); ++i) {
      const engine::ColumnDef& column = source->schema.columns[i];
      if (!column.is_serial) continue;
      const auto its =
          engine::sequence_name(engine::serial_sequence_text(*source, catalog, column.name));
      if (its && *its == name) return SerialColumn{source.get(), i};
    }
  return std::nullopt;
}

int64_t greatest_of(const engine::SqlType& type) {
  if (type.label() == engine::label::kInt2) return engine::bounds_of("smallint").max;
  return engine::bounds_of(type.kind() == engine::TypeKind::Bigint ? "bigint" : "integer").max;
}

// Sequences have no rights of their own. The rights on the table apply, because the rows of the table use the
// numbers.
Error no_right(const std::string& name) {
  return {ErrorCode::InsufficientPrivilege,
          fmt::format("permission denied for sequence {}", engine::display_name(name))};
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
  return Error{ErrorCode::UndefinedSource, fmt::format("relation \"{}\" does not exist", text)};
}

Result<SessionSequences::Found> SessionSequences::find(const MetadataImage& image,
                                                       std::string_view name) const {
  const auto sequence = find_sequence(*image.catalog, name);
  if (sequence) return Found{(*sequence)->id, (*sequence)->name};
  if (const auto written = engine::sequence_name(name))
    if (const auto serial = find_serial(*image.catalog, *written))
      if (const storage::TopicInfo* topic = image.topics->find(serial->table->topic)) {
        const SerialNumbers::Column column(topic->id, serial->place);
        if (!serials_.knows(column) && is_empty(log_, *topic)) serials_.begin(column, 1);
        return Found{column, *written, serial->table,
                     greatest_of(serial->table->schema.columns[serial->place].type)};
      }
  return sequence.error();
}

void SessionSequences::note(Key key, int64_t number) {
  const std::lock_guard lock(mutex_);
  current_[key] = number;
  last_ = std::move(key);
}

void SessionSequences::note_serial(const SerialNumbers::Column& column, int64_t number) {
  note(column, number);
}

Status SessionSequences::next(std::string_view name, std::span<int64_t> numbers,
                              engine::EvalBudget* budget) {
  const MetadataImagePtr image = definitions_.image();
  Found found = TRY(find(*image, name));
  if (numbers.empty()) return {};
  if (const auto* column = std::get_if<SerialNumbers::Column>(&found.key)) {
    if (!check_insert(*image->users, asker_, *found.table)) return no_right(found.name);
    const auto count = static_cast<int64_t>(numbers.size());
    const auto first = serials_.take(*column, count);
    if (!first)
      return Error{
          ErrorCode::ObjectState,
          fmt::format("the next number of \"{}\" is not known yet",
                      engine::display_name(found.name)),
          "After the start of the server, the first INSERT into the table reads the numbers "
          "of its rows. A statement with nextval() reads them if it contains the name of "
          "the table and the user may read the table.",
          "INSERT ... RETURNING returns the numbers of new rows."};
    if (*first > found.greatest - (count - 1))
      return Error{ErrorCode::OutOfRange,
                   fmt::format("nextval: reached maximum value of sequence \"{}\" ({})",
                               engine::display_name(found.name), found.greatest)};
    std::iota(numbers.begin(), numbers.end(), *first);
  } else {
    TRY(reserves_.take(found.name, numbers, budget));
  }
  note(std::move(found.key), numbers.back());
  return {};
}

void SessionSequences::next_later(std::string_view name, size_t count,
                                  SequenceReserves::Taken done) {
  const auto sequence = find_sequence(*definitions_.image()->catalog, name);
  if (!sequence) return done(sequence.error());
  reserves_.take_later((*sequence)->name, count, std::move(done));
}

Result<int64_t> SessionSequences::current(std::string_view name) const {
  const Found sequence = TRY(find(*definitions_.image(), name));
  const std::lock_guard lock(mutex_);
  const auto found = current_.find(sequence.key);
  if (found != current_.end()) return found->second;
  return Error{ErrorCode::ObjectState,
               fmt::format("currval of sequence \"{}\" is not yet defined in this session",
                           engine::display_name(sequence.name))};
}

Result<int64_t> SessionSequences::last() const {
  const MetadataImagePtr image = definitions_.image();
  const std::lock_guard lock(mutex_);
  // As in PostgreSQL, setval() changes lastval(), and lastval() of a dropped sequence is undefined.
  if (last_ && std::holds_alternative<SerialNumbers::Column>(*last_)) return current_.at(*last_);
  if (last_)
    for (const auto& [name, sequence] : image->catalog->sequences)
      if (Key(sequence->id) == *last_) return current_.at(*last_);
  return Error{ErrorCode::ObjectState, "lastval is not yet defined in this session"};
}

Status SessionSequences::set(std::string_view name, int64_t value, bool is_called,
                             engine::EvalBudget* budget) {
  const MetadataImagePtr image = definitions_.image();
  const Found found = TRY(find(*image, name));
  if (const auto* column = std::get_if<SerialNumbers::Column>(&found.key)) {
    if (!check_owner(*image->users, asker_, *found.table)) return no_right(found.name);
    engine::Sequence bounds;
    bounds.name = found.name;
    bounds.max = found.greatest;
    TRY(engine::set_value(bounds, value, is_called));
    serials_.note(*column, is_called ? value : value - 1);
  } else {
    TRY(reserves_.set(found.name, {value, is_called, asker_}, budget));
  }
  if (!is_called) return {};
  const std::lock_guard lock(mutex_);
  current_[found.key] = value;
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
