// Answers SHOW CONSUMER GROUPS and SHOW CONSUMER LAG, which show the readers of topics and their
// lag.
#include <strings.h>

#include <optional>

#include "engine/system_tables/information_parts.h"

namespace engine {
namespace {

Value count_or_null(const std::optional<int64_t>& value) {
  return value ? Value::bigint(*value) : Value();
}

// Returns whether the name refers to the group. An unquoted name is folded, but the ids of groups
// are not, so such a name matches the group in any letter case.
bool is_meant(const Name& name, const std::string& id) {
  return name.quoting == Quoting::None ? ::strcasecmp(name.text.c_str(), id.c_str()) == 0
                                       : name.text == id;
}

}  // namespace

Schema consumer_groups_schema() {
  return {{text_column("group"), text_column("state"), text_column("type"), text_column("assignor"),
           number_column("members"), number_column("partitions"), number_column("lag")}};
}

namespace {

// Returns the partitions of a group that the reader may see; nothing if the group has partitions and all are hidden.
std::optional<std::vector<const ConsumerGroup::Partition*>> seen_partitions(
    const ConsumerGroup& group, const InformationContext& context) {
  std::vector<const ConsumerGroup::Partition*> seen;
  for (const ConsumerGroup::Partition& each : group.partitions)
    if (may_see_topic(each.topic, context)) seen.push_back(&each);
  // The name of a group may reveal its purpose, so a group without a partition is shown only to a reader that may see
  // everything.
  if (seen.empty() && context.may_see && !context.may_see("")) return std::nullopt;
  return seen;
}

}  // namespace

// Returns a row for each group. The lag is the sum over the partitions in which the group has
// committed.
std::vector<InformationRow> consumer_group_rows(const InformationContext& context) {
  std::vector<InformationRow> rows;
  if (!context.groups) return rows;
  for (const ConsumerGroup& group : *context.groups) {
    const auto seen = seen_partitions(group, context);
    if (!seen) continue;
    int64_t lag = 0;
    for (const ConsumerGroup::Partition* each : *seen) lag += each->lag().value_or(0);
    rows.push_back({Value::text(group.id), Value::text(group.state),
                    text_or_null(group.protocol_type), text_or_null(group.protocol),
                    Value::bigint(group.members), Value::bigint(static_cast<int64_t>(seen->size())),
                    Value::bigint(lag)});
  }
  return rows;
}

Schema consumer_lag_schema() {
  return {{text_column("group"), text_column("topic"), number_column("partition"),
           number_column("committed"), number_column("end"), number_column("lag"),
           text_column("member")}};
}

std::vector<InformationRow> consumer_lag_rows(const std::optional<Name>& name,
                                              const InformationContext& context) {
  std::vector<InformationRow> rows;
  if (!context.groups) return rows;
  for (const ConsumerGroup& group : *context.groups) {
    if (name && !is_meant(*name, group.id)) continue;
    for (const ConsumerGroup::Partition& each : group.partitions)
      if (may_see_topic(each.topic, context))
        rows.push_back({Value::text(group.id), Value::text(each.topic),
                        Value::bigint(each.partition), count_or_null(each.committed),
                        count_or_null(each.end), count_or_null(each.lag()),
                        text_or_null(each.member)});
  }
  return rows;
}

}  // namespace engine
