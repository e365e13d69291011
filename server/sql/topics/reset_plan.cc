#include "server/sql/topics/reset_plan.h"

#include <algorithm>
#include <memory>

namespace server {

namespace {

std::optional<int64_t> offset_in(const KafkaAdmin::Offsets& offsets,
                                 const KafkaAdmin::Place& place) {
  const auto found = offsets.find(place);
  return found == offsets.end() ? std::nullopt : std::optional(found->second);
}

std::optional<int64_t> target_of(const engine::ResetOffsets& reset, const ResetFacts& facts,
                                 const KafkaAdmin::Place& place, int64_t first, int64_t end) {
  using Target = engine::ResetOffsets::Target;
  switch (reset.target) {
    case Target::Earliest:
      return first;
    case Target::Latest:
      return end;
    case Target::Timestamp:
      return offset_in(facts.at_time, place).value_or(end);
    case Target::Offset:
      return reset.number;
    case Target::Group:
      return offset_in(facts.other, place);
    case Target::Shift: {
      const auto now = offset_in(facts.committed, place);
      int64_t then = 0;
      if (!now) return std::nullopt;
      // A sum beyond 64 bits is beyond every partition.
      if (__builtin_add_overflow(*now, reset.number, &then)) return reset.number < 0 ? first : end;
      return then;
    }
  }
  return std::nullopt;
}

}  // namespace

KafkaAdmin::Offsets committed_by(const engine::ConsumerGroup& group) {
  KafkaAdmin::Offsets offsets;
  for (const engine::ConsumerGroup::Partition& each : group.partitions)
    if (each.committed)
      offsets.emplace(KafkaAdmin::Place{each.topic, static_cast<int32_t>(each.partition)},
                      *each.committed);
  return offsets;
}

std::vector<OffsetChange> plan_reset(const engine::ResetOffsets& reset, const ResetFacts& facts) {
  std::vector<OffsetChange> changes;
  for (const auto& [place, first] : facts.first) {
    // The beginning may have moved past the end, because the end was read earlier.
    const int64_t end = std::max(first, facts.end.at(place));
    if (const auto then = target_of(reset, facts, place, first, end))
      changes.push_back(
          {place, offset_in(facts.committed, place), std::clamp(*then, first, end), end});
  }
  return changes;
}

engine::Schema reset_schema() {
  const auto number = [](const char* name) {
    return engine::ColumnDef{.name = name, .type = engine::TypeKind::Bigint};
  };
  return {{{.name = "topic", .type = engine::TypeKind::String},
           number("partition"),
           number("now"),
           number("then"),
           number("replays"),
           number("skips"),
           number("lag")}};
}

engine::InformationRows rows_of(const std::vector<OffsetChange>& changes) {
  const engine::Schema schema = reset_schema();
  std::vector<std::shared_ptr<engine::Column>> columns;
  for (const engine::ColumnDef& column : schema.columns)
    columns.push_back(std::make_shared<engine::Column>(column.type));
  for (const OffsetChange& change : changes) {
    columns[0]->append_copy(change.place.topic);
    columns[1]->append(int64_t{change.place.partition});
    columns[3]->append(change.then);
    columns[6]->append(change.end - change.then);
    if (!change.now) {
      for (const size_t unknown : {2, 4, 5}) columns[unknown]->append_null();
      continue;
    }
    columns[2]->append(*change.now);
    columns[4]->append(std::max<int64_t>(0, *change.now - change.then));
    columns[5]->append(std::max<int64_t>(0, change.then - *change.now));
  }
  return {schema, {columns.begin(), columns.end()}, changes.size()};
}

}  // namespace server
