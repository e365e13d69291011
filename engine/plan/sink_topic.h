// Checks the topic that a continuous query writes: a query must not read its own rows, and streams and tables over one
// topic must be able to read each other's records.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/plan/analysis.h"

namespace engine {

// Name and value of the setting that allows queries to read the topics that they write.
inline constexpr std::string_view kQueryCycles = "query.cycles", kAllowCycles = "allow";

// Fails with InvalidStatement if the rows that query `id` writes to `topic` reach one of its sources, directly or
// through other queries: each row would be written again without end. Passes under --compat ksqldb, and if the session
// has set query.cycles to allow. `at`: the name of the sink in the statement.
Status check_no_cycle(std::string_view id, const std::vector<std::string>& sources,
                      const std::string& topic, const PlanContext& context, TextPosition at);

// Compares the sink with the other streams and tables over its topic. Fails with InvalidStatement if one of the two
// cannot read the other's records, because their formats or the types of their columns differ. Otherwise returns a
// notice for each other stream or table, which lists the columns that only one of the two has. Returns no notices under
// --compat ksqldb.
Result<std::vector<std::string>> check_shared_topic(const DataSource& sink,
                                                    const PlanContext& context, TextPosition at);

}  // namespace engine
