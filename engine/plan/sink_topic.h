// Checks the topic into which a continuous query writes. The query must not read its own rows.
// Streams and tables over one topic must be able to read each other's records.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/plan/analysis.h"

namespace engine {

// Name and value of the setting that allows queries to read the topics that they write.
inline constexpr std::string_view kQueryCycles = "query.cycles", kAllowCycles = "allow";

// Fails with InvalidStatement if the rows that query `id` writes to `topic` reach one of its own
// sources, directly or through other queries: each row would then be written again without end.
// Does not fail under --compat ksqldb, or if the session has set query.cycles to allow. `at` is the
// position of the sink's name in the statement.
Status check_no_cycle(std::string_view id, const std::vector<std::string>& sources,
                      const std::string& topic, const PlanContext& context, TextPosition at);

// Compares the sink with the other streams and tables over its topic. Fails with InvalidStatement
// if the formats or the types of columns differ, so that one of them could not read the other's
// records. Otherwise returns a notice for each other stream or table whose columns differ; it lists
// the columns that only one of the two has. Returns no notices under --compat ksqldb.
Result<std::vector<std::string>> check_shared_topic(const DataSource& sink,
                                                    const PlanContext& context, TextPosition at);

// Returns the notice for a new sink whose topic exists already. DROP keeps the topic unless the statement has DELETE TOPIC, so
// the topic may have records of an earlier query. Consumers read them, and a table shows them when its query has ended.
std::string notice_of_kept_topic(const DataSource& sink);

}  // namespace engine
