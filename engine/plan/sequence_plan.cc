#include "engine/plan/sequence_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/catalog/passed_numbers.h"
#include "engine/plan/analysis.h"
#include "engine/sql/parse.h"
#include "engine/sql/sequence_call.h"
#include "engine/types/ascii.h"

namespace engine {

namespace {

using Number = SequenceOptions::Number;

Error invalid(std::string message, TextPosition at) {
  return Error{ErrorCode::InvalidParameter, std::move(message)}.at(at);
}

Error unknown(const TableName& name) {
  return Error{ErrorCode::UndefinedSource,
               fmt::format("relation \"{}\" does not exist", display_name(name.name.text))}
      .at(name.position);
}

// Returns the sequence with this name; null if it does not exist. Fails if a stream or a table has this name.
Result<SequencePtr> find(const Catalog& catalog, const TableName& name) {
  if (const SequencePtr* found = catalog.sequences.get(name.name.text)) return *found;
  if (catalog.find_source(name.name.text))
    return Error{ErrorCode::WrongObjectType,
                 fmt::format("\"{}\" is not a sequence", display_name(name.name.text))}
        .at(name.position);
  return SequencePtr();
}

Status take_owner(const SequenceOptions::Owner& owner, const Catalog& catalog, Sequence& sequence) {
  sequence.owner_table.clear();
  sequence.owner_column.clear();
  if (!owner.table) return {};
  const DataSource* table = catalog.find_source(owner.table->name.text);
  if (!table) return unknown(*owner.table);
  if (table->schema.index_of(owner.column.text) < 0)
    return Error{ErrorCode::UndefinedColumn,
                 fmt::format("column \"{}\" of relation \"{}\" does not exist",
                             display_name(owner.column.text), display_name(table->name))}
        .at(owner.table->position);
  sequence.owner_table = table->name;
  sequence.owner_column = owner.column.text;
  return {};
}

// Returns the limit of a sequence. NO MINVALUE and NO MAXVALUE stand for `otherwise`, the limit of
// the type in the sequence's direction.
int64_t limit_of(const std::optional<Number>& option, int64_t otherwise) {
  return option && option->value ? *option->value : otherwise;
}

Status take_limits(const SequenceOptions& options, bool is_new, bool has_new_type,
                   Sequence& sequence, const SequenceBounds& before, TextPosition at) {
  const SequenceBounds type = bounds_of(sequence.data_type);
  const int64_t least = sequence.increment > 0 ? 1 : type.min;
  const int64_t most = sequence.increment > 0 ? type.max : -1;
  // If a limit of the sequence was the limit of its old type, it becomes the limit of its new type.
  if (options.min || is_new || (has_new_type && sequence.min == before.min))
    sequence.min = limit_of(options.min, least);
  if (options.max || is_new || (has_new_type && sequence.max == before.max))
    sequence.max = limit_of(options.max, most);
  const TextPosition min_at = options.min ? options.min->position : at;
  const TextPosition max_at = options.max ? options.max->position : at;
  if (sequence.min < type.min || sequence.min > type.max)
    return invalid(fmt::format("MINVALUE ({}) is out of range for sequence data type {}",
                               sequence.min, sequence.data_type),
                   min_at);
  if (sequence.max < type.min || sequence.max > type.max)
    return invalid(fmt::format("MAXVALUE ({}) is out of range for sequence data type {}",
                               sequence.max, sequence.data_type),
                   max_at);
  if (sequence.min >= sequence.max)
    return invalid(
        fmt::format("MINVALUE ({}) must be less than MAXVALUE ({})", sequence.min, sequence.max),
        options.max ? max_at : min_at);
  return {};
}

Status check_within(const Sequence& sequence, int64_t value, std::string_view what,
                    TextPosition at) {
  if (value < sequence.min)
    return invalid(
        fmt::format("{} value ({}) cannot be less than MINVALUE ({})", what, value, sequence.min),
        at);
  if (value > sequence.max)
    return invalid(fmt::format("{} value ({}) cannot be greater than MAXVALUE ({})", what, value,
                               sequence.max),
                   at);
  return {};
}

// Applies the options to a new or an existing sequence.
Status take_options(const SequenceOptions& options, const Catalog& catalog, bool is_new,
                    Sequence& sequence, TextPosition at) {
  const SequenceBounds before = bounds_of(sequence.data_type);
  if (options.type) {
    if (*options.type != "smallint" && *options.type != "integer" && *options.type != "bigint")
      return invalid("sequence type must be smallint, integer, or bigint", options.type_position);
    sequence.data_type = *options.type;
  }
  if (options.increment) {
    sequence.increment = options.increment->value.value_or(1);
    if (sequence.increment == 0)
      return invalid("INCREMENT must not be zero", options.increment->position);
  }
  if (options.cycles) sequence.cycles = *options.cycles;
  TRY(take_limits(options, is_new, options.type.has_value(), sequence, before, at));
  if (options.start)
    sequence.start = options.start->value.value_or(1);
  else if (is_new)
    sequence.start = sequence.increment > 0 ? sequence.min : sequence.max;
  TRY(check_within(sequence, sequence.start, "START",
                   options.start ? options.start->position : at));
  if (is_new || options.restart) {
    sequence.last_value =
        options.restart && options.restart->value ? *options.restart->value : sequence.start;
    sequence.is_called = false;
  }
  TRY(check_within(sequence, sequence.last_value, "RESTART",
                   options.restart ? options.restart->position : at));
  if (options.cache) {
    sequence.cache = options.cache->value.value_or(1);
    if (sequence.cache <= 0)
      return invalid(fmt::format("CACHE ({}) must be greater than zero", sequence.cache),
                     options.cache->position);
  }
  if (options.owner) TRY(take_owner(*options.owner, catalog, sequence));
  return {};
}

// Fails if a column's DEFAULT uses the sequence.
Status check_unused(const Catalog& catalog, const Sequence& sequence, TextPosition at) {
  for (const auto& [name, source] : catalog.sources())
    for (const ColumnDef& column : source->schema.columns) {
      if (column.default_sql.empty()) continue;
      const auto parsed = parse_expression(column.default_sql);
      if (!parsed) continue;
      for (const std::string& named : sequences_named_in(**parsed)) {
        const auto meant = sequence_name(named);
        if (!meant || *meant != sequence.name) continue;
        return Error{ErrorCode::DependentObjects,
                     fmt::format("cannot drop sequence {} because other objects depend on it",
                                 display_name(sequence.name)),
                     fmt::format("default value for column {} of table {} depends on sequence {}",
                                 display_name(column.name), display_name(source->name),
                                 display_name(sequence.name)),
                     "Drop the table first."}
            .at(at);
      }
    }
  return {};
}

}  // namespace

Result<ChangedSequences> plan_create_sequence(const CreateSequence& create, const Catalog& catalog,
                                              const Uuid& id) {
  ChangedSequences changed;
  const std::string& name = create.name.name.text;
  if (catalog.sequences.get(name) || catalog.find_source(name) || catalog.views.get(name)) {
    if (!create.if_not_exists)
      return Error{ErrorCode::DuplicateSource,
                   fmt::format("relation \"{}\" already exists", display_name(name))}
          .at(create.name.position);
    changed.notices.push_back(
        fmt::format("relation \"{}\" already exists, skipping", display_name(name)));
    return changed;
  }
  auto sequence = std::make_shared<Sequence>();
  sequence->name = name;
  sequence->id = id;
  TRY(take_options(create.options, catalog, true, *sequence, create.name.position));
  changed.put.push_back(std::move(sequence));
  return changed;
}

Result<ChangedSequences> plan_alter_sequence(const AlterSequence& alter, const Catalog& catalog) {
  ChangedSequences changed;
  const SequencePtr before = TRY(find(catalog, alter.name));
  if (!before) {
    if (!alter.if_exists) return unknown(alter.name);
    changed.notices.push_back(fmt::format("relation \"{}\" does not exist, skipping",
                                          display_name(alter.name.name.text)));
    return changed;
  }
  auto sequence = std::make_shared<Sequence>(*before);
  TRY(take_options(alter.options, catalog, false, *sequence, alter.name.position));
  sequence->version += kVersionsOfCount;
  changed.put.push_back(std::move(sequence));
  return changed;
}

Result<ChangedSequences> plan_drop_sequences(const DropSequences& drop, const Catalog& catalog) {
  ChangedSequences changed;
  for (const TableName& name : drop.names) {
    const SequencePtr sequence = TRY(find(catalog, name));
    if (!sequence && !drop.if_exists)
      return Error{ErrorCode::UndefinedSource,
                   fmt::format("sequence \"{}\" does not exist", display_name(name.name.text))}
          .at(name.position);
    if (!sequence) {
      changed.notices.push_back(
          fmt::format("sequence \"{}\" does not exist, skipping", display_name(name.name.text)));
      continue;
    }
    TRY(check_unused(catalog, *sequence, name.position));
    if (std::ranges::find(changed.dropped, sequence->name) == changed.dropped.end())
      changed.dropped.push_back(sequence->name);
  }
  return changed;
}

std::vector<SequencePtr> sequences_of(const Catalog& catalog, const std::string& table) {
  std::vector<SequencePtr> owned;
  for (const auto& [name, sequence] : catalog.sequences)
    if (sequence->owner_table == table) owned.push_back(sequence);
  return owned;
}

std::vector<SequencePtr> sequences_of(const Catalog& catalog, const std::string& table,
                                      const std::string& column) {
  std::vector<SequencePtr> owned = sequences_of(catalog, table);
  std::erase_if(owned, [&](const SequencePtr& each) { return each->owner_column != column; });
  return owned;
}

}  // namespace engine
