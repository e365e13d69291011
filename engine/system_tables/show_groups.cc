// Answers SHOW CONSUMER GROUPS and SHOW CONSUMER LAG, which show the readers of topics and their
// lag.
#include <strings.h>

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

// Returns a row for each group. The lag is the sum over the partitions in which the group has
// committed.
std::vector<InformationRow> consumer_group_rows(const InformationContext& context) {
  std::vector<InformationRow> rows;
  if (!context.groups) return rows;
  for (const ConsumerGroup& group : *context.groups) {
    int64_t lag = 0;
    for (const ConsumerGroup::Partition& each : group.partitions) lag += each.lag().value_or(0);
    rows.push_back(
        {Value::text(group.id), Value::text(group.state), text_or_null(group.protocol_type),
         text_or_null(group.protocol), Value::bigint(group.members),
         Value::bigint(static_cast<int64_t>(group.partitions.size())), Value::bigint(lag)});
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
      rows.push_back({Value::text(group.id), Value::text(each.topic), Value::bigint(each.partition),
                      count_or_null(each.committed), count_or_null(each.end),
                      count_or_null(each.lag()), text_or_null(each.member)});
  }
  return rows;
}

}  // namespace engine
